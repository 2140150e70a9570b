//! The decoders and heads: every tensor's name here, in the PyTorch port and in deeplab2.

use super::layout::Layout;
use std::sync::LazyLock;

/// One tensor, or one for each number that its patterns stand for.
pub(super) struct Tensor {
    pub ours: String,
    pub pytorch: String,
    pub deeplab2: String,
    pub layout: Layout,
}

/// What a module holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A batch norm.
    Norm,
    /// A layer norm.
    LayerNorm,
    /// A convolution and its batch norm.
    ConvNorm(Layout),
    /// A convolution with a bias, here `NAME.{weight,bias}`.
    Biased(Layout),
    /// A single tensor.
    Alone(Layout),
}

use Kind::{Alone, Biased, ConvNorm, LayerNorm, Norm};
use Layout::{Depthwise, Flat, Kernel, Matrix, Queries, Sequence, SequenceAsMap, Table};

/// Ours, PyTorch's, deeplab2's.
pub(super) type Module = (&'static str, &'static str, &'static str, Kind);

/// Below `pixel_decoder`, `sem_seg_head.pixel_decoder`, `pixel_decoder`.
const PIXEL_DECODER: [Module; 7] = [
    ("norms.#", "_in_norms.#", "_backbone_norms/#", LayerNorm),
    (
        "stages.#.#.conv1",
        "_stages.#._blocks.#._conv1_bn_act",
        "_stages/#/_block+/_conv1_bn_act",
        ConvNorm(Kernel),
    ),
    (
        "stages.#.#.conv2",
        "_stages.#._blocks.#._conv2_bn_act",
        "_stages/#/_block+/_conv2_bn_act",
        ConvNorm(Kernel),
    ),
    ("stages.#.#.conv3", "_stages.#._blocks.#._conv3_bn", "_stages/#/_block+/_conv3_bn", ConvNorm(Kernel)),
    ("stages.#.#.shortcut", "_stages.#._blocks.#._shortcut", "_stages/#/_block+/_shortcut", ConvNorm(Kernel)),
    (
        "fuses.#.low",
        "_resized_fuses.#._conv_bn_low",
        "_skip_connections/#/_resized_conv_bn1",
        ConvNorm(Kernel),
    ),
    (
        "fuses.#.high",
        "_resized_fuses.#._conv_bn_high",
        "_skip_connections/#/_resized_conv_bn2",
        ConvNorm(Kernel),
    ),
];

/// One axis of axial attention, below `attention.height`, `_attention._height_axis`, `_attention/_height_axis`.
pub(super) const AXIS: [Module; 7] = [
    ("qkv.weight", "qkv_transform.conv.weight", "qkv_kernel", Alone(Matrix)),
    ("qkv.norm", "_batch_norm_qkv", "_batch_norm_qkv", Norm),
    ("similarity_norm", "_batch_norm_similarity", "_batch_norm_similarity", Norm),
    ("retrieved_norm", "_batch_norm_retrieved_output", "_batch_norm_retrieved_output", Norm),
    ("query_position", "_query_rpe._embeddings.weight", "_query_rpe/embeddings", Alone(Table)),
    ("key_position", "_key_rpe._embeddings.weight", "_key_rpe/embeddings", Alone(Table)),
    ("value_position", "_value_rpe._embeddings.weight", "_value_rpe/embeddings", Alone(Table)),
];

/// Below `decoder.layers.#`, `sem_seg_head.predictor._kmax_transformer_layers.#`,
/// `transformer_decoder/_kmax_decoder/#/_block1_transformer`.
const LAYER: [Module; 11] = [
    ("query_conv1", "_query_conv1_bn_act", "_memory_conv1_bn_act", ConvNorm(Sequence)),
    ("pixel_conv1", "_pixel_conv1_bn_act", "_pixel_conv1_bn_act", ConvNorm(SequenceAsMap)),
    ("query_qkv", "_query_qkv_conv_bn", "_memory_qkv_conv_bn", ConvNorm(Sequence)),
    ("pixel_value", "_pixel_v_conv_bn", "_pixel_v_conv_bn", ConvNorm(SequenceAsMap)),
    (
        "self_attention.similarity_norm",
        "_query_self_attention._batch_norm_similarity",
        "_memory_attention/_batch_norm_similarity",
        Norm,
    ),
    (
        "self_attention.retrieved_norm",
        "_query_self_attention._batch_norm_retrieved_value",
        "_memory_attention/_batch_norm_retrieved_value",
        Norm,
    ),
    ("query_conv3", "_query_conv3_bn", "_memory_conv3_bn", ConvNorm(Sequence)),
    ("feed_forward1", "_query_ffn_conv1_bn_act", "_memory_ffn_conv1_bn_act", ConvNorm(Sequence)),
    ("feed_forward2", "_query_ffn_conv2_bn", "_memory_ffn_conv2_bn", ConvNorm(Sequence)),
    (
        "kmeans_norm",
        "_kmeans_query_batch_norm_retrieved_value",
        "_kmeans_memory_batch_norm_retrieved_value",
        Norm,
    ),
    ("kmeans_conv3", "_kmeans_query_conv3_bn", "_kmeans_memory_conv3_bn", ConvNorm(Sequence)),
];

/// A predictor, below `predictor`, `_predcitor` (so spelt there) and nothing: deeplab2 keeps the parts of the final
/// predictor at the top, and those of a layer's in one place with an underscore in front.
const PREDICTOR: [Module; 8] = [
    (
        "pixel.depthwise",
        "_pixel_space_head_conv0bnact",
        "pixel_space_head/conv_block/_conv1_bn_act/_depthwise",
        ConvNorm(Depthwise),
    ),
    (
        "pixel.conv1",
        "_pixel_space_head_conv1bnact",
        "pixel_space_head/conv_block/_conv1_bn_act/_pointwise",
        ConvNorm(Kernel),
    ),
    (
        "pixel.conv2.weight",
        "_pixel_space_head_last_convbn.conv.weight",
        "pixel_space_head/final_conv/kernel",
        Alone(Kernel),
    ),
    (
        "pixel.conv2.bias",
        "_pixel_space_head_last_convbn.conv.bias",
        "pixel_space_head/final_conv/bias",
        Alone(Flat),
    ),
    ("pixel.conv2.norm", "_pixel_space_head_last_convbn.norm", "pixel_space_feature_batch_norm", Norm),
    ("mask", "_transformer_mask_head", "transformer_mask_head", ConvNorm(Sequence)),
    ("class", "_transformer_class_head", "transformer_class_head/_conv", Biased(Sequence)),
    ("mask_norm", "_pixel_space_mask_batch_norm", "pixel_space_mask_batch_norm", Norm),
];

/// Below `decoder`, `sem_seg_head.predictor`, `transformer_decoder`.
const DECODER: [Module; 3] = [
    ("queries", "_cluster_centers.weight", "cluster_centers", Alone(Queries)),
    ("class_projection", "_class_embedding_projection", "_class_embedding_projection", ConvNorm(Sequence)),
    ("mask_projection", "_mask_embedding_projection", "_mask_embedding_projection", ConvNorm(Sequence)),
];

/// The auxiliary semantic decoder, below `semantic_head`, `sem_seg_head.predictor._auxiliary_semantic_predictor`,
/// `semantic_decoder`.
const SEMANTIC_DECODER: [Module; 10] = [
    ("aspp.convs.0", "_aspp._aspp_conv0", "_aspp/_conv_bn_act", ConvNorm(Kernel)),
    ("aspp.convs.#", "_aspp._aspp_conv#", "_aspp/_aspp_conv#/_conv_bn_act", ConvNorm(Kernel)),
    ("aspp.pool", "_aspp._aspp_pool", "_aspp/_aspp_pool/_conv_bn_act", ConvNorm(Kernel)),
    ("aspp.project", "_aspp._proj_conv_bn_act", "_aspp/_proj_conv_bn_act", ConvNorm(Kernel)),
    ("fusions.0.project", "_low_level_projection_os8", "_low_level_conv1", ConvNorm(Kernel)),
    (
        "fusions.0.depthwise",
        "_low_level_fusion_os8_conv0_bn_act",
        "_fusion_conv1/_conv1_bn_act/_depthwise",
        ConvNorm(Depthwise),
    ),
    (
        "fusions.0.conv",
        "_low_level_fusion_os8_conv1_bn_act",
        "_fusion_conv1/_conv1_bn_act/_pointwise",
        ConvNorm(Kernel),
    ),
    ("fusions.1.project", "_low_level_projection_os4", "_low_level_conv2", ConvNorm(Kernel)),
    (
        "fusions.1.depthwise",
        "_low_level_fusion_os4_conv0_bn_act",
        "_fusion_conv2/_conv1_bn_act/_depthwise",
        ConvNorm(Depthwise),
    ),
    (
        "fusions.1.conv",
        "_low_level_fusion_os4_conv1_bn_act",
        "_fusion_conv2/_conv1_bn_act/_pointwise",
        ConvNorm(Kernel),
    ),
];

/// The end of the auxiliary semantic head; deeplab2's names from the top.
const SEMANTIC_HEAD: [Module; 3] = [
    (
        "depthwise",
        "conv_block_0",
        "semantic_head_without_last_layer/_conv1_bn_act/_depthwise",
        ConvNorm(Depthwise),
    ),
    ("conv", "conv_block_1", "semantic_head_without_last_layer/_conv1_bn_act/_pointwise", ConvNorm(Kernel)),
    ("last", "final_conv", "semantic_last_layer", Biased(Kernel)),
];

/// Leaves of a batch norm: ours and PyTorch's, deeplab2's.
const NORM: [(&str, &str); 4] = [
    ("weight", "gamma"),
    ("bias", "beta"),
    ("running_mean", "moving_mean"),
    ("running_var", "moving_variance"),
];

/// All tensors of the decoders and heads.
pub(super) static TENSORS: LazyLock<Vec<Tensor>> = LazyLock::new(|| {
    let mut all = Vec::new();
    let mut add = |modules: &[Module], ours: &str, pytorch: &str, deeplab2: &str| {
        expand(&mut all, modules, ours, pytorch, deeplab2);
    };
    add(&PIXEL_DECODER, "pixel_decoder.", "sem_seg_head.pixel_decoder.", "pixel_decoder/");
    for axis in ["height", "width"] {
        add(
            &AXIS,
            &format!("pixel_decoder.stages.#.#.attention.{axis}."),
            &format!("sem_seg_head.pixel_decoder._stages.#._blocks.#._attention._{axis}_axis."),
            &format!("pixel_decoder/_stages/#/_block+/_attention/_{axis}_axis/"),
        );
    }
    let predictor = "sem_seg_head.predictor.";
    add(&DECODER, "decoder.", predictor, "transformer_decoder/");
    add(&PREDICTOR, "decoder.predictor.", &format!("{predictor}_predcitor."), "");
    let (ours, pytorch) = ("decoder.layers.#.", format!("{predictor}_kmax_transformer_layers.#."));
    let deeplab2 = "transformer_decoder/_kmax_decoder/#/_block1_transformer/";
    add(&LAYER, ours, &pytorch, deeplab2);
    add(
        &PREDICTOR,
        &format!("{ours}predictor."),
        &format!("{pytorch}_predcitor."),
        &format!("{deeplab2}_auxiliary_clustering_predictor/_"),
    );
    let pytorch = format!("{predictor}_auxiliary_semantic_predictor.");
    add(&SEMANTIC_DECODER, "semantic_head.", &pytorch, "semantic_decoder/");
    add(&SEMANTIC_HEAD, "semantic_head.", &pytorch, "");
    all
});

/// Adds the tensors of `modules`, whose names stand below the given ones.
pub(super) fn expand(all: &mut Vec<Tensor>, modules: &[Module], ours: &str, pytorch: &str, deeplab2: &str) {
    for (a, b, c, kind) in modules {
        let names = [format!("{ours}{a}"), format!("{pytorch}{b}"), format!("{deeplab2}{c}")];
        let mut add = |a: &str, b: &str, c: &str, layout: Layout| {
            let [ours, pytorch, deeplab2] = &names;
            let (ours, pytorch, deeplab2) =
                (format!("{ours}{a}"), format!("{pytorch}{b}"), format!("{deeplab2}{c}"));
            all.push(Tensor { ours, pytorch, deeplab2, layout });
        };
        // A layer norm has no statistics.
        let leaves = if matches!(kind, LayerNorm) { 2 } else { NORM.len() };
        let (norm, tf_norm) = if matches!(kind, ConvNorm(_)) { (".norm", "/_batch_norm") } else { ("", "") };
        if matches!(kind, Norm | LayerNorm | ConvNorm(_)) {
            for (leaf, tf) in &NORM[..leaves] {
                add(&format!("{norm}.{leaf}"), &format!("{norm}.{leaf}"), &format!("{tf_norm}/{tf}"), Flat);
            }
        }
        match kind {
            Norm | LayerNorm => {}
            ConvNorm(Depthwise) => {
                add(".weight", ".conv.weight", "/_depthwise_conv/depthwise_kernel", Depthwise);
            }
            ConvNorm(layout) => add(".weight", ".conv.weight", "/_conv/kernel", *layout),
            Biased(layout) => {
                add(".weight", ".conv.weight", "/kernel", *layout);
                add(".bias", ".conv.bias", "/bias", Flat);
            }
            Alone(layout) => add("", "", "", *layout),
        }
    }
}

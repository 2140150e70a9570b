//! Whole models: variables of deeplab2 checkpoints and our names, both ways.

use super::layout::Layout;
use super::modules::TENSORS;
use super::pattern::{capture, fill};
use super::{deeplab2_axial, deeplab2_convnext};

/// What every variable's key ends in.
pub const SUFFIX: &str = "/.ATTRIBUTES/VARIABLE_VALUE";

/// Our name of a variable and how its values are arranged. Takes full checkpoint keys, of whole models (`encoder/…`,
/// `pixel_decoder/…`) as well as of ImageNet encoders (`backbone/_encoder/…`, or ConvNeXt's without a prefix).
/// `None` for anything else, [bookkeeping](is_bookkeeping) included.
pub fn from_deeplab2(key: &str) -> Option<(String, Layout)> {
    let encoder = || deeplab2_axial::from_deeplab2(key).or_else(|| deeplab2_convnext::from_deeplab2(key));
    let path = key.strip_suffix(SUFFIX)?;
    let decoders = TENSORS.iter().find_map(|t| Some((fill(&t.ours, &capture(&t.deeplab2, path)?), t.layout)));
    decoders.or_else(encoder)
}

/// The way back from [`from_deeplab2`]; `inception_stem` says that the model is MaX-S. `None` for what deeplab2 does not
/// have.
pub fn to_deeplab2(name: &str, inception_stem: bool) -> Option<String> {
    let encoder =
        || deeplab2_axial::to_deeplab2(name, inception_stem).or_else(|| deeplab2_convnext::to_deeplab2(name));
    let decoders = TENSORS.iter().find_map(|t| Some(fill(&t.deeplab2, &capture(&t.ours, name)?)));
    decoders.map(|path| format!("{path}{SUFFIX}")).or_else(encoder)
}

/// Whether a key is what a trainer keeps beside the model: counters, the object graph, the optimizer and its slots.
pub fn is_bookkeeping(key: &str) -> bool {
    let path = key.strip_suffix(SUFFIX).unwrap_or(key);
    let first = path.split('/').next().unwrap_or_default();
    path.contains("/.OPTIMIZER_SLOT/")
        || matches!(first, "save_counter" | "global_step" | "_CHECKPOINTABLE_OBJECT_GRAPH")
        || first == "optimizer"
        || first.ends_with("_optimizer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        for (path, ours, layout, inception) in [
            ("pixel_decoder/_backbone_norms/4/gamma", "pixel_decoder.norms.4.weight", Layout::Flat, false),
            (
                "pixel_decoder/_stages/1/_block5/_attention/_height_axis/qkv_kernel",
                "pixel_decoder.stages.1.4.attention.height.qkv.weight",
                Layout::Matrix,
                false,
            ),
            (
                "pixel_decoder/_skip_connections/2/_resized_conv_bn2/_conv/kernel",
                "pixel_decoder.fuses.2.high.weight",
                Layout::Kernel,
                false,
            ),
            (
                "transformer_decoder/_kmax_decoder/5/_block1_transformer/_auxiliary_clustering_predictor/_pixel_space_feature_batch_norm/beta",
                "decoder.layers.5.predictor.pixel.conv2.norm.bias",
                Layout::Flat,
                false,
            ),
            (
                "transformer_decoder/_kmax_decoder/0/_block1_transformer/_pixel_v_conv_bn/_conv/kernel",
                "decoder.layers.0.pixel_value.weight",
                Layout::SequenceAsMap,
                false,
            ),
            (
                "pixel_space_head/conv_block/_conv1_bn_act/_depthwise/_depthwise_conv/depthwise_kernel",
                "decoder.predictor.pixel.depthwise.weight",
                Layout::Depthwise,
                false,
            ),
            ("transformer_class_head/_conv/bias", "decoder.predictor.class.bias", Layout::Flat, false),
            ("transformer_decoder/cluster_centers", "decoder.queries", Layout::Queries, false),
            (
                "semantic_decoder/_aspp/_conv_bn_act/_batch_norm/moving_variance",
                "semantic_head.aspp.convs.0.norm.running_var",
                Layout::Flat,
                false,
            ),
            ("semantic_last_layer/kernel", "semantic_head.last.weight", Layout::Kernel, false),
            ("encoder/_stem/_conv/kernel", "backbone.stem.conv1.weight", Layout::Kernel, false),
            ("encoder/_stem/_conv1_bn_act/_conv/kernel", "backbone.stem.conv1.weight", Layout::Kernel, true),
            (
                "encoder/stages/2/layer_with_weights-8/pointwise_conv1/kernel",
                "backbone.stages.2.blocks.8.expand.weight",
                Layout::Linear,
                false,
            ),
        ] {
            let key = format!("{path}{SUFFIX}");
            assert_eq!(from_deeplab2(&key), Some((ours.to_string(), layout)), "{path}");
            assert_eq!(to_deeplab2(ours, inception), Some(key));
        }
    }

    #[test]
    fn other_keys_have_no_name() {
        for path in
            ["pixel_decoder/_backbone_norms/0/moving_mean", "semantic_decoder/_low_level_conv3/_conv/kernel"]
        {
            assert_eq!(from_deeplab2(&format!("{path}{SUFFIX}")), None, "{path}");
        }
        for key in [
            "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
            "_CHECKPOINTABLE_OBJECT_GRAPH",
            "optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE",
            "encoder/_stem/_conv/kernel/.OPTIMIZER_SLOT/backbone_optimizer/m/.ATTRIBUTES/VARIABLE_VALUE",
        ] {
            assert!(is_bookkeeping(key) && from_deeplab2(key).is_none(), "{key}");
        }
        assert!(!is_bookkeeping("semantic_last_layer/bias/.ATTRIBUTES/VARIABLE_VALUE"));
        assert_eq!(to_deeplab2("decoder.queries.weight", false), None);
    }
}

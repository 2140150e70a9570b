//! Whole models: names of the PyTorch port (`bytedance/kmax-deeplab`) and ours, both ways.

use super::modules::TENSORS;
use super::pattern::{capture, fill};
use super::pytorch_backbone;

/// PyTorch's auxiliary semantic head on Cityscapes is a plain sequence, whose parts have numbers for names.
const FLAT: [(&str, &str); 3] =
    [(".0.", ".conv_block_0."), (".1.", ".conv_block_1."), (".2.", ".final_conv.")];
const SEMANTIC: &str = "sem_seg_head.predictor._auxiliary_semantic_predictor";

/// Our name of PyTorch's parameter `name`; `None` for counters ([`is_counter`]) and for what is no parameter.
pub fn from_pytorch(name: &str) -> Option<String> {
    if name.starts_with("backbone.") {
        return pytorch_backbone::from_pytorch(name);
    }
    let mut name = name.to_string();
    if let Some(rest) = name.strip_prefix(SEMANTIC) {
        let numbered = FLAT.iter().find_map(|(number, named)| Some((named, rest.strip_prefix(number)?)));
        if let Some((named, rest)) = numbered {
            name = format!("{SEMANTIC}{named}{rest}");
        }
    }
    TENSORS.iter().find_map(|tensor| Some(fill(&tensor.ours, &capture(&tensor.pytorch, &name)?)))
}

/// The way back from [`from_pytorch`]; `flat_semantic_head` says that the model has Cityscapes' semantic head. `None` for what
/// the PyTorch implementation does not have.
pub fn to_pytorch(name: &str, flat_semantic_head: bool) -> Option<String> {
    if name.starts_with("backbone.") {
        return pytorch_backbone::to_pytorch(name);
    }
    let pytorch =
        TENSORS.iter().find_map(|tensor| Some(fill(&tensor.pytorch, &capture(&tensor.ours, name)?)))?;
    let Some(rest) = pytorch.strip_prefix(SEMANTIC).filter(|_| flat_semantic_head) else {
        return Some(pytorch);
    };
    let (number, rest) = FLAT.iter().find_map(|(number, named)| Some((number, rest.strip_prefix(named)?)))?;
    Some(format!("{SEMANTIC}{number}{rest}"))
}

/// Whether `name` is a batch norm's counter, which nothing reads.
pub fn is_counter(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        for (pytorch, ours, flat) in [
            ("sem_seg_head.pixel_decoder._in_norms.3.bias", "pixel_decoder.norms.3.bias", false),
            (
                "sem_seg_head.pixel_decoder._stages.1._blocks.4._attention._width_axis._batch_norm_qkv.running_var",
                "pixel_decoder.stages.1.4.attention.width.qkv.norm.running_var",
                false,
            ),
            (
                "sem_seg_head.predictor._kmax_transformer_layers.5._predcitor._pixel_space_head_last_convbn.conv.bias",
                "decoder.layers.5.predictor.pixel.conv2.bias",
                false,
            ),
            (
                "sem_seg_head.predictor._predcitor._transformer_class_head.conv.weight",
                "decoder.predictor.class.weight",
                false,
            ),
            ("sem_seg_head.predictor._cluster_centers.weight", "decoder.queries", false),
            (
                "sem_seg_head.predictor._auxiliary_semantic_predictor._aspp._aspp_conv2.norm.weight",
                "semantic_head.aspp.convs.2.norm.weight",
                false,
            ),
            (
                "sem_seg_head.predictor._auxiliary_semantic_predictor.conv_block_1.conv.weight",
                "semantic_head.conv.weight",
                false,
            ),
            (
                "sem_seg_head.predictor._auxiliary_semantic_predictor.2.conv.bias",
                "semantic_head.last.bias",
                true,
            ),
            ("backbone.stem.conv1.weight", "backbone.stem.conv1.weight", true),
        ] {
            assert_eq!(from_pytorch(pytorch).as_deref(), Some(ours));
            assert_eq!(to_pytorch(ours, flat).as_deref(), Some(pytorch));
        }
    }

    #[test]
    fn what_is_no_parameter_has_no_name() {
        let counter = "sem_seg_head.predictor._predcitor._pixel_space_mask_batch_norm.num_batches_tracked";
        assert!(is_counter(counter));
        for name in [
            counter,
            "sem_seg_head.predictor._predcitor._transformer_class_head.norm.weight",
            "sem_seg_head.pixel_decoder._in_norms.0.running_mean",
            "sem_seg_head.predictor._auxiliary_semantic_predictor.3.conv.bias",
            "criterion.empty_weight",
        ] {
            assert_eq!(from_pytorch(name), None, "{name}");
        }
        for name in ["semantic_head.aspp.pool.weight", "decoder.layer.0.mask.weight"] {
            assert_eq!(to_pytorch(name, true), None, "{name}");
        }
    }
}

//! Backbones trained on ImageNet in PyTorch: names of common checkpoints to ours.
//!
//! All give our full name, `backbone.…`, or `None` for counters and classification heads. Only names differ, not layouts.

use super::pytorch_backbone;

/// detectron2's ResNet (`res2.0.conv1.norm.weight`): PyTorch's names without `backbone.`.
pub fn from_detectron2_resnet(name: &str) -> Option<String> {
    pytorch_backbone::from_pytorch(&format!("backbone.{name}"))
}

/// facebookresearch/ConvNeXt (`stages.0.0.dwconv.weight`): PyTorch's names without `backbone.`.
pub fn from_facebook_convnext(name: &str) -> Option<String> {
    pytorch_backbone::from_pytorch(&format!("backbone.{name}"))
}

/// torchvision's ResNet-50 (`layer1.0.bn1.weight`, `layer1.0.downsample.0.weight`).
pub fn from_torchvision_resnet(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let pytorch = match parts.as_slice() {
        ["conv1", leaf] => format!("stem.conv1.{leaf}"),
        ["bn1", leaf] => format!("stem.conv1.norm.{leaf}"),
        [layer, block, "downsample", "0", leaf] => format!("{}.{block}.shortcut.{leaf}", stage(layer)?),
        [layer, block, "downsample", "1", leaf] => format!("{}.{block}.shortcut.norm.{leaf}", stage(layer)?),
        [layer, block, conv, leaf] => match conv.strip_prefix("bn") {
            Some(index) => format!("{}.{block}.conv{index}.norm.{leaf}", stage(layer)?),
            None => format!("{}.{block}.{conv}.{leaf}", stage(layer)?),
        },
        _ => return None,
    };
    from_detectron2_resnet(&pytorch)
}

/// `layer1` is `res2`.
fn stage(layer: &str) -> Option<String> {
    let index: usize = layer.strip_prefix("layer")?.parse().ok()?;
    Some(format!("res{}", index.checked_add(1)?))
}

/// timm's ConvNeXt (`stages.0.blocks.0.mlp.fc1.weight`).
pub fn from_timm_convnext(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let pytorch = match parts.as_slice() {
        ["stem", layer, leaf] => format!("downsample_layers.0.{layer}.{leaf}"),
        ["stages", stage, "downsample", layer, leaf] => format!("downsample_layers.{stage}.{layer}.{leaf}"),
        ["stages", stage, "blocks", block, rest @ ..] => {
            let layer = match rest {
                ["gamma"] => "gamma".to_string(),
                ["conv_dw", leaf] => format!("dwconv.{leaf}"),
                ["norm", leaf] => format!("norm.{leaf}"),
                ["mlp", "fc1", leaf] => format!("pwconv1.{leaf}"),
                ["mlp", "fc2", leaf] => format!("pwconv2.{leaf}"),
                _ => return None,
            };
            format!("stages.{stage}.{block}.{layer}")
        }
        _ => return None,
    };
    from_facebook_convnext(&pytorch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torchvision_and_detectron2_names_agree() {
        for (torchvision, detectron2) in [
            ("conv1.weight", "stem.conv1.weight"),
            ("bn1.running_mean", "stem.conv1.norm.running_mean"),
            ("layer1.0.conv2.weight", "res2.0.conv2.weight"),
            ("layer4.2.bn3.bias", "res5.2.conv3.norm.bias"),
            ("layer3.0.downsample.0.weight", "res4.0.shortcut.weight"),
            ("layer3.0.downsample.1.running_var", "res4.0.shortcut.norm.running_var"),
        ] {
            let ours = from_torchvision_resnet(torchvision);
            assert!(ours.is_some(), "{torchvision}");
            assert_eq!(ours, from_detectron2_resnet(detectron2));
        }
        for name in ["fc.weight", "bn1.num_batches_tracked", "layer5.0.conv1.weight", "layer1.0.relu.weight"]
        {
            assert_eq!(from_torchvision_resnet(name), None, "{name}");
        }
    }

    #[test]
    fn timm_and_facebook_names_agree() {
        for (timm, facebook) in [
            ("stem.0.weight", "downsample_layers.0.0.weight"),
            ("stem.1.bias", "downsample_layers.0.1.bias"),
            ("stages.1.downsample.0.weight", "downsample_layers.1.0.weight"),
            ("stages.2.blocks.8.gamma", "stages.2.8.gamma"),
            ("stages.2.blocks.8.conv_dw.bias", "stages.2.8.dwconv.bias"),
            ("stages.0.blocks.0.mlp.fc2.weight", "stages.0.0.pwconv2.weight"),
        ] {
            let ours = from_timm_convnext(timm);
            assert!(ours.is_some(), "{timm}");
            assert_eq!(ours, from_facebook_convnext(facebook));
        }
        for name in ["head.fc.weight", "norm.weight", "head.norm.bias"] {
            assert_eq!((from_timm_convnext(name), from_facebook_convnext(name)), (None, None), "{name}");
        }
    }
}

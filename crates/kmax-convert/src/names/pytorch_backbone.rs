//! Backbone parameters: names of the PyTorch port and ours, both ways.

/// The rest of a dotted name, with its leading number.
fn number(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.split_once('.')?;
    // Only the plain spelling, so that the way back gives the same name.
    let value: usize = number.parse().ok()?;
    (value.to_string() == number).then_some((value, rest))
}

/// Leaves of a convolution and its batch norm, which both sides spell alike.
fn is_conv_norm(leaf: &str) -> bool {
    match leaf.strip_prefix("norm.") {
        Some(leaf) => matches!(leaf, "weight" | "bias" | "running_mean" | "running_var"),
        None => leaf == "weight",
    }
}

fn is_affine(leaf: &str) -> bool {
    matches!(leaf, "weight" | "bias")
}

/// `conv2.norm.bias` in a bottleneck block.
fn is_bottleneck(rest: &str) -> bool {
    let Some((layer, leaf)) = rest.split_once('.') else { return false };
    matches!(layer, "conv1" | "conv2" | "conv3" | "shortcut") && is_conv_norm(leaf)
}

/// Layers of a ConvNeXt block: PyTorch's name and ours.
const CONVNEXT: [(&str, &str); 4] =
    [("dwconv", "depthwise"), ("norm", "norm"), ("pwconv1", "expand"), ("pwconv2", "project")];

/// Our name of PyTorch's backbone parameter `name`: `backbone.res2.0.conv1.norm.weight` is
/// `backbone.stages.0.blocks.0.conv1.norm.weight`. `None` for counters and for what is no backbone parameter.
pub fn from_pytorch(name: &str) -> Option<String> {
    let rest = name.strip_prefix("backbone.")?;
    if let Some(leaf) = rest.strip_prefix("stem.conv1.") {
        return is_conv_norm(leaf).then(|| name.to_string());
    }
    if let Some(rest) = rest.strip_prefix("res") {
        let (stage, rest) = number(rest)?;
        let (block, rest) = number(rest)?;
        let known = (2..=5).contains(&stage) && is_bottleneck(rest);
        return known.then(|| format!("backbone.stages.{}.blocks.{block}.{rest}", stage - 2));
    }
    if let Some(rest) = rest.strip_prefix("downsample_layers.") {
        let (stage, rest) = number(rest)?;
        let (layer, leaf) = number(rest)?;
        // The stem normalises after its convolution, the others before.
        let ours = match (stage, layer) {
            (0, 0) => "stem.conv".to_string(),
            (0, 1) => "stem.norm".to_string(),
            (1..=3, 0) => format!("stages.{stage}.downsample.norm"),
            (1..=3, 1) => format!("stages.{stage}.downsample.conv"),
            _ => return None,
        };
        return is_affine(leaf).then(|| format!("backbone.{ours}.{leaf}"));
    }
    let (stage, rest) = number(rest.strip_prefix("stages.")?)?;
    let (block, rest) = number(rest)?;
    if rest == "gamma" {
        return (stage < 4).then(|| format!("backbone.stages.{stage}.blocks.{block}.scale"));
    }
    let (layer, leaf) = rest.split_once('.')?;
    let (_, ours) = CONVNEXT.iter().find(|(pytorch, _)| *pytorch == layer)?;
    (stage < 4 && is_affine(leaf)).then(|| format!("backbone.stages.{stage}.blocks.{block}.{ours}.{leaf}"))
}

/// The way back from [`from_pytorch`]. `None` for what the PyTorch implementation does not have, such as axial blocks.
pub fn to_pytorch(name: &str) -> Option<String> {
    let rest = name.strip_prefix("backbone.")?;
    if let Some(rest) = rest.strip_prefix("stem.") {
        let (layer, leaf) = rest.split_once('.')?;
        return match layer {
            "conv1" if is_conv_norm(leaf) => Some(name.to_string()),
            "conv" if is_affine(leaf) => Some(format!("backbone.downsample_layers.0.0.{leaf}")),
            "norm" if is_affine(leaf) => Some(format!("backbone.downsample_layers.0.1.{leaf}")),
            _ => None,
        };
    }
    let (stage, rest) = number(rest.strip_prefix("stages.")?)?;
    if stage >= 4 {
        return None;
    }
    if let Some(rest) = rest.strip_prefix("downsample.") {
        let (layer, leaf) = rest.split_once('.')?;
        let index = match layer {
            "norm" => 0,
            "conv" => 1,
            _ => return None,
        };
        let known = stage > 0 && is_affine(leaf);
        return known.then(|| format!("backbone.downsample_layers.{stage}.{index}.{leaf}"));
    }
    let (block, rest) = number(rest.strip_prefix("blocks.")?)?;
    if is_bottleneck(rest) {
        return Some(format!("backbone.res{}.{block}.{rest}", stage + 2));
    }
    if rest == "scale" {
        return Some(format!("backbone.stages.{stage}.{block}.gamma"));
    }
    let (layer, leaf) = rest.split_once('.')?;
    let (pytorch, _) = CONVNEXT.iter().find(|(_, ours)| *ours == layer)?;
    is_affine(leaf).then(|| format!("backbone.stages.{stage}.{block}.{pytorch}.{leaf}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        let pairs = [
            ("stem.conv1.norm.running_var", "stem.conv1.norm.running_var"),
            ("res2.0.shortcut.weight", "stages.0.blocks.0.shortcut.weight"),
            ("res5.2.conv3.norm.bias", "stages.3.blocks.2.conv3.norm.bias"),
            ("downsample_layers.0.0.weight", "stem.conv.weight"),
            ("downsample_layers.0.1.bias", "stem.norm.bias"),
            ("downsample_layers.2.0.bias", "stages.2.downsample.norm.bias"),
            ("downsample_layers.3.1.weight", "stages.3.downsample.conv.weight"),
            ("stages.2.26.gamma", "stages.2.blocks.26.scale"),
            ("stages.0.1.dwconv.weight", "stages.0.blocks.1.depthwise.weight"),
            ("stages.0.1.norm.weight", "stages.0.blocks.1.norm.weight"),
            ("stages.3.0.pwconv2.bias", "stages.3.blocks.0.project.bias"),
        ];
        for (pytorch, ours) in pairs.map(|(a, b)| (format!("backbone.{a}"), format!("backbone.{b}"))) {
            assert_eq!(from_pytorch(&pytorch).as_deref(), Some(ours.as_str()));
            assert_eq!(to_pytorch(&ours).as_deref(), Some(pytorch.as_str()));
        }
    }

    #[test]
    fn what_is_no_parameter_has_no_name() {
        for name in [
            "backbone.res2.0.conv1.norm.num_batches_tracked",
            "backbone.res6.0.conv1.weight",
            "backbone.res2.00.conv1.weight",
            "backbone.res2.0.conv1.bias",
            "backbone.stages.4.0.gamma",
            "backbone.downsample_layers.1.2.weight",
            "sem_seg_head.predictor.weight",
            "backbone.",
        ] {
            assert_eq!(from_pytorch(name), None, "{name}");
        }
        for name in [
            "backbone.stages.3.blocks.0.attention.height.weight",
            "backbone.stem.conv2.weight",
            "backbone.stages.0.downsample.conv.weight",
            "decoder.stages.0.blocks.0.conv1.weight",
        ] {
            assert_eq!(to_pytorch(name), None, "{name}");
        }
    }
}

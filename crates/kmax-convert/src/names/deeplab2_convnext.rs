//! ConvNeXt encoders in deeplab2 checkpoints, which are written by Keras.

use super::deeplab2::SUFFIX;
use super::layout::Layout;
use super::pattern::{capture, fill};

/// Ours below `backbone.`, deeplab2's below `encoder/`, and the layout.
const TENSORS: [(&str, &str, Layout); 17] = [
    ("stem.conv.weight", "downsample_layers/0/layer_with_weights-0/kernel", Layout::Kernel),
    ("stem.conv.bias", "downsample_layers/0/layer_with_weights-0/bias", Layout::Flat),
    ("stem.norm.weight", "downsample_layers/0/layer_with_weights-1/gamma", Layout::Flat),
    ("stem.norm.bias", "downsample_layers/0/layer_with_weights-1/beta", Layout::Flat),
    // The stem normalises after its convolution, the others before.
    ("stages.#.downsample.norm.weight", "downsample_layers/#/layer_with_weights-0/gamma", Layout::Flat),
    ("stages.#.downsample.norm.bias", "downsample_layers/#/layer_with_weights-0/beta", Layout::Flat),
    ("stages.#.downsample.conv.weight", "downsample_layers/#/layer_with_weights-1/kernel", Layout::Kernel),
    ("stages.#.downsample.conv.bias", "downsample_layers/#/layer_with_weights-1/bias", Layout::Flat),
    (
        "stages.#.blocks.#.depthwise.weight",
        "stages/#/layer_with_weights-#/depthwise_conv/kernel",
        Layout::Kernel,
    ),
    ("stages.#.blocks.#.depthwise.bias", "stages/#/layer_with_weights-#/depthwise_conv/bias", Layout::Flat),
    ("stages.#.blocks.#.norm.weight", "stages/#/layer_with_weights-#/norm/gamma", Layout::Flat),
    ("stages.#.blocks.#.norm.bias", "stages/#/layer_with_weights-#/norm/beta", Layout::Flat),
    (
        "stages.#.blocks.#.expand.weight",
        "stages/#/layer_with_weights-#/pointwise_conv1/kernel",
        Layout::Linear,
    ),
    ("stages.#.blocks.#.expand.bias", "stages/#/layer_with_weights-#/pointwise_conv1/bias", Layout::Flat),
    (
        "stages.#.blocks.#.project.weight",
        "stages/#/layer_with_weights-#/pointwise_conv2/kernel",
        Layout::Linear,
    ),
    ("stages.#.blocks.#.project.bias", "stages/#/layer_with_weights-#/pointwise_conv2/bias", Layout::Flat),
    ("stages.#.blocks.#.scale", "stages/#/layer_with_weights-#/layer_scale", Layout::Flat),
];

/// Our name of a variable of a ConvNeXt encoder and how its values are arranged. Takes full checkpoint keys; those of
/// Keras' ImageNet checkpoints have no `encoder/` in front.
pub fn from_deeplab2(key: &str) -> Option<(String, Layout)> {
    let path = key.strip_suffix(SUFFIX)?;
    let path = path.strip_prefix("encoder/").unwrap_or(path);
    TENSORS.iter().find_map(|(ours, theirs, layout)| {
        Some((format!("backbone.{}", fill(ours, &capture(theirs, path)?)), *layout))
    })
}

/// The way back from [`from_deeplab2`], to keys of whole models.
pub fn to_deeplab2(name: &str) -> Option<String> {
    let name = name.strip_prefix("backbone.")?;
    let path = TENSORS.iter().find_map(|(ours, theirs, _)| Some(fill(theirs, &capture(ours, name)?)))?;
    Some(format!("encoder/{path}{SUFFIX}"))
}

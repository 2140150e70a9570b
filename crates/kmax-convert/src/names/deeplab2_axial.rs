//! Encoders of the ResNet family in deeplab2 checkpoints, MaX-S above all, which the PyTorch port does not have.

use super::deeplab2::SUFFIX;
use super::layout::Layout;
use super::modules::{AXIS, Kind, Module, Tensor, expand};
use super::pattern::{capture, fill};
use std::sync::LazyLock;

const KERNEL: Kind = Kind::ConvNorm(Layout::Kernel);

/// ResNet-50's stem is one convolution.
const PLAIN_STEM: [Module; 1] = [("conv1", "", "", KERNEL)];
/// MaX-S's has three.
const INCEPTION_STEM: [Module; 3] = [
    ("conv1", "", "/_conv1_bn_act", KERNEL),
    ("conv2", "", "/_conv2_bn_act", KERNEL),
    ("conv3", "", "/_conv3_bn", KERNEL),
];

const BLOCK: [Module; 4] = [
    ("conv1", "", "_conv1_bn_act", KERNEL),
    ("conv2", "", "_conv2_bn_act", KERNEL),
    ("conv3", "", "_conv3_bn", KERNEL),
    ("shortcut", "", "_shortcut", KERNEL),
];

/// Tensors of the stages.
static STAGES: LazyLock<Vec<Tensor>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for stage in 0..4 {
        let ours = format!("backbone.stages.{stage}.blocks.#.");
        let theirs = format!("encoder/_stage{}/_block+/", stage + 2);
        expand(&mut all, &BLOCK, &ours, "", &theirs);
        for axis in ["height", "width"] {
            let (ours, theirs) =
                (format!("{ours}attention.{axis}."), format!("{theirs}_attention/_{axis}_axis/"));
            expand(&mut all, &AXIS, &ours, "", &theirs);
        }
    }
    all
});

/// Tensors of both stems.
static STEMS: LazyLock<[Vec<Tensor>; 2]> = LazyLock::new(|| {
    [&PLAIN_STEM[..], &INCEPTION_STEM].map(|stem| {
        let mut all = Vec::new();
        expand(&mut all, stem, "backbone.stem.", "", "encoder/_stem");
        all
    })
});

/// Our name of a variable of an (axial) ResNet encoder and how its values are arranged.
///
/// Takes full checkpoint keys (`encoder/_stage4/_block2/_conv1_bn_act/_conv/kernel/.ATTRIBUTES/VARIABLE_VALUE`), also those
/// of the Model Garden's ImageNet checkpoints (`backbone/_encoder/…`). `None` for anything else.
pub fn from_deeplab2(key: &str) -> Option<(String, Layout)> {
    let path = key.strip_suffix(SUFFIX)?;
    let path = path.strip_prefix("encoder/").or_else(|| path.strip_prefix("backbone/_encoder/"))?;
    let path = format!("encoder/{path}");
    let all = STAGES.iter().chain(STEMS.iter().flatten());
    all.into_iter().find_map(|t| Some((fill(&t.ours, &capture(&t.deeplab2, &path)?), t.layout)))
}

/// The way back from [`from_deeplab2`], to keys of whole models. `inception_stem` says that the encoder is MaX-S's.
pub fn to_deeplab2(name: &str, inception_stem: bool) -> Option<String> {
    let mut all = STAGES.iter().chain(&STEMS[usize::from(inception_stem)]);
    let path = all.find_map(|t| Some(fill(&t.deeplab2, &capture(&t.ours, name)?)))?;
    Some(format!("{path}{SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(path: &str) -> Option<(String, Layout)> {
        from_deeplab2(&format!("{path}/.ATTRIBUTES/VARIABLE_VALUE"))
    }

    #[test]
    fn encoder_variables_have_names_and_layouts() {
        for (path, name, layout) in [
            ("encoder/_stem/_conv/kernel", "stem.conv1.weight", Layout::Kernel),
            ("encoder/_stem/_batch_norm/gamma", "stem.conv1.norm.weight", Layout::Flat),
            ("encoder/_stem/_conv3_bn/_conv/kernel", "stem.conv3.weight", Layout::Kernel),
            ("encoder/_stem/_conv1_bn_act/_batch_norm/beta", "stem.conv1.norm.bias", Layout::Flat),
            (
                "backbone/_encoder/_stage5/_block3/_conv3_bn/_conv/kernel",
                "stages.3.blocks.2.conv3.weight",
                Layout::Kernel,
            ),
            (
                "encoder/_stage2/_block1/_shortcut/_batch_norm/moving_variance",
                "stages.0.blocks.0.shortcut.norm.running_var",
                Layout::Flat,
            ),
            (
                "encoder/_stage4/_block2/_attention/_height_axis/qkv_kernel",
                "stages.2.blocks.1.attention.height.qkv.weight",
                Layout::Matrix,
            ),
            (
                "encoder/_stage4/_block2/_attention/_width_axis/_key_rpe/embeddings",
                "stages.2.blocks.1.attention.width.key_position",
                Layout::Table,
            ),
            (
                "encoder/_stage4/_block2/_attention/_width_axis/_batch_norm_similarity/gamma",
                "stages.2.blocks.1.attention.width.similarity_norm.weight",
                Layout::Flat,
            ),
        ] {
            assert_eq!(ours(path), Some((format!("backbone.{name}"), layout)), "{path}");
        }
    }

    #[test]
    fn other_keys_have_none() {
        for path in [
            "encoder/_stage1/_block1/_conv1_bn_act/_conv/kernel",
            "encoder/_stage6/_block1/_conv1_bn_act/_conv/kernel",
            "encoder/_stage2/_block0/_conv1_bn_act/_conv/kernel",
            "encoder/_stage2/_block1",
            "encoder/_stage2/_block1/_attention",
            "encoder/_stage2/_block1/_conv1_bn_act/_conv/bias",
            "encoder/_stem",
            "encoder/stages/0/layer_with_weights-0/norm/beta",
            "pixel_decoder/_stages/0/_block1/_conv1_bn_act/_conv/kernel",
        ] {
            assert_eq!(ours(path), None, "{path}");
        }
        assert_eq!(from_deeplab2("encoder/_stem/_conv/kernel"), None);
    }
}

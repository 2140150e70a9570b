//! Encoders of the ResNet family in deeplab2 checkpoints, MaX-S above all, which the PyTorch port does not have.

/// How a TensorFlow variable becomes our tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Convolution kernel `[h, w, in, out]`; ours `[out, in, h, w]`.
    Kernel,
    /// Matrix `[in, out]`; ours the kernel of a 1x1 convolution over a sequence, `[out, in, 1]`.
    Matrix,
    /// A table, taken as it is.
    Table,
    /// Any shape; ours has one axis.
    Flat,
}

impl Layout {
    /// The order of the variable's axes before it is reshaped to [`Self::shape`]; `None` for a variable of another rank.
    pub fn permutation(self, rank: usize) -> Option<Vec<usize>> {
        match (self, rank) {
            (Self::Kernel, 4) => Some(vec![3, 2, 0, 1]),
            (Self::Matrix, 2) => Some(vec![1, 0]),
            (Self::Table, 2) | (Self::Flat, _) => Some((0..rank).collect()),
            _ => None,
        }
    }

    /// Shape of our tensor for a variable of shape `variable`; `None` for another rank, or if the size overflows.
    pub fn shape(self, variable: &[usize]) -> Option<Vec<usize>> {
        let order = self.permutation(variable.len())?;
        let mut shape: Vec<usize> = order.into_iter().map(|axis| variable[axis]).collect();
        match self {
            Self::Matrix => shape.push(1),
            Self::Flat => shape = vec![shape.into_iter().try_fold(1usize, usize::checked_mul)?],
            Self::Kernel | Self::Table => {}
        }
        Some(shape)
    }
}

/// Our name of a variable of an (axial) ResNet encoder and how its values are arranged.
///
/// Takes full checkpoint keys (`encoder/_stage4/_block2/_conv1_bn_act/_conv/kernel/.ATTRIBUTES/VARIABLE_VALUE`), also those
/// of the Model Garden's ImageNet checkpoints (`backbone/_encoder/…`). `None` for anything else.
pub fn from_deeplab2(key: &str) -> Option<(String, Layout)> {
    let path = key.strip_suffix("/.ATTRIBUTES/VARIABLE_VALUE")?;
    let path = path.strip_prefix("encoder/").or_else(|| path.strip_prefix("backbone/_encoder/"))?;
    let parts: Vec<&str> = path.split('/').collect();
    let (module, rest) = match parts.as_slice() {
        // ResNet's stem is one convolution, the Inception stem has three.
        ["_stem", rest @ ..] if rest.len() == 2 => ("stem.conv1".to_string(), rest),
        ["_stem", conv, rest @ ..] => (format!("stem.{}", convolution(conv)?), rest),
        [stage, block, rest @ ..] => {
            let stage = number(stage, "_stage")?.checked_sub(2).filter(|s| *s < 4)?;
            let block = number(block, "_block")?.checked_sub(1)?;
            let block = format!("stages.{stage}.blocks.{block}");
            match rest {
                ["_attention", axis, rest @ ..] => return attention(&block, axis, rest),
                [conv, rest @ ..] => (format!("{block}.{}", convolution(conv)?), rest),
                [] => return None,
            }
        }
        _ => return None,
    };
    let (leaf, layout) = match rest {
        ["_conv", "kernel"] => ("weight".to_string(), Layout::Kernel),
        ["_batch_norm", leaf] => (format!("norm.{}", norm(leaf)?), Layout::Flat),
        _ => return None,
    };
    Some((format!("backbone.{module}.{leaf}"), layout))
}

fn attention(block: &str, axis: &str, rest: &[&str]) -> Option<(String, Layout)> {
    let axis = match axis {
        "_height_axis" => "height",
        "_width_axis" => "width",
        _ => return None,
    };
    let (leaf, layout) = match rest {
        ["qkv_kernel"] => ("qkv.weight".to_string(), Layout::Matrix),
        ["_batch_norm_qkv", leaf] => (format!("qkv.norm.{}", norm(leaf)?), Layout::Flat),
        ["_batch_norm_similarity", leaf] => (format!("similarity_norm.{}", norm(leaf)?), Layout::Flat),
        ["_batch_norm_retrieved_output", leaf] => (format!("retrieved_norm.{}", norm(leaf)?), Layout::Flat),
        ["_query_rpe", "embeddings"] => ("query_position".to_string(), Layout::Table),
        ["_key_rpe", "embeddings"] => ("key_position".to_string(), Layout::Table),
        ["_value_rpe", "embeddings"] => ("value_position".to_string(), Layout::Table),
        _ => return None,
    };
    Some((format!("backbone.{block}.attention.{axis}.{leaf}"), layout))
}

fn convolution(name: &str) -> Option<&'static str> {
    match name {
        "_conv1_bn_act" => Some("conv1"),
        "_conv2_bn_act" => Some("conv2"),
        "_conv3_bn" => Some("conv3"),
        "_shortcut" => Some("shortcut"),
        _ => None,
    }
}

fn norm(leaf: &str) -> Option<&'static str> {
    match leaf {
        "gamma" => Some("weight"),
        "beta" => Some("bias"),
        "moving_mean" => Some("running_mean"),
        "moving_variance" => Some("running_var"),
        _ => None,
    }
}

fn number(part: &str, prefix: &str) -> Option<usize> {
    part.strip_prefix(prefix)?.parse().ok()
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

    #[test]
    fn shapes_follow_the_layouts() {
        assert_eq!(Layout::Kernel.shape(&[3, 3, 64, 128]), Some(vec![128, 64, 3, 3]));
        assert_eq!(Layout::Matrix.shape(&[512, 1024]), Some(vec![1024, 512, 1]));
        assert_eq!(Layout::Table.shape(&[509, 64]), Some(vec![509, 64]));
        assert_eq!(Layout::Flat.shape(&[3, 1, 8, 1, 1]), Some(vec![24]));
        assert_eq!(Layout::Flat.shape(&[usize::MAX, 2]), None);
        assert_eq!(Layout::Kernel.shape(&[3, 3]), None);
    }
}

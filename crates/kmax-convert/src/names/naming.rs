//! The families of names that weights are published under, told apart by the names themselves.

use super::layout::Layout;
use super::{deeplab2, imagenet_backbone, pytorch};
use std::fmt;

/// A family of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// deeplab2's object graph: whole models and ImageNet encoders, those of the Model Garden and Keras' included.
    Deeplab2,
    /// Whole models of the PyTorch port, and of COCONut's code, which kept its names.
    Pytorch,
    /// PyTorch's backbones without `backbone.`: detectron2's ResNet-50, facebookresearch's ConvNeXt.
    PytorchBackbone,
    /// torchvision's ResNet-50.
    Torchvision,
    /// timm's ConvNeXt.
    TimmConvNeXt,
}

/// What a name in a checkpoint stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A parameter of ours.
    Parameter {
        /// Our name.
        name: String,
        /// How its values are arranged; `None` where they are as ours.
        layout: Option<Layout>,
    },
    /// Counters, optimizer state and ImageNet classifiers, which segmentation does not need.
    Aside,
    /// Nothing that this family knows.
    Unknown,
}

impl fmt::Display for Naming {
    /// Whose names they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deeplab2 => "deeplab2",
            Self::Pytorch => "PyTorch",
            Self::PytorchBackbone => "detectron2 or facebookresearch",
            Self::Torchvision => "torchvision",
            Self::TimmConvNeXt => "timm",
        })
    }
}

impl Naming {
    /// Every family.
    pub const ALL: [Self; 5] =
        [Self::Deeplab2, Self::Pytorch, Self::PytorchBackbone, Self::Torchvision, Self::TimmConvNeXt];

    /// The family that knows most of the names as parameters; `None` if none knows any.
    pub fn guess<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut known = Self::ALL.map(|naming| (naming, 0usize));
        for name in names {
            for (naming, count) in &mut known {
                *count += usize::from(matches!(naming.meaning(name), Meaning::Parameter { .. }));
            }
        }
        let most = known.into_iter().filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count);
        most.map(|(naming, _)| naming)
    }

    /// What `name` stands for in this family.
    pub fn meaning(self, name: &str) -> Meaning {
        let found = match self {
            Self::Deeplab2 => deeplab2::from_deeplab2(name).map(|(name, layout)| (name, Some(layout))),
            Self::Pytorch => pytorch::from_pytorch(name).map(|name| (name, None)),
            Self::PytorchBackbone => imagenet_backbone::from_detectron2_resnet(name).map(|name| (name, None)),
            Self::Torchvision => imagenet_backbone::from_torchvision_resnet(name).map(|name| (name, None)),
            Self::TimmConvNeXt => imagenet_backbone::from_timm_convnext(name).map(|name| (name, None)),
        };
        match found {
            Some((name, layout)) => Meaning::Parameter { name, layout },
            None if self.is_aside(name) => Meaning::Aside,
            None => Meaning::Unknown,
        }
    }

    fn is_aside(self, name: &str) -> bool {
        let classifiers: &[&str] = match self {
            Self::Deeplab2 => return deeplab2::is_bookkeeping(name),
            Self::Pytorch => &["criterion."],
            Self::PytorchBackbone => &["stem.fc.", "linear.", "norm.", "head."],
            Self::Torchvision => &["fc."],
            Self::TimmConvNeXt => &["head.", "norm_pre."],
        };
        pytorch::is_counter(name) || classifiers.iter().any(|classifier| name.starts_with(classifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_apart_by_their_names() {
        for (names, naming) in [
            (
                &[
                    "encoder/_stem/_conv/kernel/.ATTRIBUTES/VARIABLE_VALUE",
                    "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
                ][..],
                Naming::Deeplab2,
            ),
            (
                &["downsample_layers/0/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE"],
                Naming::Deeplab2,
            ),
            (&["backbone.stem.conv1.weight", "sem_seg_head.pixel_decoder._in_norms.3.bias"], Naming::Pytorch),
            (&["stem.conv1.weight", "res2.0.conv1.weight", "stem.fc.weight"], Naming::PytorchBackbone),
            (&["downsample_layers.0.0.weight", "stages.0.0.gamma", "head.bias"], Naming::PytorchBackbone),
            (&["conv1.weight", "layer1.0.conv1.weight", "fc.bias"], Naming::Torchvision),
            (&["stem.0.weight", "stages.0.blocks.0.gamma", "head.fc.bias"], Naming::TimmConvNeXt),
        ] {
            assert_eq!(Naming::guess(names.iter().copied()), Some(naming), "{names:?}");
            assert!(names.iter().all(|name| naming.meaning(name) != Meaning::Unknown), "{names:?}");
        }
        assert_eq!(Naming::guess(["a", "b"]), None);
        assert_eq!(Naming::Torchvision.meaning("layer9.x"), Meaning::Unknown);
        assert_eq!(Naming::Torchvision.meaning("bn1.num_batches_tracked"), Meaning::Aside);
    }
}

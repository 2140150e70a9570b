//! Encoders trained on ImageNet that their authors publish, for a training to begin with.

use super::releases::{LICENSE, Place};

/// A published encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoder {
    /// Its name: `imagenet-ARCHITECTURE.TAG`, where the tag says who published it.
    pub name: &'static str,
    /// Where the file lies.
    pub place: Place,
    /// Licence of the repository that publishes it, in the Hub's spelling.
    pub license: &'static str,
    /// What it was trained on, and how.
    pub note: &'static str,
}

/// deeplab2's file of that name, from `g3doc/projects/imagenet_pretrained_checkpoints.md`.
macro_rules! deeplab2 {
    ($name:literal, $file:literal, $note:literal) => {
        Encoder {
            name: $name,
            place: Place::Direct(concat!(
                "https://storage.googleapis.com/gresearch/tf-deeplab/checkpoint/",
                $file,
                ".tar.gz"
            )),
            license: LICENSE,
            note: $note,
        }
    };
}

/// facebookresearch's file of that name, from `ConvNeXt/README.md`.
macro_rules! facebook {
    ($name:literal, $file:literal) => {
        Encoder {
            name: $name,
            place: Place::Direct(concat!("https://dl.fbaipublicfiles.com/convnext/", $file, ".pth")),
            license: "mit",
            note: "ImageNet-22K, then 1K at 384 pixels",
        }
    };
}

const ENCODERS: [Encoder; 12] = [
    deeplab2!("imagenet-resnet50.deeplab2", "resnet50_imagenet1k", "ImageNet-1K"),
    deeplab2!(
        "imagenet-resnet50.deeplab2-strong",
        "resnet50_imagenet1k_strong_training_strategy",
        "ImageNet-1K with AutoAugment, label smoothing and drop path"
    ),
    deeplab2!("imagenet-maxs.deeplab2", "maxs_gelu_imagenet_22k_1k_224", "ImageNet-22K, then 1K"),
    deeplab2!(
        "imagenet-convnext-tiny.deeplab2",
        "convnext_tiny_imagenet_22k_1k_384",
        "ImageNet-22K, then 1K"
    ),
    deeplab2!(
        "imagenet-convnext-small.deeplab2",
        "convnext_small_imagenet_22k_1k_384",
        "ImageNet-22K, then 1K"
    ),
    deeplab2!(
        "imagenet-convnext-base.deeplab2",
        "convnext_base_imagenet_22k_1k_384",
        "ImageNet-22K, then 1K"
    ),
    deeplab2!(
        "imagenet-convnext-large.deeplab2",
        "convnext_large_imagenet_22k_1k_384",
        "ImageNet-22K, then 1K"
    ),
    Encoder {
        name: "imagenet-resnet50.pytorch",
        place: Place::Direct(
            "https://dl.fbaipublicfiles.com/detectron2/ImageNetPretrained/torchvision/R-50.pkl",
        ),
        license: "bsd-3-clause",
        note: "ImageNet-1K, torchvision's weights as detectron2 distributes them",
    },
    facebook!("imagenet-convnext-tiny.pytorch", "convnext_tiny_22k_1k_384"),
    facebook!("imagenet-convnext-small.pytorch", "convnext_small_22k_1k_384"),
    facebook!("imagenet-convnext-base.pytorch", "convnext_base_22k_1k_384"),
    facebook!("imagenet-convnext-large.pytorch", "convnext_large_22k_1k_384"),
];

impl Encoder {
    /// All of them, deeplab2's first.
    pub fn all() -> impl Iterator<Item = Self> {
        ENCODERS.into_iter()
    }

    /// The encoder of that name; without a tag, deeplab2's.
    pub fn named(name: &str) -> Option<Self> {
        let all = || Self::all();
        all().find(|encoder| encoder.name == name).or_else(|| {
            all().find(|encoder| encoder.name.strip_suffix(".deeplab2").is_some_and(|short| short == name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn encoders_have_names_and_places_of_their_own() {
        let names: BTreeSet<_> = Encoder::all().map(|encoder| encoder.name).collect();
        assert_eq!(names.len(), ENCODERS.len());
        for encoder in Encoder::all() {
            assert_eq!(Encoder::named(encoder.name), Some(encoder));
        }
        let place = |name: &str| Encoder::named(name).map(|encoder| encoder.place);
        assert_eq!(place("imagenet-resnet50"), place("imagenet-resnet50.deeplab2"));
        assert_eq!(place("imagenet-resnet50.other"), None);
        assert_eq!(place("resnet50"), None);
    }
}

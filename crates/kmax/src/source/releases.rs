//! Checkpoints that the authors of the originals publish.

/// A published checkpoint, which `kmax convert` turns into a model folder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Release {
    /// Name of the preset that it is of.
    pub variant: &'static str,
    /// Panoptic quality in percent on the dataset's validation set, as its authors report it.
    pub pq: f32,
    /// Address of the file.
    pub url: &'static str,
    /// How it differs from others of the variant.
    pub note: &'static str,
}

/// Licence of both originals in the Hub's spelling; neither states another one for its weights.
pub const LICENSE: &str = "apache-2.0";

/// A checkpoint of deeplab2.
macro_rules! tf {
    ($variant:literal, $pq:literal, $file:literal) => {
        tf!($variant, $pq, $file, "")
    };
    ($variant:literal, $pq:literal, $file:literal, $note:literal) => {
        Release {
            variant: $variant,
            pq: $pq,
            url: concat!(
                "https://storage.googleapis.com/gresearch/tf-deeplab/checkpoint/kmax_",
                $file,
                ".tar.gz"
            ),
            note: $note,
        }
    };
}

/// A checkpoint of the PyTorch port.
macro_rules! port {
    ($variant:literal, $pq:literal, $id:literal) => {
        Release {
            variant: $variant,
            pq: $pq,
            url: concat!("https://drive.google.com/file/d/", $id, "/view"),
            note: "",
        }
    };
}

/// All of them: deeplab2's `g3doc/projects/kmax_deeplab.md` and the port's `README.md`.
pub const RELEASES: [Release; 26] = [
    tf!("kmax-resnet50-coco", 53.0, "resnet50_coco_train"),
    tf!("kmax-maxs-coco", 56.2, "maxs_gelu_coco_train"),
    tf!("kmax-convnext-tiny-coco", 55.3, "convnext_tiny_coco_train"),
    tf!("kmax-convnext-small-coco", 56.3, "convnext_small_coco_train"),
    tf!("kmax-convnext-base-coco", 57.2, "convnext_base_coco_train"),
    tf!("kmax-convnext-large-coco", 57.9, "convnext_large_coco_train"),
    tf!(
        "kmax-convnext-large-coco",
        58.1,
        "convnext_large_coco_train_unlabeled",
        "with COCO's unlabeled photos"
    ),
    tf!("kmax-resnet50-cityscapes", 64.3, "resnet50_cityscapes_train"),
    tf!("kmax-maxs-cityscapes", 66.4, "maxs_gelu_cityscapes_train"),
    tf!("kmax-convnext-tiny-cityscapes", 66.3, "convnext_tiny_cityscapes_train"),
    tf!("kmax-convnext-small-cityscapes", 67.3, "convnext_small_cityscapes_train"),
    tf!("kmax-convnext-base-cityscapes", 68.0, "convnext_base_cityscapes_train"),
    tf!("kmax-convnext-large-cityscapes", 68.4, "convnext_large_cityscapes_train"),
    tf!("kmax-resnet50-ade20k", 41.5, "resnet50_res641_ade20k_train"),
    tf!("kmax-resnet50-ade20k-1281", 42.3, "resnet50_res1281_ade20k_train"),
    tf!("kmax-convnext-large-ade20k", 48.7, "convnext_large_res641_ade20k_train"),
    tf!("kmax-convnext-large-ade20k-1281", 50.9, "convnext_large_res1281_ade20k_train"),
    port!("kmax-resnet50-coco-port", 53.3, "1YB_5dct0U7ys2KTJNjDIqXLSZneWTyr-"),
    port!("kmax-convnext-tiny-coco-port", 55.5, "1KAEztHbVG3Pvi6JnrCMtRYTgSFi7zr47"),
    port!("kmax-convnext-small-coco-port", 56.7, "1yRmGWrpUyXCL-QgAm00tRU981RhX2gG2"),
    port!("kmax-convnext-base-coco-port", 57.2, "18fWcWxeBw7HuKU-llu0hanBwaVYd7nB4"),
    port!("kmax-convnext-large-coco-port", 57.9, "1b6rEnKw4PNTdqSdWpmb0P9dsvN0pkOiN"),
    port!("kmax-resnet50-cityscapes-port", 63.5, "1v1bsifuF21ft7wMwgjJNSJu5JBowoNta"),
    port!("kmax-convnext-large-cityscapes-port", 68.4, "1dqY3fts8caCxjZCiHhFJKCCQMkDUWaoW"),
    port!("kmax-resnet50-ade20k-port", 42.2, "1ayqi5WyzHzVJPOr4odZ08Iz2Z7mqTEoy"),
    port!("kmax-convnext-large-ade20k-port", 50.0, "12GQff3b4tozxGV2-L4wTUBKkmd7-aW5G"),
];

/// The published checkpoints of a variant.
pub fn releases(variant: &str) -> impl Iterator<Item = &'static Release> {
    RELEASES.iter().filter(move |release| release.variant == variant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    #[test]
    fn every_published_preset_has_a_release_and_the_other_way_round() {
        for preset in Preset::all() {
            let published = matches!(preset, Preset::Published(_));
            assert_eq!(releases(&preset.name()).count() > 0, published, "{}", preset.name());
        }
        for release in RELEASES {
            assert!(Preset::named(release.variant).is_some(), "{}", release.variant);
        }
    }
}

//! Checkpoints that the authors of the reference implementations publish: one record for each.

use super::published::{Backbone, Reference};
use kmax_backbones::ConvNeXtSize;
use kmax_masks::Dataset;

/// A published checkpoint, which `kmax-convert` turns into a model folder.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Release {
    place: Place,
    /// Panoptic quality on the dataset's validation set, 0 to 1, as its authors report it.
    pub pq: f64,
    /// How it differs from others of the same network.
    pub note: &'static str,
    license: &'static str,
}

/// Where a published checkpoint lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Its own address.
    Direct(&'static str),
    /// A file on Google Drive.
    Drive {
        /// What its page calls `/d/ID`.
        id: &'static str,
    },
    /// A file in a repository of the Hugging Face Hub.
    Hub {
        /// The repository, `owner/name`.
        repo: &'static str,
        /// Path of the file in it.
        file: &'static str,
    },
}

impl Release {
    /// Licence of the weights in the Hub's spelling: that of the reference implementation's code, unless the place of the
    /// weights states another one.
    pub fn license(&self) -> &'static str {
        self.license
    }

    /// Where the file lies, for programs that fetch it.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Address of the file, or of the page that leads to it.
    pub fn url(&self) -> String {
        self.place.url()
    }
}

impl Place {
    /// Address of the file, or of the page that leads to it.
    pub fn url(self) -> String {
        match self {
            Self::Direct(url) => url.into(),
            Self::Drive { id } => format!("https://drive.google.com/file/d/{id}/view"),
            Self::Hub { repo, file } => format!("https://huggingface.co/{repo}/blob/main/{file}"),
        }
    }
}

/// Licence of all reference implementations in the Hub's spelling. deeplab2 and PyTorch state no other one for their weights.
pub const LICENSE: &str = "apache-2.0";

/// Everything that tells a published variant from the others.
type Record = (Backbone, Dataset, Reference, usize, &'static str, Release);

const TINY: Backbone = Backbone::ConvNeXt(ConvNeXtSize::Tiny);
const SMALL: Backbone = Backbone::ConvNeXt(ConvNeXtSize::Small);
const BASE: Backbone = Backbone::ConvNeXt(ConvNeXtSize::Base);
const LARGE: Backbone = Backbone::ConvNeXt(ConvNeXtSize::Large);

const fn pytorch(id: &'static str, percent: f64, note: &'static str) -> Release {
    Release { place: Place::Drive { id }, pq: percent / 100.0, note, license: LICENSE }
}

/// `cc` is all that the card of COCONut's weights says: Creative Commons, of an unnamed kind. `percent` is on COCO's own
/// validation set.
const fn coconut(file: &'static str, percent: f64, note: &'static str) -> Release {
    let place = Place::Hub { repo: "xdeng77/kmaxdeeplab_panoptic", file };
    Release { place, pq: percent / 100.0, note, license: "cc" }
}

/// deeplab2's checkpoint of that name.
macro_rules! deeplab2 {
    ($name:literal, $percent:literal, $note:literal) => {
        Release {
            place: Place::Direct(concat!(
                "https://storage.googleapis.com/gresearch/tf-deeplab/checkpoint/kmax_",
                $name,
                ".tar.gz"
            )),
            pq: $percent / 100.0,
            note: $note,
            license: LICENSE,
        }
    };
}

/// COCONut's two files of a ResNet-50, each of which either of two configurations may have trained: nobody says which.
const R50_S: (&str, f64) = ("kmax_panoptic_r50_coconut_s.pth", 51.7);
const R50_B: (&str, f64) = ("kmax_panoptic_r50_coconut_b.pth", 53.4);

/// All of them: deeplab2's `g3doc/projects/kmax_deeplab.md`, PyTorch's `README.md`, COCONut's
/// `tutorials/kmaxdeeplab_panoptic/README.md`.
#[rustfmt::skip]
pub(super) const RELEASES: [Record; 33] = [
    (Backbone::ResNet50, Dataset::Coco, Reference::Deeplab2, 1281, "", deeplab2!("resnet50_coco_train", 53.0, "")),
    (Backbone::MaxS, Dataset::Coco, Reference::Deeplab2, 1281, "", deeplab2!("maxs_gelu_coco_train", 56.2, "")),
    (TINY, Dataset::Coco, Reference::Deeplab2, 1281, "", deeplab2!("convnext_tiny_coco_train", 55.3, "")),
    (SMALL, Dataset::Coco, Reference::Deeplab2, 1281, "", deeplab2!("convnext_small_coco_train", 56.3, "")),
    (BASE, Dataset::Coco, Reference::Deeplab2, 1281, "", deeplab2!("convnext_base_coco_train", 57.2, "")),
    (LARGE, Dataset::Coco, Reference::Deeplab2, 1281, "", deeplab2!("convnext_large_coco_train", 57.9, "")),
    (LARGE, Dataset::Coco, Reference::Deeplab2, 1281, "unlabeled", deeplab2!("convnext_large_coco_train_unlabeled", 58.1, "with COCO's unlabeled images")),
    (Backbone::ResNet50, Dataset::Cityscapes, Reference::Deeplab2, 1281, "", deeplab2!("resnet50_cityscapes_train", 64.3, "")),
    (Backbone::MaxS, Dataset::Cityscapes, Reference::Deeplab2, 1281, "", deeplab2!("maxs_gelu_cityscapes_train", 66.4, "")),
    (TINY, Dataset::Cityscapes, Reference::Deeplab2, 1281, "", deeplab2!("convnext_tiny_cityscapes_train", 66.3, "")),
    (SMALL, Dataset::Cityscapes, Reference::Deeplab2, 1281, "", deeplab2!("convnext_small_cityscapes_train", 67.3, "")),
    (BASE, Dataset::Cityscapes, Reference::Deeplab2, 1281, "", deeplab2!("convnext_base_cityscapes_train", 68.0, "")),
    (LARGE, Dataset::Cityscapes, Reference::Deeplab2, 1281, "", deeplab2!("convnext_large_cityscapes_train", 68.4, "")),
    (Backbone::ResNet50, Dataset::Ade20k, Reference::Deeplab2, 641, "", deeplab2!("resnet50_res641_ade20k_train", 41.5, "")),
    (Backbone::ResNet50, Dataset::Ade20k, Reference::Deeplab2, 1281, "", deeplab2!("resnet50_res1281_ade20k_train", 42.3, "")),
    (LARGE, Dataset::Ade20k, Reference::Deeplab2, 641, "", deeplab2!("convnext_large_res641_ade20k_train", 48.7, "")),
    (LARGE, Dataset::Ade20k, Reference::Deeplab2, 1281, "", deeplab2!("convnext_large_res1281_ade20k_train", 50.9, "")),
    (Backbone::ResNet50, Dataset::Coco, Reference::Pytorch, 1281, "", pytorch("1YB_5dct0U7ys2KTJNjDIqXLSZneWTyr-", 53.3, "")),
    (TINY, Dataset::Coco, Reference::Pytorch, 1281, "", pytorch("1KAEztHbVG3Pvi6JnrCMtRYTgSFi7zr47", 55.5, "")),
    (SMALL, Dataset::Coco, Reference::Pytorch, 1281, "", pytorch("1yRmGWrpUyXCL-QgAm00tRU981RhX2gG2", 56.7, "")),
    (BASE, Dataset::Coco, Reference::Pytorch, 1281, "", pytorch("18fWcWxeBw7HuKU-llu0hanBwaVYd7nB4", 57.2, "")),
    (LARGE, Dataset::Coco, Reference::Pytorch, 1281, "", pytorch("1b6rEnKw4PNTdqSdWpmb0P9dsvN0pkOiN", 57.9, "")),
    (Backbone::ResNet50, Dataset::Cityscapes, Reference::Pytorch, 1281, "", pytorch("1v1bsifuF21ft7wMwgjJNSJu5JBowoNta", 63.5, "")),
    (LARGE, Dataset::Cityscapes, Reference::Pytorch, 1281, "", pytorch("1dqY3fts8caCxjZCiHhFJKCCQMkDUWaoW", 68.4, "")),
    (Backbone::ResNet50, Dataset::Ade20k, Reference::Pytorch, 1281, "", pytorch("1ayqi5WyzHzVJPOr4odZ08Iz2Z7mqTEoy", 42.2, "")),
    (LARGE, Dataset::Ade20k, Reference::Pytorch, 1281, "", pytorch("12GQff3b4tozxGV2-L4wTUBKkmd7-aW5G", 50.0, "")),
    (Backbone::ResNet50, Dataset::Coco, Reference::Coconut, 641, "s-tf", coconut(R50_S.0, R50_S.1, "on COCONut-S, if by kmax_r50_tf.yaml; PQ 58.9 on relabeled COCO-val")),
    (Backbone::ResNet50Detectron2, Dataset::Coco, Reference::Coconut, 641, "s-torch", coconut(R50_S.0, R50_S.1, "on COCONut-S, if by kmax_r50_torch.yaml; PQ 58.9 on relabeled COCO-val")),
    (Backbone::ResNet50, Dataset::Coco, Reference::Coconut, 641, "b-tf", coconut(R50_B.0, R50_B.1, "on COCONut-B, if by kmax_r50_tf.yaml; PQ 60.2 on relabeled COCO-val")),
    (Backbone::ResNet50Detectron2, Dataset::Coco, Reference::Coconut, 641, "b-torch", coconut(R50_B.0, R50_B.1, "on COCONut-B, if by kmax_r50_torch.yaml; PQ 60.2 on relabeled COCO-val")),
    (LARGE, Dataset::Coco, Reference::Coconut, 641, "s", coconut("kmax_convnext_large_coconut_s.pth", 55.9, "on COCONut-S; PQ 64.4 on relabeled COCO-val")),
    (LARGE, Dataset::Coco, Reference::Coconut, 641, "b", coconut("kmax_convnext_large_coconut_b.pth", 57.8, "on COCONut-B; PQ 64.9 on relabeled COCO-val")),
    (LARGE, Dataset::Coco, Reference::Coconut, 641, "l", coconut("kmax_panoptic_convnext_large_coconut_l.pth", 57.9, "on COCONut-L; PQ 65.0 on relabeled COCO-val")),
];

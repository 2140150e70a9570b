//! A labelled photo.

use image::RgbImage;
use kmax_masks::Panoptic;

use crate::coco::ImageId;

/// A photo with its segments, of the same size.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The photo, 8-bit RGB.
    pub image: RgbImage,
    /// Its segments.
    pub panoptic: Panoptic,
    /// What the dataset calls it.
    pub image_id: ImageId,
}

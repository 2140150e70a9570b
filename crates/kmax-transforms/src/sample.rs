//! A labelled image.

use image::RgbImage;
use kmax_masks::{ImageId, Panoptic};

/// An image with its segments, of the same size.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The image, 8-bit RGB.
    pub image: RgbImage,
    /// Its segments.
    pub panoptic: Panoptic,
    /// What the dataset calls it.
    pub image_id: ImageId,
}

//! Results as the bytes of files.

use crate::error::Result;
use crate::found::{Found, More};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, RgbImage};
use kmax_datasets::coco::ImageEntry;
use kmax_masks::{Categories, codec};
use kmax_render::Overlay;
use serde_json::{json, to_string_pretty};

impl Found {
    /// The image with what was found drawn over it, as PNG.
    ///
    /// # Errors
    /// If the image is not the one that the result is of.
    pub fn overlay(&self, image: &RgbImage, categories: &Categories) -> Result<Vec<u8>> {
        self.drawn(image, &Overlay::new(categories))
    }

    /// As [`Self::overlay`], with settings.
    ///
    /// # Errors
    /// As [`Self::overlay`], and if a setting is out of its range.
    pub fn drawn(&self, image: &RgbImage, overlay: &Overlay) -> Result<Vec<u8>> {
        png(&overlay.draw(image, &self.panoptic)?)
    }

    /// The map as PNG: ids of segments as COCO keeps them (R + 256 G + 65536 B), or ids of classes in grey, 16 bits if need be. Instances
    /// overlap and have none.
    ///
    /// # Errors
    /// If an id does not fit.
    pub fn map(&self) -> Result<Option<Vec<u8>>> {
        Ok(match &self.more {
            More::Panoptic => Some(codec::encode_panoptic(&self.panoptic.map)?),
            More::Instances => None,
            More::Semantic(map) => {
                let large = map.data().iter().any(|&class| class > 255);
                let encode = if large { codec::encode_labels_16 } else { codec::encode_labels };
                Some(encode(map)?)
            }
        })
    }

    /// What the name of a file with the [map](Self::map) ends with, after the image's name.
    pub fn map_ending(&self) -> Option<&'static str> {
        match self.more {
            More::Panoptic => Some("panoptic.png"),
            More::Instances => None,
            More::Semantic(_) => Some("semantic.png"),
        }
    }

    /// The list of what was found as JSON, which COCO's tools read: `name` is what the image's results are called.
    ///
    /// # Errors
    /// Not in practice: all of it is JSON.
    pub fn list(&self, image: &ImageEntry, name: &str, model: &str) -> Result<String> {
        let mut list = json!({ "image": image, "model": model });
        if self.more == More::Instances {
            list["annotations"] = json!(self.rows);
        } else if let Some(ending) = self.map_ending() {
            let segments = self.more == More::Panoptic;
            if segments {
                list["image_id"] = json!(image.id);
            }
            list["file_name"] = json!(format!("{name}.{ending}"));
            list[if segments { "segments_info" } else { "classes" }] = json!(self.rows);
        }
        Ok(to_string_pretty(&list)? + "\n")
    }
}

/// A picture as PNG, packed quickly: little is gained by packing a photo tightly, and it takes long.
///
/// # Errors
/// If the picture has no pixels.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    let (width, height) = picture.dimensions();
    encoder.write_image(picture.as_raw(), width, height, image::ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

//! The results of a photo as the bytes of files.

use super::answer::{Answer, More};
use super::inputs::Input;
use crate::exit::{Code, OrExit, Outcome};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, RgbImage};
use kmax::Config;
use kmax::render::Overlay;
use kmax_datasets::coco::ImageEntry;
use kmax_masks::codec;
use serde_json::json;

/// The photo with what was found drawn over it.
pub fn overlay(answer: &Answer, photo: &RgbImage, config: &Config) -> Outcome<Vec<u8>> {
    let picture = Overlay::new(&config.categories).draw(photo, &answer.panoptic)?;
    png(&picture).or_exit(Code::Failed)
}

/// The map, with the ending of its file; instances have none.
pub fn map(answer: &Answer) -> Outcome<Option<(&'static str, Vec<u8>)>> {
    Ok(match &answer.more {
        More::Panoptic => {
            let bytes = codec::encode_panoptic(&answer.panoptic.map).or_exit(Code::Failed)?;
            Some(("panoptic.png", bytes))
        }
        More::Instances => None,
        More::Semantic(map) => {
            let large = map.data().iter().any(|&class| class > 255);
            let encode = if large { codec::encode_labels_16 } else { codec::encode_labels };
            Some(("semantic.png", encode(map).or_exit(Code::Failed)?))
        }
    })
}

/// The list of what was found.
pub fn list(answer: &Answer, input: &Input, image: &ImageEntry, model: &str) -> Outcome<String> {
    let mut list = json!({ "image": image, "model": model });
    match &answer.more {
        More::Panoptic => {
            list["image_id"] = json!(input.id);
            list["file_name"] = json!(format!("{}.panoptic.png", input.name));
            list["segments_info"] = json!(answer.rows);
        }
        More::Instances => list["annotations"] = json!(answer.rows),
        More::Semantic(_) => {
            list["file_name"] = json!(format!("{}.semantic.png", input.name));
            list["classes"] = json!(answer.rows);
        }
    }
    Ok(serde_json::to_string_pretty(&list).or_exit(Code::Failed)? + "\n")
}

/// Little is gained by packing a photo tightly, and it takes long.
fn png(picture: &RgbImage) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    encoder.write_image(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

//! Writing results.

use super::answer::{Answer, More};
use super::arguments::{Arguments, Format};
use super::inputs::Input;
use crate::exit::{Code, Failure, OrExit, Outcome};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, RgbImage};
use kmax::Config;
use kmax_datasets::coco::{Annotation, ImageEntry, PanopticWriter};
use kmax_masks::codec;
use kmax_render::Overlay;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where results go.
pub struct Results {
    folder: PathBuf,
    model: String,
    list: Option<List>,
}

/// One json for all photos.
struct List {
    writer: PanopticWriter,
    images: Vec<ImageEntry>,
    annotations: Vec<Annotation>,
}

impl Results {
    /// Makes the folders.
    pub fn create(arguments: &Arguments) -> Outcome<Self> {
        let folder = arguments.output.clone();
        let fail =
            |e: &dyn std::fmt::Display| Failure::new(Code::Output, format!("{}: {e}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(|e| fail(&e))?;
        // Better now than after the first photo.
        tempfile::tempfile_in(&folder).map_err(|e| fail(&format!("nothing can be written there: {e}")))?;
        let list = match arguments.format {
            Format::Files => None,
            Format::CocoPanoptic => {
                let writer = PanopticWriter::create(folder.join("predictions.json")).or_exit(Code::Output)?;
                Some(List { writer, images: Vec::new(), annotations: Vec::new() })
            }
        };
        Ok(Self { folder, model: arguments.model.clone(), list })
    }

    /// Writes the results of a photo.
    pub fn write(&mut self, answer: &Answer, input: &Input, photo: &RgbImage, config: &Config) -> Outcome {
        let file_name = input.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let image =
            ImageEntry { id: input.id.clone(), file_name, width: photo.width(), height: photo.height() };
        match &mut self.list {
            Some(list) => {
                // The PNG is called like the results, so that none replaces another.
                let named = ImageEntry { file_name: format!("{}.png", input.name), ..image.clone() };
                list.annotations.push(list.writer.write(&named, &answer.panoptic).or_exit(Code::Output)?);
                list.images.push(image);
                Ok(())
            }
            None => self.files(answer, input, photo, config, &image),
        }
    }

    /// Writes what only is complete now.
    pub fn finish(self, config: &Config) -> Outcome {
        match self.list {
            Some(list) => {
                list.writer.finish(list.images, list.annotations, &config.categories).or_exit(Code::Output)
            }
            None => Ok(()),
        }
    }

    fn files(
        &self,
        answer: &Answer,
        input: &Input,
        photo: &RgbImage,
        config: &Config,
        image: &ImageEntry,
    ) -> Outcome {
        let place = |ending: &str| self.folder.join(format!("{}.{ending}", input.name));
        let overlay = || {
            let overlay = Overlay::new(&config.categories);
            let picture = overlay.draw(photo, &answer.panoptic).or_exit(Code::Failed)?;
            write(&place("overlay.png"), &png(&picture).or_exit(Code::Failed)?)
        };
        let mut list = json!({ "image": image, "model": self.model });
        let map = || -> Outcome {
            match &answer.more {
                More::Panoptic => {
                    let bytes = codec::encode_panoptic(&answer.panoptic.map).or_exit(Code::Failed)?;
                    write(&place("panoptic.png"), &bytes)
                }
                More::Instances => Ok(()),
                More::Semantic(map) => {
                    let large = map.data().iter().any(|&class| class > 255);
                    let encode = if large { codec::encode_labels_16 } else { codec::encode_labels };
                    write(&place("semantic.png"), &encode(map).or_exit(Code::Failed)?)
                }
            }
        };
        let (overlay, map) = rayon::join(overlay, map);
        overlay.and(map)?;
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
        // Last: a list that is there has its pictures.
        let text = serde_json::to_string_pretty(&list).or_exit(Code::Failed)?;
        write(&place("json"), (text + "\n").as_bytes())
    }
}

fn write(file: &Path, bytes: &[u8]) -> Outcome {
    kmax::write_atomically(file, bytes)
        .map_err(|e| Failure::new(Code::Output, format!("{}: {e}", file.display())))
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

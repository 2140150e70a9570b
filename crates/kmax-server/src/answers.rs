//! A result in the form that is asked for.

use crate::parameters::{Format, Masks};
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use kmax_datasets::coco::ImageEntry;
use kmax_masks::{Categories, ImageId, LabelMap, Rle, codec};
use kmax_results::{Found, Row};
use serde::Serialize;
use std::io::{Cursor, Write};
use utoipa::ToSchema;
use zip::write::SimpleFileOptions;

/// What was found in a photo.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Segmentation {
    /// The model.
    pub model: String,
    /// What was wanted: `panoptic`, `instance` or `semantic`.
    pub task: &'static str,
    /// Width of the photo, turned upright.
    pub width: u32,
    /// Height of the photo, turned upright.
    pub height: u32,
    /// What was odd about the photo's file, or chosen of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub segments: Vec<SegmentRow>,
}

/// A segment, an instance or a class of a photo.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SegmentRow {
    #[serde(flatten)]
    pub row: Row,
    /// The query whose mask it is; of stuff that several queries make, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<usize>,
    /// The mask as base64 of a grey PNG, 255 inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_png: Option<String>,
}

impl Segmentation {
    /// About what it takes, for the budget.
    pub fn bytes(&self) -> u64 {
        let masks = |row: &SegmentRow| {
            let runs = row.row.segmentation.as_ref().map_or(0, |mask| size_of_val(mask.counts()));
            runs + row.mask_png.as_ref().map_or(0, String::len) + size_of::<SegmentRow>()
        };
        self.segments.iter().map(masks).sum::<usize>() as u64
    }
}

/// A result and what it is of.
pub(crate) struct Answer<'a> {
    pub found: Found,
    pub image: &'a RgbImage,
    pub note: Option<String>,
    pub model: &'a str,
    pub categories: &'a Categories,
}

impl Answer<'_> {
    fn size(&self) -> (u32, u32) {
        self.image.dimensions()
    }

    /// As JSON is made of.
    pub fn listed(self, task: &'static str, masks: Masks) -> Result<Segmentation, Problem> {
        let ((width, height), note, model) = (self.size(), self.note, self.model.to_owned());
        let found = if masks == Masks::None { self.found } else { self.found.with_masks() };
        let row = |(at, mut row): (usize, Row)| {
            let query = found.queries.get(at).and_then(|queries| queries.first().copied());
            let mask_png = match &row.segmentation {
                Some(mask) if masks == Masks::Png => Some(STANDARD.encode(mask_png(mask)?)),
                _ => None,
            };
            if masks != Masks::Rle {
                row.segmentation = None;
            }
            Ok(SegmentRow { row, query, mask_png })
        };
        let segments = found.rows.into_iter().enumerate().map(row).collect::<Result<_, Problem>>()?;
        Ok(Segmentation { model, task, width, height, note, segments })
    }

    /// The map as PNG.
    pub fn map(&self) -> Result<Vec<u8>, Problem> {
        let none = || Problem::invalid("instances overlap and have no map; ask for JSON");
        self.found.map()?.ok_or_else(none)
    }

    /// The overlay as PNG.
    pub fn overlay(&self) -> Result<Vec<u8>, Problem> {
        Ok(self.found.overlay(self.image, self.categories)?)
    }

    /// The files that `kmax segment` writes for a photo of that name.
    pub fn zip(&self, file_name: &str, stem: &str) -> Result<Vec<u8>, Problem> {
        let (width, height) = self.size();
        let image = ImageEntry { id: ImageId::Number(1), file_name: file_name.to_owned(), width, height };
        let list = self.found.list(&image, stem, self.model)?.into_bytes();
        let map = self.found.map_ending().zip(self.found.map()?);
        let overlay = Some(("overlay.png", self.overlay()?));
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        // PNG is compressed already.
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let files = [overlay, map, Some(("json", list))];
        for (ending, bytes) in files.into_iter().flatten() {
            archive.start_file(format!("{stem}.{ending}"), options).map_err(Problem::internal)?;
            archive.write_all(&bytes).map_err(Problem::internal)?;
        }
        Ok(archive.finish().map_err(Problem::internal)?.into_inner())
    }
}

/// The media type of a form.
pub(crate) fn media_type(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Map | Format::Overlay => "image/png",
        Format::Zip => "application/zip",
    }
}

/// A mask as a grey PNG.
fn mask_png(mask: &Rle) -> Result<Vec<u8>, Problem> {
    let [height, width] = mask.size().map(|length| length as usize);
    let mut map = LabelMap::filled(width, height, 0)?;
    mask.paint(&mut map, 255)?;
    Ok(codec::encode_labels(&map)?)
}

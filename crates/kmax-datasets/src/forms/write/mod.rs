//! Writing what annotation tools take back: labels that somebody goes on with, or predictions to be corrected.
//!
//! | module | form |
//! | --- | --- |
//! | [`yolo`] | a folder for Ultralytics' segmentation: `data.yaml`, `images/SPLIT`, `labels/SPLIT/NAME.txt` |
//! | [`labelme`] | a folder of labelme's files, one a photo |
//! | [`label_studio`] | a json of Label Studio's tasks with predictions as brush strokes |
//! | [`cvat`] | a json that CVAT imports as `COCO 1.0` |
//! | [`geojson`] | a folder of GeoJSON files, one an image, as QuPath reads them |
//!
//! These rules hold for all of them:
//!
//! - Things and stuff are written, void never. A stuff class called `background` (in any case, underscores around it do not count) is
//!   left out with its label: tools show what no object covers as background.
//! - Masks are exact. Polygons run along the edges of pixels, with a vertex at each corner and nowhere else, in the coordinates in
//!   which `[0, 0]` is the upper left corner of the image. Filled at pixel centres they are the mask again.
//! - Photos are not copied. Where a form refers to one, it does so by its path.
//! - Nothing goes by numbers that differ between tools: classes by their names, which have to be unique.

mod classes;
pub mod cvat;
#[cfg(test)]
mod fixture;
pub mod geojson;
pub mod label_studio;
pub mod labelme;
mod names;
mod rle_pack;
pub mod yolo;

use std::path::{Path, PathBuf};

use kmax_masks::{Categories, Panoptic};
use serde::{Deserialize, Serialize};

use crate::coco::ImageEntry;
use crate::error::{Error, Result};
use crate::files;
use classes::Classes;
use names::{Names, named};

/// A form of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Yolo,
    Labelme,
    LabelStudio,
    CvatCoco,
    GeoJson,
}

/// An image with what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labelled<'a> {
    pub image: &'a ImageEntry,
    /// Its file, if it is there.
    pub photo: Option<&'a Path>,
    pub panoptic: &'a Panoptic,
}

/// What of an image is for a common file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// Nothing; whether the form found the photo.
    Photo(bool),
    /// A task of Label Studio as JSON.
    Task(String),
    Objects(Vec<cvat::Object>),
}

/// Writes one form, image by image from any thread.
pub(crate) struct ToolWriter {
    tool: Tool,
    out: PathBuf,
    split: String,
    classes: Classes,
    names: Names,
}

impl ToolWriter {
    /// `split` matters to YOLO alone.
    pub fn create(tool: Tool, categories: &Categories, split: &str, out: &Path) -> Result<Self> {
        let classes = Classes::new(categories, out)?;
        match tool {
            Tool::Yolo => yolo::create(out, split, &classes)?,
            Tool::Labelme | Tool::GeoJson => files::create_folder(out)?,
            Tool::LabelStudio | Tool::CvatCoco => {
                if let Some(folder) = out.parent() {
                    files::create_folder(folder)?;
                }
            }
        }
        let (out, split) = (out.to_path_buf(), split.to_owned());
        Ok(Self { tool, out, split, classes, names: Names::default() })
    }

    /// Where the files of images go that have one each, and how their names end.
    fn place(&self) -> Option<(PathBuf, &'static str)> {
        match self.tool {
            Tool::Yolo => Some((self.out.join("labels").join(&self.split), "txt")),
            Tool::Labelme => Some((self.out.clone(), "json")),
            Tool::GeoJson => Some((self.out.clone(), "geojson")),
            Tool::LabelStudio | Tool::CvatCoco => None,
        }
    }

    /// The file that an image has of its own, if the form has one for each.
    pub fn file(&self, image: &ImageEntry) -> Result<Option<PathBuf>> {
        self.place().map(|(folder, ending)| Ok(named(&folder, image)?.with_extension(ending))).transpose()
    }

    /// Refuses a link to a photo that is not there though it was made.
    pub fn check_link(&self, image: &ImageEntry, entry: &Entry) -> Result<()> {
        if self.tool != Tool::Yolo || !matches!(entry, Entry::Photo(true)) {
            return Ok(());
        }
        let link = named(&self.out.join("images").join(&self.split), image)?;
        link.metadata().map(drop).map_err(Error::read(&link))
    }

    pub fn write(&self, labelled: &Labelled) -> Result<Entry> {
        let objects = self.classes.objects(labelled, &self.out)?;
        let file = match self.place() {
            Some((folder, ending)) => self.names.file(&folder, labelled.image, ending)?,
            None => self.out.clone(),
        };
        let found = labelled.photo.is_some();
        match self.tool {
            Tool::Yolo => {
                yolo::write(&file, labelled, &objects)?;
                yolo::link(&self.out.join("images").join(&self.split), labelled).map(Entry::Photo)
            }
            Tool::Labelme => {
                labelme::write(&file, labelled, &objects)?;
                Ok(Entry::Photo(found))
            }
            Tool::GeoJson => {
                geojson::write(&file, labelled, &objects)?;
                Ok(Entry::Photo(found))
            }
            Tool::LabelStudio => label_studio::task(labelled, &objects).map(Entry::Task),
            Tool::CvatCoco => Ok(Entry::Objects(cvat::objects(labelled, &objects))),
        }
    }

    pub fn finish(&self, written: Vec<(ImageEntry, Entry)>) -> Result<()> {
        let (mut photos, mut tasks, mut images, mut objects) = (0, Vec::new(), Vec::new(), Vec::new());
        let count = written.len();
        for (image, entry) in written {
            match entry {
                Entry::Photo(found) => photos += usize::from(found),
                Entry::Task(task) => tasks.push(task),
                Entry::Objects(of_image) => {
                    images.push(image);
                    objects.push(of_image);
                }
            }
        }
        match self.tool {
            Tool::Yolo => yolo::finish(&self.out, &self.split, &self.classes, photos, count),
            Tool::LabelStudio => label_studio::finish(&self.out, &self.classes, &tasks),
            Tool::CvatCoco => cvat::finish(&self.out, &self.classes, images, objects),
            Tool::Labelme | Tool::GeoJson => Ok(()),
        }
    }
}

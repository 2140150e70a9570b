//! Finding what breaks training later.
//!
//! Readers stop at the first mistake; here all are listed. A json that cannot be parsed is the only one that hides
//! others.

mod cityscapes;
mod classes;
mod instances;
mod panoptic;
mod semantic;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use kmax_base::Progress;
use kmax_transforms::read_image;
use serde::Serialize;

use crate::coco::ImageEntry;
use crate::each::each;
use crate::error::{Error, Result};
use crate::layout::{self, Part};
use crate::names::{Folder, check_name};
use crate::things::Things;
use crate::turned::turned;

pub use cityscapes::cityscapes;
pub use instances::instances;
pub use panoptic::panoptic;
pub use semantic::semantic;

/// Looks at all that is found in a folder, or at a single json with its PNGs: splits of Cityscapes, every json with a folder of PNGs
/// under its name, `instances*.json`. `photos` is their folder, where it is none of the usual places; `things` are said where a json
/// does not say them.
///
/// # Errors
/// If nothing is found, a json cannot be parsed, or the progress is cancelled.
pub fn all(
    path: &Path,
    photos: Option<&Path>,
    things: &Things,
    progress: &dyn Progress,
) -> Result<CheckReport> {
    let mut report = CheckReport::default();
    for part in layout::find(path)? {
        let found = match &part {
            Part::Panoptic { json, pngs } => panoptic(json, pngs, photos, things, progress),
            Part::Instances { json } => instances(json, photos, progress),
            Part::Cityscapes { root, split } => cityscapes(root, split, progress),
        };
        report = report.join(found?);
    }
    Ok(report)
}

/// A kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A file that is named but not there.
    MissingFile,
    /// A file that cannot be read.
    Damaged,
    /// Sizes that differ.
    Size,
    /// Labels of a photo as it is stored, while its EXIF orientation turns it.
    Turned,
    /// An image that has no labels.
    Unlabelled,
    /// A class or label that is not known, or does not say whether it is a thing.
    Label,
    /// Classes of one name, or splits with different classes.
    Classes,
    /// An id that occurs twice, is out of range, or refers to nothing.
    Id,
    /// An id in a PNG that the json lacks.
    PngOnly,
    /// An id in the json that no pixel has.
    JsonOnly,
    /// An area that the pixels contradict.
    Area,
    /// A mask that cannot be made.
    Mask,
}

impl Kind {
    /// All kinds, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::MissingFile,
        Self::Damaged,
        Self::Size,
        Self::Turned,
        Self::Unlabelled,
        Self::Label,
        Self::Classes,
        Self::Id,
        Self::PngOnly,
        Self::JsonOnly,
        Self::Area,
        Self::Mask,
    ];

    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingFile => "missing-file",
            Self::Damaged => "damaged",
            Self::Size => "size",
            Self::Turned => "turned",
            Self::Unlabelled => "unlabelled",
            Self::Label => "label",
            Self::Classes => "classes",
            Self::Id => "id",
            Self::PngOnly => "png-only",
            Self::JsonOnly => "json-only",
            Self::Area => "area",
            Self::Mask => "mask",
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of mistake it is.
    pub kind: Kind,
    /// The file.
    pub file: PathBuf,
    /// What is wrong, with the entry concerned.
    pub problem: String,
}

impl Finding {
    fn new(kind: Kind, file: &Path, problem: impl Into<String>) -> Self {
        Self { kind, file: file.to_path_buf(), problem: problem.into() }
    }

    /// A file that could not be read.
    fn unread(file: &Path, error: &Error) -> Self {
        let kind = if file.is_file() { Kind::Damaged } else { Kind::MissingFile };
        let text = error.to_string();
        // The file is shown anyway.
        let prefix = format!("{}: ", file.display());
        Self::new(kind, file, text.strip_prefix(&prefix).unwrap_or(&text))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind.name(), self.file.display(), self.problem)
    }
}

/// What a check looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Labelled images.
    pub images: usize,
    /// Of these, those whose file was looked at.
    #[serde(rename = "photos")]
    pub images_read: usize,
    /// The mistakes, in the order of the files.
    pub findings: Vec<Finding>,
    /// The tables of classes that were read.
    #[serde(skip)]
    tables: Vec<classes::Table>,
}

impl CheckReport {
    fn broken(file: &Path, error: &Error) -> Self {
        Self { findings: vec![Finding::unread(file, error)], ..Self::default() }
    }

    /// Both, and what is different between their classes.
    pub fn join(mut self, other: Self) -> Self {
        self.findings.extend(classes::differences(&self.tables, &other.tables));
        self.tables.extend(other.tables);
        self.images += other.images;
        self.images_read += other.images_read;
        self.findings.extend(other.findings);
        self
    }

    /// The mistakes of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }
}

/// The folder that holds the images of a json: the one given, or that of the usual places where they are. `None`, and a
/// finding, where none is.
fn images_folder(
    json: &Path,
    given: Option<&Path>,
    labels: Option<&Path>,
    images: &[ImageEntry],
    found: &mut Vec<Finding>,
) -> Option<Folder> {
    let folder = given.map(Path::to_path_buf).or_else(|| layout::images_folder(json, labels, images));
    if folder.is_none() && !images.is_empty() {
        let names = match images {
            [only] => only.file_name.clone(),
            [first, .., last] => format!("{} ... {}", first.file_name, last.file_name),
            [] => String::new(),
        };
        let problem = format!(
            "none of the {} images ({names}) is in any of the usual folders, such as images/; say where they are",
            images.len()
        );
        found.push(Finding::new(Kind::MissingFile, json, problem));
    }
    folder.map(|folder| Folder::of(folder, images.iter().map(|image| image.file_name.as_str())))
}

/// Looks at the photos of all images of a json.
fn photos(
    json: &Path,
    folder: Option<&Folder>,
    images: &[ImageEntry],
    progress: &dyn Progress,
) -> Result<(usize, Vec<Finding>)> {
    let Some(folder) = folder else { return Ok((0, Vec::new())) };
    let looked_at = each(images, progress, |_, entry| {
        let mut found = Vec::new();
        // What leaves the folder is a finding already.
        if check_name(&entry.file_name).is_err() {
            return Ok((None, found));
        }
        let file = folder.file(&entry.file_name);
        match &file {
            Ok(file) => image(file, (entry.width as usize, entry.height as usize), &mut found),
            Err(error) => found.push(Finding::unread(json, error)),
        }
        Ok((file.ok(), found))
    })?;
    let mut of_file = HashMap::new();
    let (mut count, mut findings) = (0, Vec::new());
    for (position, (file, found)) in looked_at.into_iter().enumerate() {
        count += usize::from(file.is_some());
        findings.extend(found);
        if let Some(first) = file.and_then(|file| of_file.insert(file, position)) {
            let id = &images[position].id;
            let problem = format!("images[{position}] (id {id}): its file is also that of images[{first}]");
            findings.push(Finding::new(Kind::Id, json, problem));
        }
    }
    Ok((count, findings))
}

/// Reads an image and compares its size with that of its labels.
fn image(file: &Path, expected: (usize, usize), found: &mut Vec<Finding>) {
    match read_image(file) {
        Ok(image) => {
            let labels = (expected.0 as u32, expected.1 as u32);
            if let Some(problem) = turned(file, image.dimensions(), labels) {
                return found.push(Finding::new(Kind::Turned, file, problem));
            }
            let size = (image.width() as usize, image.height() as usize);
            sizes(file, size, expected, "the labels have", found);
        }
        Err(error) => found.push(Finding::unread(file, &error.into())),
    }
}

fn sizes(file: &Path, has: (usize, usize), expected: (usize, usize), who: &str, found: &mut Vec<Finding>) {
    if has != expected {
        let problem = format!("{} x {} pixels, but {who} {} x {}", has.0, has.1, expected.0, expected.1);
        found.push(Finding::new(Kind::Size, file, problem));
    }
}

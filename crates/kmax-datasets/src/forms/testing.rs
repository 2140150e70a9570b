//! Small datasets for the tests of all forms.

use std::path::{Path, PathBuf};

use kmax_masks::{LabelMap, codec};

use super::{Opened, Options, open};
use crate::annotated::Annotated;
use crate::error::Result;
use crate::files;

/// A folder that is made of small files.
pub(super) struct Set(tempfile::TempDir);

impl Set {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        let file = self.path().join(name);
        files::create_folder(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, bytes).expect("written");
        self
    }

    pub fn text(self, name: &str, text: &str) -> Self {
        self.bytes(name, text.as_bytes())
    }

    /// A grey photo.
    pub fn photo(self, name: &str, width: u32, height: u32) -> Self {
        let set = self.text(name, "");
        let photo = image::RgbImage::from_pixel(width, height, image::Rgb([120; 3]));
        photo.save(set.path().join(name)).expect("written");
        set
    }

    /// A grey PNG of these values.
    pub fn values(self, name: &str, width: usize, values: &[u32]) -> Self {
        let map = LabelMap::new(width, values.len() / width, values.to_vec()).expect("a map");
        self.bytes(name, &codec::encode_labels(&map).expect("encoded"))
    }

    /// A PNG of these colours.
    pub fn colours(self, name: &str, width: usize, colours: &[[u8; 3]]) -> Self {
        let set = self.text(name, "");
        let height = (colours.len() / width) as u32;
        let picture = image::RgbImage::from_raw(width as u32, height, colours.concat()).expect("a picture");
        picture.save(set.path().join(name)).expect("written");
        set
    }

    pub fn open(&self) -> Result<Opened> {
        open(self.path(), &Options::default())
    }

    /// What is said of the folder when it is refused.
    pub fn refused(&self) -> String {
        message(self.open())
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

pub(super) fn message<T>(result: Result<T>) -> String {
    result.err().map(|error| error.to_string()).expect("refused")
}

/// The classes of the pixels of an image: a word a row, the first letter of each class's name, `.` for void.
pub(super) fn drawn(data: &dyn Annotated, index: usize) -> String {
    let panoptic = data.panoptic(index).expect("segments");
    panoptic.validate(data.categories()).expect("valid segments");
    let letter = |id: &u32| {
        let segment = panoptic.segment(*id)?;
        data.categories().get(segment.category_id)?.name.chars().next()
    };
    let row = |row: &[u32]| row.iter().map(|id| letter(id).unwrap_or('.')).collect::<String>();
    panoptic.map.rows().map(row).collect::<Vec<_>>().join(" ")
}

/// The number of segments of each class, by its name.
pub(super) fn counts(data: &dyn Annotated, index: usize) -> Vec<(String, usize)> {
    let panoptic = data.panoptic(index).expect("segments");
    let count = |id: u32| panoptic.segments.iter().filter(|segment| segment.category_id == id).count();
    data.categories()
        .iter()
        .map(|class| (class.name.clone(), count(class.id)))
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// The split names with their numbers of images.
pub(super) fn splits(opened: &Opened) -> Vec<(&str, usize)> {
    opened.splits.iter().map(|split| (split.name.as_str(), split.data.len())).collect()
}

pub(super) fn names(opened: &Opened) -> Vec<String> {
    opened.splits[0].data.categories().iter().map(|class| class.name.clone()).collect()
}

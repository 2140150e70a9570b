//! Which photos a command was given, and what their results are called.

mod files;
mod ids;
mod kind;
mod names;

pub use files::list;
pub use ids::{check_ids, read_ids};
pub use names::named;

use crate::exit::Outcome;
use kmax::ImageError;
use kmax_masks::ImageId;
use kmax_store::{Place, Stamp, Url};
use kmax_transforms::{MAX_PIXELS, Picture, Reading, decode_picture, read_picture};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A photo of a command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The photo; for standard input, what it is called.
    pub file: PathBuf,
    /// Where it is, if that is an object store.
    pub url: Option<Url>,
    /// What the store said of its contents: the same until the end.
    pub stamp: OnceLock<Stamp>,
    /// Whether it is standard input.
    pub stdin: bool,
    /// What its results are called, without an ending.
    pub name: String,
    /// Its id in lists.
    pub id: ImageId,
    /// Something to tell about the name.
    pub note: Option<String>,
    /// Why it cannot be taken at all.
    pub refused: Option<String>,
}

impl Input {
    /// Whether it is a file of this machine, which may be read again and in parts.
    pub fn is_file(&self) -> bool {
        !self.stdin && self.url.is_none()
    }

    /// The bytes of a photo in a store.
    ///
    /// # Errors
    /// Also if they are others than they were: results belong to one photo.
    pub fn fetch(&self) -> kmax_store::Result<Option<Vec<u8>>> {
        let Some(url) = &self.url else { return Ok(None) };
        let (data, stamp) = kmax_store::read(url, MOST)?;
        if *self.stamp.get_or_init(|| stamp.clone()) != stamp {
            let (url, reason) = (url.to_string(), "it was replaced meanwhile".to_owned());
            return Err(kmax_store::Error::Read { url, reason, of_the_store: false });
        }
        Ok(Some(data))
    }

    /// Reads the photo.
    pub fn read(&self, reading: &Reading) -> Result<Picture, ImageError> {
        if !self.stdin {
            return read_picture(&self.file, reading);
        }
        let mut data = Vec::new();
        match std::io::stdin().lock().take(MOST).read_to_end(&mut data) {
            Ok(_) => decode_picture(&data, &self.file, reading),
            Err(source) => Err(ImageError::Read { file: self.file.clone(), source }),
        }
    }
}

/// The most that is read from standard input, which may have no end: as much as the largest photo has uncompressed.
const MOST: u64 = 4 * MAX_PIXELS;

/// A photo that was named, and its id if that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub file: PathBuf,
    pub id: Option<ImageId>,
    url: Option<Url>,
    stamp: Option<Stamp>,
}

impl Named {
    /// What a path or a URL names.
    fn read(path: &Path) -> Outcome<Self> {
        Ok(match Place::read(path)? {
            Place::Local(file) => file.into(),
            Place::Store(url) => Self { url: Some(url.clone()), ..PathBuf::from(url.to_string()).into() },
        })
    }
}

impl From<PathBuf> for Named {
    fn from(file: PathBuf) -> Self {
        Self { file, id: None, url: None, stamp: None }
    }
}

//! Images that are read from the top downwards, some rows at a time.

mod png;
mod reduced;
mod strips;
mod tiff;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use image::{RgbImage, imageops};

use crate::decode::{Admission, Decoded, Failure};
use crate::error::{self, Error};
use crate::format::{Format, HEAD, Kind};
use crate::read::{read_picture, refused};
use crate::reading::Reading;
use crate::srgb;
use reduced::Reduced;

/// An image whose rows are asked for from its top downwards, as [`read_image`](crate::read_image) would give them.
///
/// PNG that is not interlaced and TIFF whose samples lie side by side are decoded as far as rows are asked for, if they are not to be
/// turned, and so their pixels never are in memory all at once. Of other files all are.
///
/// ```
/// use kmax_transforms::{Bands, RgbImage};
///
/// # fn main() -> kmax_transforms::Result<()> {
/// let mut bands = Bands::from(RgbImage::new(20, 10));
/// assert_eq!(bands.read(8)?.dimensions(), (20, 8));
/// assert_eq!(bands.read(8)?.dimensions(), (20, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bands {
    file: PathBuf,
    width: u32,
    height: u32,
    /// Rows that were given.
    given: u32,
    source: Source,
    notes: Vec<String>,
    reduced: Option<Reduced>,
}

#[derive(Debug)]
enum Source {
    Whole(RgbImage),
    Decoder(Decoder),
}

/// What decodes, and what it has decoded.
struct Decoder {
    rows: Box<dyn Rows>,
    format: Format,
    background: [u8; 3],
    /// Rows that are decoded and were not given yet, as RGB.
    ready: Vec<u8>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("format", &self.format).finish_non_exhaustive()
    }
}

/// A file that is decoded in parts.
trait Rows: Send {
    /// The next rows, at least one.
    fn next(&mut self) -> Result<Decoded, Failure>;
}

/// A file that can be decoded in parts.
struct Opened {
    width: u32,
    height: u32,
    rows: Box<dyn Rows>,
    notes: Vec<String>,
    /// Bytes of the decoder's own.
    memory: u64,
}

impl From<RgbImage> for Bands {
    fn from(image: RgbImage) -> Self {
        let (width, height) = image.dimensions();
        let (file, source) = (PathBuf::from("image"), Source::Whole(image));
        Self { file, width, height, given: 0, source, notes: Vec::new(), reduced: None }
    }
}

impl Bands {
    /// Opens an image. What `reading` says of memory is asked of what will be needed at once.
    ///
    /// # Errors
    /// As [`read_picture`]; damage further down shows when it is read.
    pub fn open(file: &Path, reading: &Reading) -> error::Result<Self> {
        let failed = |source| Error::Read { file: file.into(), source };
        let mut source = kmax_base::read::open(file).map_err(failed)?;
        let mut head = Vec::new();
        source.by_ref().take(HEAD).read_to_end(&mut head).map_err(failed)?;
        source.rewind().map_err(failed)?;
        let opened = match Kind::of(&head) {
            Kind::Known(Format::Png) => png::open(source).map(|opened| (Format::Png, opened)),
            Kind::Known(Format::Tiff) => tiff::open(&source, &head).map(|opened| (Format::Tiff, opened)),
            _ => None,
        };
        let Some((format, opened)) = opened else {
            // That also says what is wrong with it.
            let picture = read_picture(file, reading)?;
            return Ok(Self {
                file: file.into(),
                notes: picture.note.into_iter().collect(),
                ..picture.image.into()
            });
        };
        let Opened { width, height, rows, notes, memory } = opened;
        let admission = Admission::of(reading, memory);
        let admitted = admission.admit_bands(width, height);
        admitted.map_err(|failure| refused(failure, file, format, reading))?;
        let decoder = Decoder { rows, format, background: reading.background, ready: Vec::new() };
        let (source, file) = (Source::Decoder(decoder), file.into());
        Ok(Self { file, width, height, given: 0, source, notes, reduced: None })
    }

    /// Also makes a smaller picture of the rows that are read, at most `longest` pixels wide and high.
    #[must_use]
    pub fn with_reduced(self, longest: u32) -> Self {
        let reduced = Some(Reduced::new(self.width, self.height, longest));
        Self { reduced, ..self }
    }

    /// The smaller picture, if one was asked for, and how many pixels of the image one of its own is wide and high: means over such squares.
    /// It is black where rows were not read.
    pub fn into_reduced(self) -> Option<(RgbImage, u32)> {
        self.reduced.map(|reduced| (reduced.step(), reduced.picture())).map(|(step, picture)| (picture, step))
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// What is odd about the file, as far as it was read.
    pub fn note(&self) -> Option<String> {
        (!self.notes.is_empty()).then(|| self.notes.join("; "))
    }

    /// The next rows: as many as asked for, or what is left of them.
    ///
    /// # Errors
    /// If the file is damaged there.
    pub fn read(&mut self, rows: u32) -> error::Result<RgbImage> {
        let rows = rows.min(self.height - self.given);
        let from = self.given;
        self.given += rows;
        let band = match &mut self.source {
            Source::Whole(image) => imageops::crop_imm(image, 0, from, self.width, rows).to_image(),
            Source::Decoder(decoder) => {
                let notes = (from == 0).then_some(&mut self.notes);
                let read = decoder.read(self.width, rows, notes);
                // Rows are all that can be too large here.
                read.map_err(|failure| refused(failure, &self.file, decoder.format, &Reading::default()))?
            }
        };
        if let Some(reduced) = &mut self.reduced {
            reduced.add(&band);
        }
        Ok(band)
    }
}

impl Decoder {
    /// Decodes as far as is needed. What is said of the first part holds for all.
    fn read(
        &mut self,
        width: u32,
        rows: u32,
        mut notes: Option<&mut Vec<String>>,
    ) -> Result<RgbImage, Failure> {
        let needed = 3 * width as usize * rows as usize;
        while self.ready.len() < needed {
            let (part, said) = srgb::finish(self.rows.next()?, self.background);
            if part.width() != width || part.height() == 0 {
                return Err(Failure::damaged("it has fewer pixels than its header says"));
            }
            if let Some(notes) = notes.take() {
                notes.extend(said);
            }
            self.ready.extend_from_slice(part.as_raw());
        }
        let later = self.ready.split_off(needed);
        let now = std::mem::replace(&mut self.ready, later);
        RgbImage::from_raw(width, rows, now).ok_or_else(|| Failure::damaged("it has no pixels"))
    }
}

/// Bytes of a file from a place on.
fn at(file: &mut File, place: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    file.seek(std::io::SeekFrom::Start(place))?;
    file.read_exact(bytes)
}

#[cfg(test)]
mod tests;

//! PNG by rows.

use std::fs::File;
use std::io::{BufReader, Seek};

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};
use png::{BitDepth, ColorType, Decoder, DecodingError, Reader, Transformations};

use super::{Opened, Rows, at};
use crate::decode::{Decoded, Failure};
use crate::exif;

/// The most chunks that are looked at; a file of more is read as a whole.
const CHUNKS: usize = 1 << 20;
/// The largest block of EXIF.
const EXIF: u32 = 1 << 16;
/// About as many bytes are decoded at once.
const PART: usize = if cfg!(test) { 500 } else { 1 << 22 };

/// Opens a picture; `None` if it can only be read as a whole, or not at all.
pub(super) fn open(mut file: File) -> Option<Opened> {
    let seen = Seen::of(&mut file)?;
    file.rewind().ok()?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::EXPAND);
    let reader = decoder.read_info().ok()?;
    let info = reader.info();
    if seen.turned || info.interlaced {
        return None;
    }
    let (width, height) = (info.width, info.height);
    let profile = info.icc_profile.as_ref().map(|profile| profile.to_vec());
    let mut notes = Vec::new();
    let mut note = |note: &str| notes.push(note.to_owned());
    if seen.animated {
        note("it is animated; its still picture is taken");
    }
    if seen.profile && profile.is_none() {
        note("its colour profile is damaged; its values are taken as sRGB");
    }
    if !seen.ends {
        note("its end is missing");
    }
    let line = reader.output_line_size(width)?.max(1);
    let most = PART.div_ceil(line).min(height as usize) as u32;
    let memory = u64::from(most) * (line as u64 + 6 * u64::from(width));
    Some(Opened { width, height, notes, memory, rows: Box::new(Lines { reader, profile, width, most }) })
}

/// What a picture has beside its rows, as a whole look at its chunks tells.
#[derive(Default)]
struct Seen {
    turned: bool,
    animated: bool,
    profile: bool,
    ends: bool,
}

impl Seen {
    fn of(file: &mut File) -> Option<Self> {
        let length = file.metadata().ok()?.len();
        let (mut seen, mut place) = (Self::default(), 8);
        for _ in 0..CHUNKS {
            if place + 12 > length {
                return Some(seen);
            }
            let mut head = [0; 8];
            at(file, place, &mut head).ok()?;
            let ([a, b, c, d, kind @ ..], content) = (head, place + 8);
            let size = u32::from_be_bytes([a, b, c, d]);
            match &kind {
                b"IEND" => seen.ends = true,
                b"acTL" => seen.animated = true,
                b"iCCP" => seen.profile = true,
                b"eXIf" if size <= EXIF => {
                    let mut block = vec![0; size as usize];
                    at(file, content, &mut block).ok()?;
                    seen.turned = exif::orientation(&block) != Orientation::NoTransforms;
                }
                _ => {}
            }
            place = content + u64::from(size) + 4;
        }
        None
    }
}

struct Lines {
    reader: Reader<BufReader<File>>,
    profile: Option<Vec<u8>>,
    width: u32,
    /// Rows of a part.
    most: u32,
}

impl Rows for Lines {
    fn next(&mut self) -> Result<Decoded, Failure> {
        let (mut bytes, mut rows) = (Vec::new(), 0);
        while rows < self.most
            && let Some(row) = self.reader.next_row()?
        {
            bytes.extend_from_slice(row.data());
            rows += 1;
        }
        let raster = raster(self.width, rows, self.reader.output_color_type(), bytes)
            .ok_or_else(|| Failure::damaged("it has fewer pixels than its header says"))?;
        Ok(Decoded { profile: self.profile.clone(), ..Decoded::new(raster) })
    }
}

/// Rows as stored, of 8 or 16 bits.
fn raster(
    width: u32,
    height: u32,
    (color, depth): (ColorType, BitDepth),
    bytes: Vec<u8>,
) -> Option<DynamicImage> {
    let wide = || bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect::<Vec<u16>>();
    Some(match (color, depth == BitDepth::Sixteen) {
        (ColorType::Grayscale, false) => {
            ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8)?
        }
        (ColorType::GrayscaleAlpha, false) => {
            ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLumaA8)?
        }
        (ColorType::Rgb, false) => {
            ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8)?
        }
        (ColorType::Rgba, false) => {
            ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgba8)?
        }
        (ColorType::Grayscale, true) => {
            ImageBuffer::from_raw(width, height, wide()).map(DynamicImage::ImageLuma16)?
        }
        (ColorType::GrayscaleAlpha, true) => {
            ImageBuffer::from_raw(width, height, wide()).map(DynamicImage::ImageLumaA16)?
        }
        (ColorType::Rgb, true) => {
            ImageBuffer::from_raw(width, height, wide()).map(DynamicImage::ImageRgb16)?
        }
        (ColorType::Rgba, true) => {
            ImageBuffer::from_raw(width, height, wide()).map(DynamicImage::ImageRgba16)?
        }
        // Palettes were expanded.
        (ColorType::Indexed, _) => return None,
    })
}

impl From<DecodingError> for Failure {
    fn from(error: DecodingError) -> Self {
        Self::Damaged(error.to_string())
    }
}

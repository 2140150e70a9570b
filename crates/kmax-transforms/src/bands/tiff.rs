//! TIFF by rows of its strips or tiles.

use std::fs::File;
use std::io::{BufReader, Seek};

use tiff::ColorType;
use tiff::decoder::{ChunkType, Decoder, DecodingResult};
use tiff::tags::Tag;

use super::strips::Strips;
use super::{Opened, Rows};
use crate::decode::tiff::{Samples, check_parts, has_more_pages, has_rows, limits};
use crate::decode::{Decoded, Failure};
use crate::error::MAX_PIXELS;

type Source = Decoder<BufReader<File>>;

/// Opens a picture; `None` if it can only be read as a whole, or not at all.
pub(super) fn open(file: &File, head: &[u8]) -> Option<Opened> {
    let decoder = || -> Option<Source> {
        let mut file = file.try_clone().ok()?;
        file.rewind().ok()?;
        Some(Decoder::new(BufReader::new(file)).ok()?.with_limits(limits(MAX_PIXELS)))
    };
    // They share their place in the file: the one is done before the other begins.
    let several = has_more_pages(&mut decoder()?);
    let mut decoder = decoder()?;
    if !has_rows(&mut decoder, head).ok()? {
        return None;
    }
    let (width, height) = decoder.dimensions().ok()?;
    let colors = decoder.colortype().ok()?;
    let mut notes = check_parts(&mut decoder, file.metadata().ok()?.len()).ok()?;
    if several {
        notes.push("it has several pages; the first is taken".to_owned());
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok()?.unwrap_or_default();
    let profile = decoder.find_tag(Tag::IccProfile).ok()?.and_then(|value| value.into_u8_vec().ok());
    let across = match decoder.get_chunk_type() {
        ChunkType::Strip => 1,
        ChunkType::Tile => width.div_ceil(decoder.chunk_dimensions().0.max(1)),
    };
    let sample = u64::from(colors.num_samples()) * u64::from(colors.bit_depth().div_ceil(8));
    let strips = Strips::of(&mut decoder);
    let part = u64::from(decoder.chunk_dimensions().1.min(height)) * u64::from(width) * sample;
    let memory = 4 * strips.as_ref().map_or(part, Strips::part);
    let rows = Parts { decoder, strips, colors, width, across, next: 0, extra, profile };
    Some(Opened { width, height, rows: Box::new(rows), notes, memory })
}

struct Parts {
    decoder: Source,
    /// If it is not packed, where its rows are.
    strips: Option<Strips>,
    colors: ColorType,
    width: u32,
    /// Strips or tiles that stand side by side.
    across: u32,
    /// The next of them.
    next: u32,
    extra: Vec<u16>,
    profile: Option<Vec<u8>>,
}

impl Parts {
    /// The samples of the next strip, or of the next tiles side by side, and how many rows they are.
    fn samples(&mut self) -> Result<(DecodingResult, u32), Failure> {
        if let Some(strips) = &mut self.strips {
            return strips.next(self.decoder.inner());
        }
        let height = self.decoder.chunk_data_dimensions(self.next).1;
        let parts = self.next..self.next + self.across;
        self.next = parts.end;
        if self.across == 1 {
            return Ok((self.decoder.read_chunk(parts.start)?, height));
        }
        let row = self.width as usize * usize::from(self.colors.num_samples());
        let length = row * height as usize;
        let (mut whole, mut left) = (None, 0);
        for part in parts {
            let values = self.decoder.read_chunk(part)?;
            let whole = whole.get_or_insert_with(|| match values {
                DecodingResult::U16(_) => DecodingResult::U16(vec![0; length]),
                _ => DecodingResult::U8(vec![0; length]),
            });
            let tile = self.decoder.chunk_data_dimensions(part).0 as usize * row / self.width as usize;
            let placed = match (&values, whole) {
                (DecodingResult::U8(from), DecodingResult::U8(to)) => place(from, to, tile, row, left),
                (DecodingResult::U16(from), DecodingResult::U16(to)) => place(from, to, tile, row, left),
                _ => None,
            };
            placed.ok_or_else(|| Failure::damaged("its tiles have other sizes than its header says"))?;
            left += tile;
        }
        Ok((whole.ok_or_else(|| Failure::damaged("it has no tiles"))?, height))
    }
}

impl Rows for Parts {
    fn next(&mut self) -> Result<Decoded, Failure> {
        let (values, height) = self.samples()?;
        let samples = Samples {
            width: self.width,
            height,
            colors: self.colors,
            planes: 1,
            values,
            premultiplied: self.extra.first() == Some(&1),
            grey_alpha: matches!(self.extra[..], [1 | 2]),
            map: None,
        };
        Ok(Decoded { profile: self.profile.clone(), ..Decoded::new(samples.raster()?) })
    }
}

/// Puts the rows of a tile beside those of others; `None` if they do not fit.
fn place<T: Copy>(tile: &[T], to: &mut [T], width: usize, row: usize, left: usize) -> Option<()> {
    if width == 0 || tile.len() / width != to.len() / row || left + width > row {
        return None;
    }
    for (from, to) in tile.chunks_exact(width).zip(to.chunks_exact_mut(row)) {
        to[left..left + width].copy_from_slice(from);
    }
    Some(())
}

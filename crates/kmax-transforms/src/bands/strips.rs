//! Rows of a TIFF that is not packed: they lie in the file as they are, however many a strip has.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use tiff::decoder::{ChunkType, Decoder, DecodingResult};
use tiff::tags::{ByteOrder, CompressionMethod, Tag};

use crate::decode::Failure;

/// About as many bytes are read at once.
const PART: usize = if cfg!(test) { 500 } else { 1 << 22 };

/// Where the rows are.
pub(super) struct Strips {
    offsets: Vec<u64>,
    /// Rows of a strip.
    strip: usize,
    /// Bytes of a row.
    row: usize,
    wide: bool,
    order: ByteOrder,
    height: usize,
    /// The next row.
    next: usize,
}

impl Strips {
    /// `None` if the file is packed, or in tiles.
    pub fn of(decoder: &mut Decoder<BufReader<File>>) -> Option<Self> {
        let tag = |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned_vec::<u16>(tag).ok();
        let packed =
            tag(decoder, Tag::Compression)?.is_some_and(|of| of != [CompressionMethod::None.to_u16()]);
        // What the decoder would make other values of: white that is 0, colours of fewer samples, numbers that are not whole.
        let meant =
            tag(decoder, Tag::PhotometricInterpretation)?.is_some_and(|of| matches!(of[..], [1 | 2 | 5]));
        let whole = tag(decoder, Tag::SampleFormat)?.is_none_or(|of| of.iter().all(|format| *format == 1));
        if packed || !meant || !whole || decoder.get_chunk_type() != ChunkType::Strip {
            return None;
        }
        let ((width, height), colors) = (decoder.dimensions().ok()?, decoder.colortype().ok()?);
        let wide = match colors.bit_depth() {
            8 => false,
            16 => true,
            _ => return None,
        };
        let samples = usize::from(colors.num_samples());
        let row = (width as usize).checked_mul(samples * if wide { 2 } else { 1 })?;
        let strip = decoder.chunk_dimensions().1.min(height) as usize;
        let offsets = decoder.get_tag_u64_vec(Tag::StripOffsets).ok()?;
        let (height, order) = (height as usize, decoder.byte_order());
        let enough = strip > 0 && offsets.len() >= height.div_ceil(strip);
        enough.then_some(Self { offsets, strip, row, wide, order, height, next: 0 })
    }

    /// Bytes that a part takes.
    pub fn part(&self) -> u64 {
        (self.row as u64).max(PART as u64)
    }

    /// The next rows, and how many they are.
    pub fn next(&mut self, file: &mut BufReader<File>) -> Result<(DecodingResult, u32), Failure> {
        let (strip, within) = (self.next / self.strip, self.next % self.strip);
        let left = (self.strip - within).min(self.height - self.next);
        let rows = (PART / self.row.max(1)).clamp(1, left.max(1));
        let missing = |_| Failure::damaged("it ends before its last rows");
        let offset =
            *self.offsets.get(strip).ok_or_else(|| Failure::damaged("it has fewer strips than rows"))?;
        file.seek(SeekFrom::Start(offset.saturating_add((within * self.row) as u64))).map_err(missing)?;
        let mut bytes = vec![0; rows * self.row];
        file.read_exact(&mut bytes).map_err(missing)?;
        self.next += rows;
        let pairs = || bytes.as_chunks::<2>().0.iter();
        let values = match (self.wide, self.order) {
            (false, _) => DecodingResult::U8(bytes),
            (true, ByteOrder::LittleEndian) => {
                DecodingResult::U16(pairs().map(|pair| u16::from_le_bytes(*pair)).collect())
            }
            (true, ByteOrder::BigEndian) => {
                DecodingResult::U16(pairs().map(|pair| u16::from_be_bytes(*pair)).collect())
            }
        };
        Ok((values, rows as u32))
    }
}

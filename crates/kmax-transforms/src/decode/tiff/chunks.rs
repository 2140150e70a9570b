//! Whether the strips or tiles of a page are in the file.

use std::io::{Read, Seek, SeekFrom};

use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::{CompressionMethod, Tag};

use crate::decode::Failure;
use crate::decode::jpeg::{Finding, walk};

/// Looks at where strips or tiles lie in a file of `size` bytes, which the decoder takes on trust; what is odd.
pub(crate) fn check<R: Read + Seek>(decoder: &mut Decoder<R>, size: u64) -> Result<Vec<String>, Failure> {
    let (offsets, lengths) = match decoder.get_chunk_type() {
        ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
        ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let offsets = decoder.get_tag_u64_vec(offsets)?;
    let lengths = decoder.get_tag_u64_vec(lengths)?;
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression)?.unwrap_or(1);
    let compression = CompressionMethod::from_u16_exhaustive(compression);
    let tables = decoder.find_tag(Tag::JPEGTables)?.and_then(|value| value.into_u8_vec().ok());
    let mut notes = Vec::new();
    for (index, (&offset, &length)) in offsets.iter().zip(&lengths).enumerate() {
        let missing =
            || Failure::damaged(format!("part {} of {} of its pixels is missing", index + 1, offsets.len()));
        let end = offset.checked_add(length).ok_or_else(missing)?;
        // Zeros stand for parts that were never written.
        if offset == 0 || length == 0 || end > size {
            return Err(missing());
        }
        match compression {
            CompressionMethod::None => {
                let layout = decoder.image_chunk_buffer_layout(index as u32)?;
                let stored = match decoder.get_chunk_type() {
                    ChunkType::Strip => layout.len,
                    // Tiles at the edges are stored as a whole; what lies beyond is never looked at.
                    ChunkType::Tile => 1,
                };
                if length < stored as u64 {
                    return Err(missing());
                }
            }
            CompressionMethod::ModernJPEG => {
                let mut chunk = vec![0; length as usize];
                let file = decoder.inner();
                let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut chunk));
                read.map_err(|_| missing())?;
                let whole = match &tables {
                    Some(tables) => [
                        tables.get(..tables.len().saturating_sub(2)).unwrap_or_default(),
                        chunk.get(2..).unwrap_or_default(),
                    ]
                    .concat(),
                    None => chunk,
                };
                match walk(&whole) {
                    Some(Finding::Cut) => return Err(missing()),
                    Some(Finding::Damaged(how)) if notes.is_empty() => notes.push(how.to_owned()),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(notes)
}

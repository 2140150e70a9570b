//! The orientation in an EXIF block, in every integer form that cameras and tools write.

use image::metadata::Orientation;

/// Tag of the orientation.
const ORIENTATION: u32 = 0x0112;

/// The orientation that a block (a TIFF header and what follows) asks for; none if it has none or is damaged.
pub(crate) fn orientation(block: &[u8]) -> Orientation {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let stated = || -> Option<Orientation> {
        let block = Block::of(block)?;
        let at = block.entry(ORIENTATION)?;
        // Byte, short or long, signed ones too; a value that short stands in the entry itself, at its beginning.
        let length = match block.number(at + 2, 2)? {
            1 | 6 => 1,
            3 | 8 => 2,
            4 | 9 => 4,
            _ => return None,
        };
        Orientation::from_exif(u8::try_from(block.number(at + 8, length)?).ok()?)
    };
    stated().unwrap_or(Orientation::NoTransforms)
}

/// A TIFF, of which the first directory is read.
pub(crate) struct Block<'a> {
    data: &'a [u8],
    pub little: bool,
}

impl<'a> Block<'a> {
    /// `None` if it has no header of a TIFF.
    pub fn of(data: &'a [u8]) -> Option<Self> {
        match data.get(..4)? {
            b"II\x2a\0" => Some(Self { data, little: true }),
            b"MM\0\x2a" => Some(Self { data, little: false }),
            _ => None,
        }
    }

    /// The number of up to four bytes at `at`.
    pub fn number(&self, at: usize, length: usize) -> Option<u32> {
        let bytes = self.data.get(at..at.checked_add(length)?)?.iter();
        let join = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
        Some(if self.little { bytes.rev().fold(0, join) } else { bytes.fold(0, join) })
    }

    /// Where the entry of a tag begins in the first directory.
    pub fn entry(&self, tag: u32) -> Option<usize> {
        let directory = self.number(4, 4)? as usize;
        for entry in 0..self.number(directory, 2)? as usize {
            let at = directory.checked_add(2 + 12 * entry)?;
            if self.number(at, 2)? == tag {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(little: bool, form: u16, value: &[u8]) -> Vec<u8> {
        let two = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let four = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let mut padded = value.to_vec();
        padded.resize(4, 0);
        let head: &[u8] = if little { b"II\x2a\0" } else { b"MM\0\x2a" };
        [head, &four(8), &two(1), &two(0x0112), &two(form), &four(1), &padded, &four(0)].concat()
    }

    #[test]
    fn every_integer_form_is_read() {
        let turned = Orientation::Rotate90;
        for (little, form, value) in [
            (false, 3, &[0, 6][..]),
            (true, 3, &[6, 0]),
            (false, 4, &[0, 0, 0, 6]),
            (true, 4, &[6, 0, 0, 0]),
            (true, 1, &[6]),
            (false, 9, &[0, 0, 0, 6]),
        ] {
            assert_eq!(orientation(&block(little, form, value)), turned, "{little} {form}");
        }
        assert_eq!(orientation(&[b"Exif\0\0".to_vec(), block(true, 3, &[6, 0])].concat()), turned);
    }

    #[test]
    fn damaged_blocks_have_none() {
        let whole = block(true, 4, &[6, 0, 0, 0]);
        for end in 0..whole.len() - 4 {
            assert_eq!(orientation(&whole[..end]), Orientation::NoTransforms, "{end}");
        }
        for (form, value) in [(2, &b"6"[..]), (4, &[6, 1, 0, 0]), (3, &[9, 0])] {
            assert_eq!(orientation(&block(true, form, value)), Orientation::NoTransforms, "{form}");
        }
    }
}

//! The run-length code of Label Studio's brush: that of the library rle-pack, over the RGBA values of the image.
//!
//! 32 bits: the number of values. 5 bits: bits a value, less 1. Four times 4 bits: the bits of lengths of four classes, less 1. Then runs:
//! a bit that says whether one value repeats, 2 bits for the class of the length, the length less 1, and the value or the values.

use std::fmt;

/// The values are those of pixels of four channels.
const CHANNELS: usize = 4;

/// Reads bits, the highest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: usize) -> Result<usize, Ended> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(Ended)?;
            value = value << 1 | usize::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }
}

/// The code ends within a run.
struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the run-length code ends too early")
    }
}

/// Which pixels are opaque at all, row by row.
///
/// # Errors
/// If the code is not one of an image of so many pixels.
pub(super) fn mask(bytes: &[u8], pixels: usize) -> Result<Vec<bool>, String> {
    let mut bits = Bits { bytes, at: 0 };
    let ended = |end: Ended| end.to_string();
    let count = bits.read(32).map_err(ended)?;
    if count != CHANNELS * pixels {
        return Err(format!(
            "a run-length code of {count} values for {pixels} pixels, expected four a pixel"
        ));
    }
    let word = bits.read(5).map_err(ended)? + 1;
    let mut lengths = [0; 4];
    for length in &mut lengths {
        *length = bits.read(4).map_err(ended)? + 1;
    }
    let mut mask = vec![false; pixels];
    let mut at = 0;
    while at < count {
        let repeats = bits.read(1).map_err(ended)? == 1;
        let class = bits.read(2).map_err(ended)?;
        let end = at + 1 + bits.read(lengths[class]).map_err(ended)?;
        if end > count {
            return Err("a run goes beyond the last pixel".into());
        }
        if repeats {
            let value = bits.read(word).map_err(ended)?;
            // The opacities in the run: every fourth value.
            let opaque = at / CHANNELS + usize::from(at % CHANNELS > 3)..end / CHANNELS;
            if value > 0 {
                mask[opaque].fill(true);
            }
        } else {
            for place in at..end {
                let value = bits.read(word).map_err(ended)?;
                if place % CHANNELS == 3 {
                    mask[place / CHANNELS] = value > 0;
                }
            }
        }
        at = end;
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code of runs of one value each, with lengths of up to 16 bits.
    fn encoded(count: usize, runs: &[(usize, u8)]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        let mut push =
            |value: usize, length: usize| bits.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
        push(count, 32);
        push(7, 5);
        [2, 3, 7, 15].into_iter().for_each(|length| push(length, 4));
        for (length, value) in runs {
            push(1, 1);
            push(3, 2);
            push(length - 1, 16);
            push(usize::from(*value), 8);
        }
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |all, (at, bit)| all | u8::from(*bit) << (7 - at)))
            .collect()
    }

    #[test]
    fn opaque_pixels_are_set() {
        let code = encoded(20, &[(4, 0), (8, 255), (7, 0), (1, 9)]);
        assert_eq!(mask(&code, 5), Ok(vec![false, true, true, false, true]));
        // A run that begins or ends within a pixel.
        let code = encoded(8, &[(2, 7), (5, 0), (1, 9)]);
        assert_eq!(mask(&code, 2), Ok(vec![false, true]));
        // What label-studio-sdk 2 makes of `[0] * 4 + [255] * 8 + [0] * 3 + [255] + [0] * 400` (`encode_rle`).
        let known = [0, 0, 1, 160, 57, 27, 252, 96, 19, 255, 196, 0, 7, 255, 1, 143, 0, 0];
        let expected: Vec<bool> = (0..104).map(|at| (1..4).contains(&at)).collect();
        assert_eq!(mask(&known, 104), Ok(expected));
    }

    #[test]
    fn damaged_codes_are_refused() {
        let code = encoded(20, &[(20, 255)]);
        assert!(mask(&code, 6).is_err_and(|reason| reason.contains("20 values for 6 pixels")));
        for length in 0..code.len() - 1 {
            assert!(mask(&code[..length], 5).is_err(), "{length}");
        }
        assert!(mask(&encoded(20, &[(21, 1)]), 5).is_err_and(|reason| reason.contains("beyond")));
    }
}

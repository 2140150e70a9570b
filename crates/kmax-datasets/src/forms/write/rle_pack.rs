//! The packed runs in which Label Studio keeps brush strokes.
//!
//! The form is `rle-pack` of thi.ng over the bytes of an RGBA picture, row by row. Bits follow each other, the highest first:
//!
//! | bits | what |
//! | --- | --- |
//! | 32 | the number of values: four a pixel |
//! | 5 | bits of a value, less one |
//! | 4 x 4 | bits of the four lengths that a run can have, less one |
//! | then, until all values are there: | |
//! | 1 | whether one value is repeated |
//! | 2 | which of the four lengths |
//! | as that says | the number of values, less one |
//! | 8 | the value |

/// Bits of a value.
const WORD: u32 = 8;

/// Bits of the lengths.
const LENGTHS: [u32; 4] = [3, 4, 8, 16];

/// Values a pixel.
const CHANNELS: u64 = 4;

/// Packs a mask: the runs `start..end` of set pixels row by row, rising, of so many pixels in all. Set pixels are 255 in all four
/// channels, others 0.
pub(super) fn pack(pixels: u32, runs: impl IntoIterator<Item = (u32, u32)>) -> Vec<u8> {
    let mut bits = Bits::default();
    // 400 megapixels, the most that a map has, are 1.6e9 values.
    bits.push(CHANNELS * u64::from(pixels), 32);
    bits.push(u64::from(WORD - 1), 5);
    LENGTHS.iter().for_each(|length| bits.push(u64::from(length - 1), 4));
    let mut at = 0;
    for (start, end) in runs {
        bits.run(u64::from(start - at), 0);
        bits.run(u64::from(end - start), 255);
        at = end;
    }
    bits.run(u64::from(pixels - at), 0);
    bits.bytes
}

/// Bytes that are filled from their highest bits.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// The bits of the last byte that are free.
    free: u32,
}

impl Bits {
    fn push(&mut self, value: u64, count: u32) {
        for bit in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << self.free;
            }
        }
    }

    /// So many pixels of one value.
    fn run(&mut self, pixels: u64, value: u8) {
        let mut values = CHANNELS * pixels;
        while values > 0 {
            // The longest that the length can say.
            let count = values.min(1 << LENGTHS[3]);
            let which = LENGTHS.iter().position(|length| count <= 1 << length).unwrap_or(3);
            self.push(1, 1);
            self.push(which as u64, 2);
            self.push(count - 1, LENGTHS[which]);
            self.push(u64::from(value), WORD);
            values -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the form's description says, read the other way.
    fn unpack(bytes: &[u8]) -> Vec<u8> {
        let mut at = 0;
        let mut take = |count: u32| {
            let bits = (at..at + count as usize).map(|bit| u64::from(bytes[bit / 8] >> (7 - bit % 8) & 1));
            at += count as usize;
            bits.fold(0, |value, bit| 2 * value + bit)
        };
        let count = take(32) as usize;
        let word = take(5) as u32 + 1;
        let lengths: Vec<u32> = (0..4).map(|_| take(4) as u32 + 1).collect();
        let mut values = Vec::new();
        while values.len() < count {
            let repeated = take(1) == 1;
            let which = take(2) as usize;
            let length = take(lengths[which]) as usize + 1;
            if repeated {
                values.extend(vec![take(word) as u8; length]);
            } else {
                values.extend((0..length).map(|_| take(word) as u8));
            }
        }
        values
    }

    /// `encode_rle` of label-studio-converter 0.0.59 (Apache-2.0) for the pixels `0 1 1 0 0 0 0 0`, each four times.
    #[test]
    fn the_bytes_are_label_studios() {
        assert_eq!(pack(8, [(1, 3)]), [0, 0, 0, 32, 57, 27, 252, 96, 19, 255, 225, 48, 0]);
    }

    proptest! {
        #[test]
        fn packed_masks_are_themselves(
            lengths in proptest::collection::vec(prop_oneof![1u32..6, 1u32..400, 16_000u32..40_000], 0..12),
            rest in 0u32..20_000
        ) {
            let (mut at, mut runs, mut mask) = (0, Vec::new(), Vec::new());
            for (nth, length) in lengths.iter().enumerate() {
                if nth % 2 == 1 {
                    runs.push((at, at + length));
                }
                mask.extend(vec![if nth % 2 == 1 { 255u8 } else { 0 }; 4 * *length as usize]);
                at += length;
            }
            mask.extend(vec![0; 4 * rest as usize]);
            // Not compared by `prop_assert_eq`, which would print every pixel.
            prop_assert!(unpack(&pack(at + rest, runs)) == mask);
        }
    }
}

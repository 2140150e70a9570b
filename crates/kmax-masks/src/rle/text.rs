//! The compressed string of a run-length code.
//!
//! From the fourth count on, the difference to the count two places before is written; each number takes five
//! bits a character, lowest first, 0x20 = more follows, 0x10 of the last = sign, plus 48.

use super::Rle;
use crate::error::{Error, Result};

/// The largest difference of two counts has 32 bits and a sign: seven characters of five bits.
const MAX_CHARACTERS: u32 = 7;

impl Rle {
    /// The compressed string.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.counts.len() * 2);
        for (position, &count) in self.counts.iter().enumerate() {
            let mut rest = i64::from(count);
            if position > 2 {
                rest -= i64::from(self.counts[position - 2]);
            }
            loop {
                let low = (rest & 0x1f) as u8;
                rest >>= 5;
                let done = if low & 0x10 != 0 { rest == -1 } else { rest == 0 };
                text.push(char::from((if done { low } else { low | 0x20 }) + 48));
                if done {
                    break;
                }
            }
        }
        text
    }

    /// A mask of `size` (height, width) from the compressed string.
    ///
    /// # Errors
    /// If a character is out of range, the string ends within a number, a count is negative, or the runs do not
    /// add up to the pixels.
    pub fn from_text(size: [u32; 2], text: &str) -> Result<Self> {
        let at = |position: usize, what: &str| Error::Rle(format!("{what} at character {position}"));
        let mut counts: Vec<u32> = Vec::with_capacity(text.len() / 2 + 1);
        let (mut value, mut digits) = (0i64, 0);
        for (position, byte) in text.bytes().enumerate() {
            let bits = match byte.checked_sub(48) {
                Some(bits @ 0..=0x3f) => i64::from(bits),
                _ => return Err(at(position, "a character outside of '0'..'o'")),
            };
            if digits == MAX_CHARACTERS {
                return Err(at(position, "a number of too many characters"));
            }
            value |= (bits & 0x1f) << (5 * digits);
            digits += 1;
            if bits & 0x20 != 0 {
                continue;
            }
            if bits & 0x10 != 0 {
                value |= -1 << (5 * digits);
            }
            if counts.len() > 2 {
                value += i64::from(counts[counts.len() - 2]);
            }
            counts.push(u32::try_from(value).map_err(|_| at(position, "a run of impossible length"))?);
            (value, digits) = (0, 0);
        }
        if digits != 0 {
            return Err(at(text.len(), "the string ends within a number"));
        }
        Self::new(size, counts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::maps;
    use super::*;
    use crate::label_map::LabelMap;
    use proptest::prelude::*;

    #[test]
    fn known_strings() {
        assert_eq!(Rle::new([60, 80], vec![4800]).unwrap().to_text(), "Pf4");
        assert_eq!(Rle::new([60, 80], vec![0, 4800]).unwrap().to_text(), "0Pf4");
        assert_eq!(Rle::from_text([60, 80], "0Pf4").unwrap().counts(), [0, 4800]);
    }

    #[test]
    fn broken_strings_are_refused() {
        for text in ["P", "Pf", "Pf4Pf4", "\u{7f}", "é", "0", "", "O0000", "ppppppppp0", "Pf4\n", "1O"] {
            assert!(Rle::from_text([60, 80], text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_and_runs_are_inverse((width, height, ids) in maps()) {
            let map = LabelMap::new(width, height, ids).unwrap();
            for (_, rle) in Rle::encode_all(&map) {
                prop_assert_eq!(&Rle::from_text(rle.size(), &rle.to_text()).unwrap(), &rle);
            }
        }

        #[test]
        fn large_runs_survive(split in prop::collection::vec(0..1u32 << 22, 1..40)) {
            let total: u32 = split.iter().sum();
            let rle = Rle::new([1, total], split).unwrap();
            prop_assert_eq!(&Rle::from_text(rle.size(), &rle.to_text()).unwrap(), &rle);
        }

        #[test]
        fn no_string_panics(text in "\\PC{0,20}", height in 0..100u32, width in 0..100u32) {
            if let Ok(rle) = Rle::from_text([height, width], &text) {
                prop_assert_eq!(rle.decode().len(), (height * width) as usize);
            }
        }
    }
}

//! Random draws that depend on what is drawn for, not on who draws first.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What an example is drawn for. Equal values give equal draws on every machine, whatever the number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The index of the image in its dataset.
    pub index: u64,
    /// How often the epoch has shown the image before.
    pub copy: u64,
}

impl Draw {
    /// A generator keyed by the four numbers and `purpose` (below 2^32), so that two uses of one draw are independent.
    ///
    /// ChaCha is a keyed counter: the numbers are its key, and no state is shared between examples.
    pub fn generator(self, purpose: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        let last = purpose | self.copy << 32;
        for (slot, number) in key.chunks_exact_mut(8).zip([self.seed, self.epoch, self.index, last]) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}

/// Puts items in a random order.
pub fn shuffle<T>(items: &mut [T], generator: &mut ChaCha8Rng) {
    // Fisher and Yates; written out so that the order does not change with a library's version.
    for last in (1..items.len()).rev() {
        items.swap(last, below(generator, last + 1));
    }
}

/// A whole number from 0 to `end - 1`; 0 if `end` is 0.
pub fn below(generator: &mut ChaCha8Rng, end: usize) -> usize {
    // The bias of a 64-bit product is below end / 2^64.
    ((u128::from(generator.random::<u64>()) * end as u128) >> 64) as usize
}

/// A number in `[0, 1)` with 24 bits.
pub fn unit(generator: &mut ChaCha8Rng) -> f32 {
    (generator.random::<u32>() >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The purposes of our own augmentation: what is done to the image, to the second image, the AutoAugment of either, and which
/// segments of the second are pasted.
///
/// A loader has 0, 2 and 3 for the order of its images and for the choice of the second one; deeplab2's transform has 16 and
/// 17, the PyTorch implementation's 24 to 26.
pub(crate) const AUGMENT: u64 = 1;
pub(crate) const AUGMENT_SECOND: u64 = 4;
pub(crate) const POLICY: u64 = 5;
pub(crate) const POLICY_SECOND: u64 = 6;
pub(crate) const CHOICE: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ_by_each_number_and_stay_in_range() {
        let draw = Draw { seed: 1, epoch: 2, index: 3, copy: 0 };
        let first = |draw: Draw, purpose| draw.generator(purpose).random::<u64>();
        let others = [
            Draw { seed: 2, ..draw },
            Draw { epoch: 3, ..draw },
            Draw { index: 4, ..draw },
            Draw { copy: 1, ..draw },
        ];
        assert!(others.iter().all(|&other| first(other, 0) != first(draw, 0)));
        assert_ne!(first(draw, 0), first(draw, 1));
        let mut generator = draw.generator(0);
        assert!((0..1000).map(|_| unit(&mut generator)).all(|u| (0.0..1.0).contains(&u)));
        assert!((0..1000).map(|_| below(&mut generator, 7)).all(|n| n < 7));
        assert_eq!(below(&mut generator, 0), 0);
    }
}

//! Which images an epoch shows, and in what order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kmax_transforms::Draw;
use kmax_transforms::draw::shuffle;
use rand::Rng;

use super::LoaderConfig;
use crate::error::{Error, Result};

/// How often an epoch shows each image on average: once, or more often if it has a rare class (Gupta et al., LVIS,
/// 2019).
///
/// Factors are whole multiples of 2^-32, so that their sum does not depend on the order of the images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatFactors(Arc<[u64]>);

const ONE: f64 = 4_294_967_296.0;

impl RepeatFactors {
    /// The factors `max(1, sqrt(threshold / share))`, the largest of an image's classes, where the share of a class is
    /// that of the images that have it. `classes` are those of each image.
    ///
    /// # Errors
    /// If the threshold is not within 0..1.
    pub fn new(classes: &[BTreeSet<u32>], threshold: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&threshold) {
            return Err(Error::setting("threshold", format!("must lie in 0..1, found {threshold}")));
        }
        let mut images: HashMap<u32, usize> = HashMap::new();
        for class in classes.iter().flatten() {
            *images.entry(*class).or_default() += 1;
        }
        let factor = |class: &u32| (threshold * classes.len() as f64 / images[class] as f64).sqrt();
        let largest = |shown: &BTreeSet<u32>| shown.iter().map(factor).fold(1.0, f64::max);
        Ok(Self(classes.iter().map(|shown| (largest(shown) * ONE) as u64).collect()))
    }

    /// The factor of each image.
    pub fn factors(&self) -> impl ExactSizeIterator<Item = f64> {
        self.0.iter().map(|factor| *factor as f64 / ONE)
    }
}

/// Purposes of [`Draw::generator`]; the others are the augmentation's.
const ORDER: u64 = 0;
const REPEAT: u64 = 2;
/// The choice of a second image.
pub(super) const SECOND: u64 = 3;

/// One showing of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Showing {
    pub(super) image: usize,
    /// Counts the image's showings within the epoch, from 0.
    pub(super) copy: u64,
}

/// Showings of an epoch: the sum of the factors, rounded down.
pub(super) fn length(config: &LoaderConfig, images: usize) -> usize {
    config.repeat.as_ref().map_or(images, |repeat| (repeat.0.iter().sum::<u64>() >> 32) as usize)
}

/// The order of `len` images in an epoch.
fn permutation(seed: u64, epoch: u64, len: usize) -> Vec<usize> {
    let mut generator = Draw { seed, epoch, index: u64::MAX, copy: 0 }.generator(ORDER);
    let mut order: Vec<usize> = (0..len).collect();
    shuffle(&mut order, &mut generator);
    order
}

/// What an epoch of `images` images shows: [`length`] showings, or one more.
pub(super) fn order(config: &LoaderConfig, epoch: u64, images: usize) -> Vec<Showing> {
    let order = if config.shuffle { permutation(config.seed, epoch, images) } else { (0..images).collect() };
    let Some(RepeatFactors(factors)) = &config.repeat else {
        return order.into_iter().map(|image| Showing { image, copy: 0 }).collect();
    };
    // One random offset to the running sum rounds every factor up or down, with its fraction as the probability of up,
    // and leaves the sum as it is.
    let draw = Draw { seed: config.seed, epoch, index: u64::MAX, copy: 0 };
    let mut generator = draw.generator(REPEAT);
    let mut sum = u64::from(generator.random::<u32>());
    let mut showings = Vec::with_capacity(length(config, images) + 1);
    for image in order {
        let before = sum >> 32;
        sum += factors[image];
        showings.extend((0..(sum >> 32) - before).map(|copy| Showing { image, copy }));
    }
    if config.shuffle {
        shuffle(&mut showings, &mut generator);
    }
    showings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve images of a common class, of which three have a second and one has a third.
    fn config(shuffle: bool) -> Result<LoaderConfig> {
        let classes: Vec<_> = (0..12)
            .map(|image| match image {
                5 => BTreeSet::from([1, 2, 3]),
                2 | 7 => BTreeSet::from([1, 2]),
                _ => BTreeSet::from([1]),
            })
            .collect();
        let repeat = Some(RepeatFactors::new(&classes, 0.75)?);
        Ok(LoaderConfig { seed: 4, shuffle, repeat, ..LoaderConfig::default() })
    }

    #[test]
    fn an_order_is_a_permutation_that_the_epoch_changes() {
        let order = permutation(3, 0, 100);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order, permutation(3, 0, 100));
        assert_ne!(order, permutation(3, 1, 100));
        assert_ne!(order, permutation(4, 0, 100));
        assert!(permutation(0, 0, 0).is_empty());
    }

    #[test]
    fn factors_are_the_papers() -> Result<()> {
        let factors: Vec<_> =
            config(true)?.repeat.iter().flat_map(|repeat| repeat.factors().collect::<Vec<_>>()).collect();
        // sqrt(0.75 / (3 / 12)) and sqrt(0.75 / (1 / 12)).
        for (image, factor) in factors.iter().enumerate() {
            let expected: f64 = match image {
                5 => 3.0,
                2 | 7 => 3.0f64.sqrt(),
                _ => 1.0,
            };
            assert!((factor - expected).abs() < 1e-9, "{image}: {factor}");
        }
        assert!(RepeatFactors::new(&[], 1.5).is_err() && RepeatFactors::new(&[], f64::NAN).is_err());
        Ok(())
    }

    #[test]
    fn images_come_as_often_as_their_factors_say() -> Result<()> {
        let config = config(true)?;
        assert_eq!(length(&config, 12), 9 + 3 + 3);
        let mut twice = 0;
        for epoch in 0..400 {
            let mut showings = order(&config, epoch, 12);
            assert_eq!(showings, order(&config, epoch, 12));
            assert!((15..=16).contains(&showings.len()));
            showings.sort_unstable();
            let copies =
                |image| showings.iter().filter(|s| s.image == image).map(|s| s.copy).collect::<Vec<_>>();
            assert_eq!((copies(0), copies(5)), (vec![0], vec![0, 1, 2]));
            assert!((1..=2).contains(&copies(2).len()));
            twice += copies(2).len() - 1;
        }
        // 0.732 of 400, with a standard deviation of 9.
        assert!((265..=320).contains(&twice), "{twice}");
        assert_ne!(order(&config, 0, 12), order(&config, 1, 12));
        Ok(())
    }

    #[test]
    fn an_order_that_is_not_shuffled_repeats_in_place() -> Result<()> {
        let images: Vec<_> = order(&config(false)?, 0, 12).into_iter().map(|showing| showing.image).collect();
        assert!(images.is_sorted() && images.len() >= 15);
        Ok(())
    }
}

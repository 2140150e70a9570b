//! Panoptic copy-paste (kMaX-DeepLab, section 4.1): segments of one image laid over another.

use kmax_masks::LabelMap;
use rand_chacha::ChaCha8Rng;

use super::labels::Encoding;
use crate::draw::below;
use crate::error::{Error, Result};
use crate::planar::Planar;

/// What is done with the labels of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None is pasted.
    None,
    /// The drawn ones are pasted.
    Random,
    /// All are pasted.
    All,
}

/// Which segments are pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyPaste {
    /// Instances of things, and crowds of them.
    pub things: Keep,
    /// Stuff.
    pub stuff: Keep,
    /// Void pixels, which the padding is not part of.
    pub void: Keep,
}

impl Default for CopyPaste {
    /// That of the official configurations.
    fn default() -> Self {
        Self { things: Keep::All, stuff: Keep::Random, void: Keep::None }
    }
}

/// An image and its labels, of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The image.
    pub image: Planar,
    /// The labels (class times divisor plus instance).
    pub labels: LabelMap,
}

/// The labels of a map in the order in which they are first seen.
pub fn labels_in_order(labels: &LabelMap) -> Vec<u32> {
    let mut seen = std::collections::HashSet::new();
    let runs = labels.data().chunk_by(|a, b| a == b).map(|run| run[0]);
    runs.filter(|label| seen.insert(*label)).collect()
}

/// Draws which of `count` labels are chosen: first how many, then which.
pub fn draw(count: usize, random: &mut ChaCha8Rng) -> Vec<bool> {
    let keep = below(random, count + 1);
    let mut chosen: Vec<bool> = (0..count).map(|place| place < keep).collect();
    for last in (1..count).rev() {
        chosen.swap(last, below(random, last + 1));
    }
    chosen
}

impl CopyPaste {
    /// Lays segments of `source` over `target`. `chosen` says for each of [`labels_in_order`] of the source
    /// whether it was drawn. Padding of the source has the label void + 1 and is never pasted; pasted instances
    /// are numbered downwards from the divisor so that they differ from the target's.
    ///
    /// # Errors
    /// If sizes differ, `chosen` has another length, or an image has more instances than half the divisor.
    pub fn apply(&self, target: &Pair, source: &Pair, encoding: &Encoding, chosen: &[bool]) -> Result<Pair> {
        let order = labels_in_order(&source.labels);
        if order.len() != chosen.len() {
            let reason = format!("{} choices for {} labels", chosen.len(), order.len());
            return Err(Error::setting("chosen", reason));
        }
        let size =
            |pair: &Pair| (pair.image.width, pair.image.height, pair.labels.width(), pair.labels.height());
        if size(target) != size(source)
            || target.image.width * target.image.height != target.labels.data().len()
        {
            return Err(Error::setting("source", "copy-paste needs two images and labels of one size"));
        }
        let divisor = encoding.divisor.max(1);
        let pairs = target.labels.data().iter().chain(source.labels.data());
        if let Some(label) = pairs.into_iter().find(|&label| label % divisor >= divisor / 2) {
            let reason = format!("instance {} is not below half of {divisor}", label % divisor);
            return Err(Error::setting("labels", reason));
        }
        let pasted: std::collections::HashMap<u32, bool> = order
            .iter()
            .zip(chosen)
            .map(|(&label, &drawn)| (label, self.is_pasted(label, drawn, encoding)))
            .collect();

        let mut out = target.clone();
        let pixels = source.labels.data().len();
        let labels = out.labels.data_mut().iter_mut().zip(source.labels.data());
        for (at, (label, &from)) in labels.enumerate() {
            if !pasted.get(&from).copied().unwrap_or(false) {
                continue;
            }
            let instance = from % divisor;
            *label = from - instance + if instance == 0 { 0 } else { divisor - 1 - instance };
            for channel in 0..3 {
                out.image.data[channel * pixels + at] = source.image.data[channel * pixels + at];
            }
        }
        Ok(out)
    }

    fn is_pasted(&self, label: u32, drawn: bool, encoding: &Encoding) -> bool {
        let class = label / encoding.divisor.max(1);
        let keep = |keep, drawn| match keep {
            Keep::None => false,
            Keep::Random => drawn,
            Keep::All => true,
        };
        if label == encoding.void() + 1 {
            false
        } else if label == encoding.void() {
            keep(self.void, drawn)
        } else if encoding.is_thing(class) {
            keep(self.things, drawn)
        } else if class != encoding.ignore && class < encoding.classes {
            keep(self.stuff, drawn)
        } else {
            drawn
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(value: f32, labels: [u32; 4]) -> Pair {
        let image = Planar { width: 4, height: 1, data: vec![value; 12] };
        Pair { image, labels: LabelMap::new(4, 1, labels.to_vec()).expect("4 x 1") }
    }

    #[test]
    fn things_are_pasted_and_renumbered() -> Result<()> {
        let encoding = Encoding { divisor: 256, ignore: 0, things: vec![1], classes: 4 };
        let (target, source) = (pair(1.0, [257, 512, 512, 0]), pair(2.0, [257, 768, 0, 1]));
        let paste = CopyPaste::default();
        let order = labels_in_order(&source.labels);
        assert_eq!(order, [257, 768, 0, 1]);
        let out = paste.apply(&target, &source, &encoding, &[false, true, true, true])?;
        assert_eq!(out.labels.data(), [510, 768, 512, 0]);
        assert_eq!(out.image.data[..4], [2.0, 2.0, 1.0, 1.0]);
        let out = paste.apply(&target, &source, &encoding, &[false; 4])?;
        assert_eq!(out.labels.data(), [510, 512, 512, 0]);
        assert!(paste.apply(&target, &source, &encoding, &[true; 3]).is_err());
        assert!(paste.apply(&pair(1.0, [400, 0, 0, 0]), &source, &encoding, &[true; 4]).is_err());
        Ok(())
    }

    #[test]
    fn draws_keep_any_number() {
        let mut random = crate::draw::Draw { seed: 0, epoch: 0, index: 0, copy: 0 }.generator(9);
        let counts: std::collections::HashSet<_> =
            (0..200).map(|_| draw(5, &mut random).iter().filter(|drawn| **drawn).count()).collect();
        assert_eq!(counts.len(), 6);
        assert!(draw(0, &mut random).is_empty());
    }
}

//! Instance AP: what overlaps what in one image.

use std::collections::HashMap;

use kmax_masks::categories::cityscapes::LABELS;
use kmax_masks::cityscapes::{INSTANCE_BASE, split};
use kmax_masks::{Extent, ImageId, LabelMap};

use super::average::{self, CityscapesInstanceReport};
use crate::error::{Error, Result};
use crate::images::Images;

/// An object of the ground truth: a single one, or a group of its class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Real {
    /// The regular id of its class.
    pub class: u32,
    /// The value in the `instanceIds` map.
    pub id: u32,
    pub pixels: u64,
}

impl Real {
    pub fn is_group(&self) -> bool {
        self.id < INSTANCE_BASE
    }
}

/// A predicted object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Guess {
    /// The regular id of its class.
    pub class: u32,
    pub confidence: f64,
    pub pixels: u64,
    /// Pixels on labels that are not evaluated.
    pub void: u64,
    /// The objects of its class that it shares pixels with, and how many.
    pub overlaps: Vec<(usize, u64)>,
}

/// What one image contributes to instance AP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageInstances {
    pub(super) real: Vec<Real>,
    pub(super) guesses: Vec<Guess>,
}

/// One image while its predictions come in, one mask at a time.
#[derive(Clone, Debug)]
pub struct ImageMatcher<'a> {
    truth: &'a LabelMap,
    /// Positions in `found.real` by value of the map, for the classes that have instances.
    objects: HashMap<u32, usize>,
    found: ImageInstances,
}

impl<'a> ImageMatcher<'a> {
    /// Begins with the `instanceIds` map.
    ///
    /// # Errors
    /// If a value has no label.
    pub fn new(instance_ids: &'a LabelMap) -> Result<Self> {
        let mut matcher =
            Self { truth: instance_ids, objects: HashMap::new(), found: ImageInstances::default() };
        for (id, Extent { area, .. }) in instance_ids.extents() {
            let class = split(id).0;
            let Some(label) = LABELS.get(class as usize) else {
                let problem = format!("{class} is no label");
                return Err(Error::Segment { side: "ground truth", id, problem });
            };
            if label.has_instances && !label.ignored() {
                matcher.objects.insert(id, matcher.found.real.len());
                matcher.found.real.push(Real { class, id, pixels: area });
            }
        }
        Ok(matcher)
    }

    /// A predicted object: the regular id of its class, its confidence, and a map that is not 0 where it is.
    /// Classes without instances and empty masks count for nothing.
    ///
    /// # Errors
    /// If the mask has another size, the class is no label, or the confidence is not finite.
    pub fn predict(&mut self, class: u32, confidence: f64, mask: &LabelMap) -> Result<()> {
        let entry = |problem| Error::Entry { what: "prediction", index: self.found.guesses.len(), problem };
        let Some(label) = LABELS.get(class as usize) else {
            return Err(entry(format!("{class} is no label")));
        };
        if !confidence.is_finite() {
            return Err(entry(format!("a confidence of {confidence} is not possible")));
        }
        self.truth.same_size(mask)?;
        if !label.has_instances || label.ignored() {
            return Ok(());
        }
        let mut shared: HashMap<u32, u64> = HashMap::new();
        for (real, inside) in self.truth.rows().zip(mask.rows()) {
            // Most of a mask is empty; the rest is counted by runs of one object.
            let mut x = 0;
            while let Some(skip) = inside[x..].iter().position(|&value| value != 0) {
                let start = x + skip;
                let id = real[start];
                let run = (start..inside.len()).take_while(|&at| inside[at] != 0 && real[at] == id).count();
                *shared.entry(id).or_default() += run as u64;
                x = start + run;
            }
        }
        let pixels: u64 = shared.values().sum();
        if pixels == 0 {
            return Ok(());
        }
        let void =
            shared.iter().filter(|(id, _)| LABELS[split(**id).0 as usize].ignored()).map(|(_, n)| n).sum();
        let of_class = |(id, &count): (&u32, &u64)| {
            let position = *self.objects.get(id)?;
            (self.found.real[position].class == class).then_some((position, count))
        };
        let mut overlaps: Vec<(usize, u64)> = shared.iter().filter_map(of_class).collect();
        overlaps.sort_unstable();
        self.found.guesses.push(Guess { class, confidence, pixels, void, overlaps });
        Ok(())
    }

    /// What the image contributes.
    pub fn finish(self) -> ImageInstances {
        self.found
    }
}

/// Cityscapes' instance AP over a set of images.
#[derive(Clone, Debug, Default)]
pub struct CityscapesInstances {
    images: Images<ImageInstances>,
}

impl CityscapesInstances {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps what an [`ImageMatcher`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: ImageInstances) -> Result<()> {
        self.images.insert(image, found)
    }

    /// The images of both.
    ///
    /// # Errors
    /// If an image is in both.
    pub fn merge(self, other: Self) -> Result<Self> {
        Ok(Self { images: self.images.merge(other.images)? })
    }

    /// The number of images seen.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// The numbers over all images.
    pub fn report(&self) -> CityscapesInstanceReport {
        average::report(&self.images)
    }
}

//! The numbers of a split.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::Labels;

/// What is known of a class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassFacts {
    /// Images that have it.
    pub images: u64,
    /// The areas of its segments in pixels, by rising size.
    pub areas: Vec<u64>,
    /// All its pixels.
    pub pixels: u64,
}

/// What is known of a split.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Images whose labels could be read.
    pub images: u64,
    /// Pixels of all images.
    pub pixels: u64,
    /// Those of no segment.
    pub void: u64,
    /// By the id of the class.
    pub classes: BTreeMap<u32, ClassFacts>,
    /// The number of segments of each image.
    pub per_image: Vec<u64>,
    /// How often each size (width, height) occurs.
    pub sizes: BTreeMap<(usize, usize), u64>,
}

impl Statistics {
    /// Sums up.
    pub fn of<'a>(all: impl Iterator<Item = &'a Labels>) -> Self {
        let mut sum = Self::default();
        for labels in all {
            sum.images += 1;
            sum.pixels += labels.pixels();
            sum.void += labels.void();
            sum.per_image.push(labels.segments.len() as u64);
            *sum.sizes.entry((labels.width, labels.height)).or_default() += 1;
            for &(class, area) in &labels.segments {
                let facts = sum.classes.entry(class).or_default();
                facts.areas.push(area);
                facts.pixels += area;
            }
            for class in labels.segments.iter().map(|segment| segment.0).collect::<BTreeSet<_>>() {
                sum.classes.entry(class).or_default().images += 1;
            }
        }
        sum.classes.values_mut().for_each(|facts| facts.areas.sort_unstable());
        sum
    }

    /// All segments.
    pub fn segments(&self) -> u64 {
        self.per_image.iter().sum()
    }

    /// The share of all pixels that `pixels` are.
    pub fn share(&self, pixels: u64) -> f64 {
        if self.pixels == 0 { 0.0 } else { pixels as f64 / self.pixels as f64 }
    }

    /// Segments of less than so many pixels.
    pub fn smaller_than(&self, pixels: u64) -> u64 {
        let small = |facts: &ClassFacts| facts.areas.partition_point(|&area| area < pixels) as u64;
        self.classes.values().map(small).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_images() {
        let a = Labels { width: 10, height: 2, segments: vec![(1, 8), (1, 2), (3, 6)] };
        let b = Labels { width: 10, height: 2, segments: vec![(1, 20)] };
        let sum = Statistics::of([&a, &b].into_iter());
        assert_eq!((sum.images, sum.pixels, sum.void, sum.segments()), (2, 40, 4, 4));
        assert_eq!(sum.classes[&1], ClassFacts { images: 2, areas: vec![2, 8, 20], pixels: 30 });
        assert_eq!((sum.share(10), sum.smaller_than(8), sum.sizes[&(10, 2)]), (0.25, 2, 2));
        assert_eq!(Statistics::default().share(0), 0.0);
    }
}

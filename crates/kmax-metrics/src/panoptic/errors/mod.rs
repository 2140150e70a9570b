//! Which kinds of errors cost panoptic quality, and how much mending each kind would bring.
//!
//! An error is a segment of the ground truth without a match (a false negative, "missed") or a predicted segment without one
//! (a false positive, "invented"), after the official matching with its rules for void and crowds. Each has exactly one
//! [`Kind`]: the first of those below that fits. The sums over the kinds are the official counts.
//!
//! IoU is the official one: predicted pixels on void do not count, and the ground truth's area is its file's. A segment *lies in*
//! another if more than half of it does. Crowds are no segments here. A predicted segment that is excused, for most of it lies on
//! void or a crowd, is no error, but can be what another error is explained by.
//!
//! | kind | what it is | what mending means |
//! | --- | --- | --- |
//! | [class](Kind::Class) | two segments without a match, of different classes, with an IoU above 0.5 | the prediction takes the right class: a match with that IoU, the false positive is gone |
//! | [split](Kind::Split) | two or more predictions of a class lie in one segment of it, and united would match it (the segment may be matched by one of them) | they are united: a match with the IoU that this gives, the other pieces are gone |
//! | [merged](Kind::Merged) | two or more segments of a class lie in one prediction of it, which would match them united (it may match one of them) | the prediction is cut along them: each is matched with the share of it that was found |
//! | [mask](Kind::Mask) | two segments without a match, of one class, with an IoU from 0.1 to 0.5, best pairs first, each in one pair | a match as good as the class's others: its SQ over the set (without a match, the mean IoU of all matches; without any, 1) |
//! | [missed](Kind::Missed) | any other segment of the ground truth | it no longer counts |
//! | [background](Kind::Background) | any other predicted segment | it no longer counts |
//!
//! What a kind would bring is the PQ with its errors mended, and no others, less the PQ as it is, in the manner of TIDE (Bolya et
//! al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020), which does so for AP. Where the areas of
//! the ground truth are those of its masks it is never negative. Kinds overlap in what they bring, so the sum is not what mending
//! all would.

mod kinds;
mod report;

use std::collections::BTreeMap;

use kmax_masks::{Categories, ImageId, Panoptic};
use serde::Serialize;

use super::matching::Matching;
use super::{Counts, ImageQuality};
use crate::error::{Error, Result};
use crate::images::Images;

pub use report::{ClassErrors, ErrorReport, KindErrors};

/// What kind of error it is; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The right mask with the wrong class.
    Class,
    /// One segment, found in pieces.
    Split,
    /// Several segments, found as one.
    Merged,
    /// The right class with a poor mask.
    Mask,
    /// A segment that was not found.
    Missed,
    /// A segment found where there is none.
    Background,
}

impl Kind {
    /// Every kind, in the order in which they are tried.
    pub const ALL: [Self; 6] =
        [Self::Class, Self::Split, Self::Merged, Self::Mask, Self::Missed, Self::Background];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Split => "split",
            Self::Merged => "merged",
            Self::Mask => "mask",
            Self::Missed => "missed",
            Self::Background => "background",
        }
    }

    /// What it is, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Class => "the right mask, taken for another class",
            Self::Split => "one segment, found in pieces",
            Self::Merged => "several segments, found as one",
            Self::Mask => "the right class, too poor a mask (IoU 0.1 to 0.5)",
            Self::Missed => "a segment that nothing found",
            Self::Background => "found where there is none",
        }
    }
}

/// A segment that is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The segment's id in its map.
    pub id: u32,
    /// Its class.
    pub category_id: u32,
    /// What kind of error it is.
    pub kind: Kind,
    /// The segment of the other side that explains it: the one it was taken for, is a piece of, was merged into or has the
    /// mask of.
    pub with: Option<u32>,
}

/// The errors of an image, by rising id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Segments of the ground truth without a match.
    pub missed: Vec<Flaw>,
    /// Predicted segments without one that are not excused.
    pub invented: Vec<Flaw>,
}

/// What mending errors changes in the counts of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mend {
    /// False negatives and false positives that are gone.
    fn_: u64,
    fp: u64,
    /// Matches that are new.
    tp: u64,
    /// What the sum of IoU grows by; of masks, only the report knows.
    iou: f64,
}

impl Mend {
    fn matched(&mut self, iou: f64) {
        self.tp += 1;
        self.iou += iou;
    }

    /// A match that gets better; one whose area is not its mask's could seem to get worse.
    fn better(&mut self, before: f64, after: f64) {
        self.iou += (after - before).max(0.0);
    }
}

impl std::ops::AddAssign for Mend {
    fn add_assign(&mut self, other: Self) {
        self.fn_ += other.fn_;
        self.fp += other.fp;
        self.tp += other.tp;
        self.iou += other.iou;
    }
}

/// What an image contributes to the report: counts by category id, and what mending does to them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sums {
    counts: BTreeMap<u32, Counts>,
    mends: kinds::Mends,
}

/// What the errors of one image are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageErrors {
    /// Which segments are errors, and of what kind; only the caller keeps them.
    pub flaws: Flaws,
    sums: Sums,
}

/// The errors over a set of images.
#[derive(Clone, Debug)]
pub struct PanopticErrors {
    categories: Categories,
    images: Images<Sums>,
}

impl PanopticErrors {
    /// Nothing seen yet.
    pub fn new(categories: Categories) -> Self {
        Self { categories, images: Images::default() }
    }

    /// What the errors of one image are, beside what the image contributes to panoptic quality; changes nothing.
    ///
    /// # Errors
    /// As [`PanopticQuality::compare`](super::PanopticQuality::compare).
    pub fn compare(&self, truth: &Panoptic, prediction: &Panoptic) -> Result<(ImageQuality, ImageErrors)> {
        let matching = Matching::new(&self.categories, truth, prediction)?;
        let quality = ImageQuality::from(&matching);
        let (flaws, mends) = kinds::sort(&matching);
        let sums = Sums { counts: quality.classes.clone(), mends };
        Ok((quality, ImageErrors { flaws, sums }))
    }

    /// Keeps what [`Self::compare`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: ImageErrors) -> Result<()> {
        self.images.insert(image, found.sums)
    }

    /// Compares and keeps.
    ///
    /// # Errors
    /// As [`Self::compare`] and [`Self::insert`], naming the image.
    pub fn add(&mut self, image: ImageId, truth: &Panoptic, prediction: &Panoptic) -> Result<()> {
        let (_, found) = self.compare(truth, prediction).map_err(|error| error.in_image(&image))?;
        self.insert(image, found)
    }

    /// The images of both.
    ///
    /// # Errors
    /// If the categories differ or an image is in both.
    pub fn merge(self, other: Self) -> Result<Self> {
        if self.categories != other.categories {
            return Err(Error::Merge("categories"));
        }
        Ok(Self { images: self.images.merge(other.images)?, ..self })
    }

    /// How often each kind occurs, and what mending it would bring.
    pub fn report(&self) -> ErrorReport {
        report::report(&self.categories, &self.images)
    }
}

#[cfg(test)]
mod tests;

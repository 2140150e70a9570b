//! deeplab2's panoptic quality (`evaluation/panoptic_quality.py`), which it reports while training.
//!
//! It sees label maps only (class * divisor + instance), so there are no crowds: a pixel of the ignored class
//! with instance 0 is void, other instances of the ignored class are nothing. PQ of a class is SQ times RQ, and
//! the report also averages the counts. It comes out a little above the official numbers.

use std::collections::{HashMap, HashSet};

use kmax_masks::{ImageId, LabelMap};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::images::Images;
use crate::pairs::pairs;
use crate::provenance::Provenance;
use crate::serialise::mean;

/// What each class has in one image, by class.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamingCounts {
    /// The sum of IoU over the matches.
    pub iou: Vec<f64>,
    /// Matches.
    pub tp: Vec<u64>,
    /// Ground truth segments without a match.
    pub fn_: Vec<u64>,
    /// Predicted segments without a match.
    pub fp: Vec<u64>,
}

/// The numbers over a set: means over the classes with a true positive, a false positive or a false negative.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamingReport {
    /// The official code that gives these numbers.
    pub evaluator: &'static str,
    /// Mean panoptic quality, 0..1.
    pub pq: Option<f64>,
    /// Mean segmentation quality, 0..1.
    pub sq: Option<f64>,
    /// Mean recognition quality, 0..1.
    pub rq: Option<f64>,
    /// Mean number of matches.
    pub tp: Option<f64>,
    /// Mean number of false negatives.
    #[serde(rename = "fn")]
    pub fn_: Option<f64>,
    /// Mean number of false positives.
    pub fp: Option<f64>,
    /// The sum of IoU of each class.
    pub total_iou: Vec<f64>,
    /// Matches, false negatives and false positives of each class.
    pub total_tp_fn_fp: Vec<[u64; 3]>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
}

/// deeplab2's panoptic quality over a set of images.
#[derive(Clone, Debug)]
pub struct StreamingQuality {
    classes: usize,
    ignored: u32,
    divisor: u32,
    images: Images<StreamingCounts>,
}

impl StreamingQuality {
    /// Nothing seen yet. Labels are `class * divisor + instance` with classes below `classes`, or `ignored`.
    ///
    /// # Errors
    /// If the divisor is 0 or the ignored label times the divisor does not fit.
    pub fn new(classes: usize, ignored: u32, divisor: u32) -> Result<Self> {
        if divisor == 0 || ignored.checked_mul(divisor).is_none() {
            return Err(Error::Setting(format!(
                "divisor {divisor} with ignored label {ignored} is not possible"
            )));
        }
        Ok(Self { classes, ignored, divisor, images: Images::default() })
    }

    /// What one image contributes.
    ///
    /// # Errors
    /// If the maps differ in size or hold a class that is neither known nor ignored.
    pub fn compare(&self, truth: &LabelMap, prediction: &LabelMap) -> Result<StreamingCounts> {
        let shared = pairs(truth, prediction)?;
        let class = |label: u32| label / self.divisor;
        let void = self.ignored * self.divisor;
        let (mut truths, mut guesses) = (HashMap::<u32, u64>::new(), HashMap::<u32, u64>::new());
        let mut on_void = HashMap::<u32, u64>::new();
        for &((real, guess), pixels) in &shared {
            for (side, label) in [("ground truth", real), ("predicted", guess)] {
                if class(label) != self.ignored && class(label) as usize >= self.classes {
                    let problem = format!("class {} of {}", class(label), self.classes);
                    return Err(Error::Segment { side, id: label, problem });
                }
            }
            *truths.entry(real).or_default() += pixels;
            *guesses.entry(guess).or_default() += pixels;
            if real == void {
                on_void.insert(guess, pixels);
            }
        }
        let on_void = |guess: u32| on_void.get(&guess).copied().unwrap_or(0);
        let none = vec![0; self.classes];
        let mut counts =
            StreamingCounts { iou: vec![0.0; self.classes], tp: none.clone(), fn_: none.clone(), fp: none };
        let (mut truth_matched, mut guess_matched) = (HashSet::new(), HashSet::new());
        for &((real, guess), pixels) in &shared {
            if class(real) != class(guess) || class(real) == self.ignored {
                continue;
            }
            // What lies on void cannot lie on `real`, so the union is at least the intersection.
            let union = truths[&real] + guesses[&guess] - pixels - on_void(guess);
            let iou = pixels as f64 / union as f64;
            if iou > 0.5 {
                counts.tp[class(real) as usize] += 1;
                counts.iou[class(real) as usize] += iou;
                truth_matched.insert(real);
                guess_matched.insert(guess);
            }
        }
        for &real in
            truths.keys().filter(|real| !truth_matched.contains(real) && class(**real) != self.ignored)
        {
            counts.fn_[class(real) as usize] += 1;
        }
        for (&guess, &area) in &guesses {
            let excused = 2 * on_void(guess) > area || class(guess) == self.ignored;
            if !guess_matched.contains(&guess) && !excused {
                counts.fp[class(guess) as usize] += 1;
            }
        }
        Ok(counts)
    }

    /// Keeps what [`Self::compare`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: StreamingCounts) -> Result<()> {
        self.images.insert(image, found)
    }

    /// Compares and keeps.
    ///
    /// # Errors
    /// As [`Self::compare`] and [`Self::insert`], naming the image.
    pub fn add(&mut self, image: ImageId, truth: &LabelMap, prediction: &LabelMap) -> Result<()> {
        let found = self.compare(truth, prediction).map_err(|error| error.in_image(&image))?;
        self.insert(image, found)
    }

    /// The images of both.
    ///
    /// # Errors
    /// If the label spaces differ or an image is in both.
    pub fn merge(self, other: Self) -> Result<Self> {
        let space = |side: &Self| (side.classes, side.ignored, side.divisor);
        if space(&self) != space(&other) {
            return Err(Error::Merge("label spaces"));
        }
        Ok(Self { images: self.images.merge(other.images)?, ..self })
    }

    /// The numbers over all images.
    pub fn report(&self) -> StreamingReport {
        let mut total_iou = vec![0.0; self.classes];
        let mut total_tp_fn_fp = vec![[0; 3]; self.classes];
        for image in self.images.values() {
            for class in 0..self.classes {
                total_iou[class] += image.iou[class];
                let found = [image.tp[class], image.fn_[class], image.fp[class]];
                for (total, count) in total_tp_fn_fp[class].iter_mut().zip(found) {
                    *total += count;
                }
            }
        }
        let rows: Vec<[f64; 6]> = total_iou
            .iter()
            .zip(&total_tp_fn_fp)
            .filter(|(_, counts)| counts.iter().sum::<u64>() > 0)
            .map(|(&iou, counts)| {
                let [tp, fn_, fp] = counts.map(|count| count as f64);
                let sq = if tp == 0.0 { 0.0 } else { iou / tp };
                let rq = tp / (tp + 0.5 * fn_ + 0.5 * fp);
                [sq * rq, sq, rq, tp, fn_, fp]
            })
            .collect();
        let column = |index: usize| mean(rows.iter().map(|row| row[index]));
        StreamingReport {
            evaluator: "deeplab2 PanopticQuality",
            pq: column(0),
            sq: column(1),
            rq: column(2),
            tp: column(3),
            fn_: column(4),
            fp: column(5),
            total_iou,
            total_tp_fn_fp,
            provenance: Provenance::new(
                "deeplab2 PanopticQuality, match at IoU > threshold, no crowds, PQ = SQ * RQ per class",
                &[0.5],
                self.images.len(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(data: &[u32]) -> LabelMap {
        LabelMap::new(data.len(), 1, data.to_vec()).unwrap()
    }

    #[test]
    fn void_is_the_ignored_class_with_instance_zero() {
        let mut quality = StreamingQuality::new(3, 0, 256).unwrap();
        // Two pixels of class 1, one of which is void in the truth: the union is what remains.
        quality.add(1.into(), &map(&[256, 0, 512]), &map(&[256, 256, 0])).unwrap();
        let report = quality.report();
        assert_eq!((report.total_iou[1], report.total_tp_fn_fp[1]), (1.0, [1, 0, 0]));
        assert_eq!((report.pq, report.fn_), (Some(0.5), Some(0.5)));
        // Another instance of the ignored class is not void.
        let other = quality.compare(&map(&[1, 1]), &map(&[256, 256])).unwrap();
        assert_eq!(other.fp[1], 1);
    }

    #[test]
    fn unknown_classes_and_odd_settings_are_refused() {
        let quality = StreamingQuality::new(3, 255, 256).unwrap();
        assert!(quality.compare(&map(&[3 * 256]), &map(&[0])).is_err());
        assert!(quality.compare(&map(&[255 * 256]), &map(&[0])).is_ok());
        assert!(StreamingQuality::new(3, 0, 0).is_err());
        assert!(StreamingQuality::new(3, u32::MAX, 2).is_err());
        assert!(quality.clone().merge(StreamingQuality::new(4, 255, 256).unwrap()).is_err());
    }
}

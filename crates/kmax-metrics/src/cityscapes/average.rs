//! Instance AP: from overlaps to precision and recall.

use kmax_masks::ImageId;
use serde::Serialize;

use super::instance_labels;
use super::instances::ImageInstances;
use crate::images::Images;
use crate::provenance::Provenance;
use crate::render::{Bar, Page, shown};
use crate::serialise::{mean, object};

/// Objects of fewer pixels are not to be found.
const MIN_PIXELS: u64 = 100;

/// The thresholds 0.5, 0.55, ... 0.95 as numpy's `arange` makes them: the matches are strict, so the last digit
/// matters.
fn overlaps() -> [f64; 10] {
    let step = (0.5 + 0.05) - 0.5;
    std::array::from_fn(|i| 0.5 + i as f64 * step)
}

/// The numbers of one class, `None` without an object to be found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassAp {
    /// The mean over the thresholds, 0..1.
    #[serde(rename = "AP")]
    pub ap: Option<f64>,
    /// At IoU 0.5.
    #[serde(rename = "AP50")]
    pub ap50: Option<f64>,
}

/// Cityscapes' instance AP over a set of images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CityscapesInstanceReport {
    /// The official script that gives these numbers.
    pub evaluator: &'static str,
    /// The mean over classes and thresholds, 0..1.
    #[serde(rename = "AP")]
    pub ap: Option<f64>,
    /// The mean over classes at IoU 0.5.
    #[serde(rename = "AP50")]
    pub ap50: Option<f64>,
    /// Each class.
    #[serde(serialize_with = "object")]
    pub classes: Vec<(&'static str, ClassAp)>,
    /// The IoU thresholds.
    pub overlaps: [f64; 10],
    /// The classes in the order of the matrix.
    pub class_order: Vec<&'static str>,
    /// AP of each class at each threshold.
    #[serde(rename = "ap_matrix_class_x_overlap")]
    pub matrix: Vec<[Option<f64>; 10]>,
    /// What the official script prints, line by line.
    pub printed: Vec<String>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
    /// The share of objects found at IoU 0.5 in each image, worst first.
    #[serde(skip)]
    pub worst: Vec<(ImageId, f64)>,
}

/// Scored true and false positives of one class at one threshold, and the objects that nothing found.
#[derive(Default)]
struct Tally {
    scored: Vec<(f64, bool)>,
    missed: u64,
    objects: u64,
    predictions: usize,
}

impl Tally {
    /// Adds one image.
    fn add(&mut self, image: &ImageInstances, class: u32, threshold: f64) {
        let iou = |shared: u64, real: u64, guess: u64| shared as f64 / (real + guess - shared) as f64;
        // For each object to be found, the best confidence among the predictions that match it so far.
        let mut best: Vec<Option<f64>> = vec![None; image.real.len()];
        let wanted = |position: usize| {
            let real = &image.real[position];
            !real.is_group() && real.pixels >= MIN_PIXELS
        };
        for guess in image.guesses.iter().filter(|guess| guess.class == class) {
            self.predictions += 1;
            let mut matched = false;
            let mut excused = guess.void;
            for &(position, shared) in &guess.overlaps {
                let real = &image.real[position];
                // A small group would count twice, as in the official script.
                excused += if real.is_group() { shared } else { 0 };
                excused += if real.pixels < MIN_PIXELS { shared } else { 0 };
                if iou(shared, real.pixels, guess.pixels) <= threshold {
                    continue;
                }
                matched = true;
                if wanted(position) {
                    // Of two predictions of one object, the less confident is a false positive.
                    match &mut best[position] {
                        Some(confidence) => {
                            self.scored.push((confidence.min(guess.confidence), false));
                            *confidence = confidence.max(guess.confidence);
                        }
                        empty => *empty = Some(guess.confidence),
                    }
                }
            }
            if !matched && excused as f64 / guess.pixels as f64 <= threshold {
                self.scored.push((guess.confidence, false));
            }
        }
        for position in (0..image.real.len()).filter(|&at| image.real[at].class == class && wanted(at)) {
            self.objects += 1;
            match best[position] {
                Some(confidence) => self.scored.push((confidence, true)),
                None => self.missed += 1,
            }
        }
    }

    /// The average precision, `None` without an object to be found.
    fn average_precision(mut self) -> Option<f64> {
        if self.objects == 0 {
            return None;
        }
        if self.predictions == 0 {
            return Some(0.0);
        }
        self.scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let hits = self.scored.iter().filter(|entry| entry.1).count();
        // A point for each distinct confidence, from the lowest on: what is at or above it counts as found.
        let (mut points, mut below, mut hits_below) = (Vec::new(), 0, 0);
        for group in self.scored.chunk_by(|a, b| a.0 == b.0) {
            let tp = (hits - hits_below) as f64;
            let missed = (hits_below as u64 + self.missed) as f64;
            points.push((tp / (self.scored.len() - below) as f64, tp / (tp + missed)));
            below += group.len();
            hits_below += group.iter().filter(|entry| entry.1).count();
        }
        points.push((1.0, 0.0));
        // Half the difference of recall between the neighbours of each point.
        let recall = |at: usize| points.get(at).map_or(0.0, |point| point.1);
        let width = |at: usize| 0.5 * (recall(at.saturating_sub(1)) - recall(at + 1));
        Some(points.iter().enumerate().map(|(at, point)| point.0 * width(at)).sum())
    }
}

pub(super) fn report(images: &Images<ImageInstances>) -> CityscapesInstanceReport {
    let overlaps = overlaps();
    let cell = |class: u32, threshold: f64| {
        let mut tally = Tally::default();
        for image in images.values() {
            tally.add(image, class, threshold);
        }
        tally.average_precision()
    };
    let matrix: Vec<[Option<f64>; 10]> =
        instance_labels().map(|label| overlaps.map(|threshold| cell(label.id.into(), threshold))).collect();
    let class_order: Vec<&str> = instance_labels().map(|label| label.name).collect();
    let classes: Vec<(&str, ClassAp)> = class_order
        .iter()
        .zip(&matrix)
        .map(|(&name, row)| (name, ClassAp { ap: mean(row.iter().copied().flatten()), ap50: row[0] }))
        .collect();
    let mut worst: Vec<(ImageId, f64)> = images
        .iter()
        .filter_map(|(image, found)| {
            let (mut objects, mut hits) = (0, 0);
            for label in instance_labels() {
                let mut tally = Tally::default();
                tally.add(found, label.id.into(), overlaps[0]);
                objects += tally.objects;
                hits += tally.objects - tally.missed;
            }
            (objects > 0).then(|| (image.clone(), hits as f64 / objects as f64))
        })
        .collect();
    worst.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut report = CityscapesInstanceReport {
        evaluator: "cityscapesscripts evalInstanceLevelSemanticLabeling",
        ap: mean(matrix.iter().flatten().copied().flatten()),
        ap50: mean(matrix.iter().filter_map(|row| row[0])),
        classes,
        overlaps,
        class_order,
        matrix,
        printed: Vec::new(),
        provenance: Provenance::new("cityscapesScripts, match at IoU > threshold", &overlaps, images.len()),
        worst,
    };
    report.printed = report.lines();
    report
}

impl CityscapesInstanceReport {
    fn lines(&self) -> Vec<String> {
        let number = |value: Option<f64>| {
            value.map_or_else(|| format!("{:>15}", "nan"), |value| format!("{value:>15.3}"))
        };
        let line = |name: &str, ap, ap50| format!("{name:<15}:{}{}", number(ap), number(ap50));
        let mut lines = vec!["#".repeat(50), format!("{:<15}:{:>15}{:>15}", "what", "AP", "AP_50%")];
        lines.push("#".repeat(50));
        lines.extend(self.classes.iter().map(|(name, class)| line(name, class.ap, class.ap50)));
        lines.push("-".repeat(50));
        lines.push(line("average", self.ap, self.ap50));
        lines
    }

    /// What the official script prints.
    pub fn table(&self) -> String {
        self.printed.join("\n")
    }

    /// A page with a bar for each class and the images of which least was found.
    pub fn page(&self) -> Page {
        let mut page = Page::new("Instance AP", self.evaluator, &self.provenance);
        page.summary = vec![("AP".to_owned(), shown(self.ap)), ("AP50".to_owned(), shown(self.ap50))];
        let bar = |(name, class): &(&str, ClassAp)| Bar {
            name: (*name).to_owned(),
            value: class.ap,
            note: format!("AP50 {}", shown(class.ap50)),
        };
        page.bars = self.classes.iter().map(bar).collect();
        page.worst_heading = "Worst images (share of objects found at IoU 0.5)";
        page.worst = self.worst.iter().map(|(image, share)| (image.to_string(), *share)).collect();
        page
    }
}

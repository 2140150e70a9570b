//! The numbers of semantic segmentation over a set.

use kmax_masks::{Categories, ImageId};
use serde::Serialize;

use super::{ConfusionMatrix, ImageConfusion};
use crate::images::Images;
use crate::provenance::Provenance;
use crate::render::{Bar, Confusion, Page};
use crate::serialise::{mean, object, percent};

/// The numbers of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SemanticClass {
    /// The class's name.
    pub name: String,
    /// Intersection over union in 0..1, `None` for a class that is not in the ground truth.
    #[serde(rename = "IoU", serialize_with = "percent")]
    pub iou: Option<f64>,
    /// The share of its pixels that were found, in 0..1.
    #[serde(rename = "ACC", serialize_with = "percent")]
    pub acc: Option<f64>,
    /// Pixels found.
    pub tp: u64,
    /// Pixels in the ground truth.
    pub gt: u64,
    /// Pixels predicted where the ground truth counts.
    pub pred: u64,
}

/// Semantic segmentation over a set of images. Ratios lie in 0..1; the JSON form has them in percent, as that of the official
/// script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SemanticReport {
    /// The official script that gives these numbers.
    pub evaluator: &'static str,
    /// Mean IoU over the classes of the ground truth.
    #[serde(rename = "mIoU", serialize_with = "percent")]
    pub miou: Option<f64>,
    /// IoU weighted by the share of pixels.
    #[serde(rename = "fwIoU", serialize_with = "percent")]
    pub fwiou: Option<f64>,
    /// Mean accuracy over the classes of the ground truth.
    #[serde(rename = "mACC", serialize_with = "percent")]
    pub macc: Option<f64>,
    /// The share of pixels that are right.
    #[serde(rename = "pACC", serialize_with = "percent")]
    pub pacc: Option<f64>,
    /// Every class by id.
    #[serde(serialize_with = "object")]
    pub per_class: Vec<(u32, SemanticClass)>,
    /// (predicted, ground truth, pixels) by contiguous index; the index after the last is the ignored label, and
    /// a predicted pixel without a class.
    pub confusion_nonzero: Vec<(u32, u32, u64)>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
    /// The share of pixels that are right in each image, worst first.
    #[serde(skip)]
    pub worst: Vec<(ImageId, f64)>,
}

pub(super) fn report(
    categories: &Categories,
    images: &Images<ImageConfusion>,
    provenance: Provenance,
) -> SemanticReport {
    let classes = categories.len();
    let mut matrix = ConfusionMatrix::new(classes + 1, classes + 1);
    let mut worst = Vec::new();
    for (image, found) in images.iter() {
        let (mut right, mut all) = (0, 0);
        for &(row, column, pixels) in found.entries() {
            matrix.add(row, column, pixels);
            if (row as usize) < classes {
                all += pixels;
                right += if row == column { pixels } else { 0 };
            }
        }
        if all > 0 {
            worst.push((image.clone(), right as f64 / all as f64));
        }
    }
    worst.sort_by(|a, b| a.1.total_cmp(&b.1));
    let per_class: Vec<(u32, SemanticClass)> = categories
        .iter()
        .enumerate()
        .map(|(class, category)| {
            let tp = matrix.get(class, class);
            let gt = matrix.sum([class], 0..=classes);
            let pred = matrix.sum(0..classes, [class]);
            let share = |whole: u64| (gt > 0).then(|| tp as f64 / whole as f64);
            let numbers = SemanticClass {
                name: category.name.clone(),
                iou: share(gt + pred - tp),
                acc: share(gt),
                tp,
                gt,
                pred,
            };
            (category.id, numbers)
        })
        .collect();
    let each = || per_class.iter().map(|(_, class)| class);
    let (right, all) = each().fold((0, 0), |(right, all), class| (right + class.tp, all + class.gt));
    let weighted = |class: &SemanticClass| class.iou.map(|iou| iou * (class.gt as f64 / all as f64));
    let mut confusion_nonzero: Vec<(u32, u32, u64)> =
        matrix.nonzero().into_iter().map(|(real, guess, pixels)| (guess, real, pixels)).collect();
    confusion_nonzero.sort_unstable();
    SemanticReport {
        evaluator: "detectron2 SemSegEvaluator (percent)",
        miou: mean(each().filter_map(|class| class.iou)),
        fwiou: (all > 0).then(|| each().filter_map(weighted).sum()),
        macc: mean(each().filter_map(|class| class.acc)),
        pacc: (all > 0).then(|| right as f64 / all as f64),
        per_class,
        confusion_nonzero,
        provenance,
        worst,
    }
}

impl SemanticReport {
    /// A table of the means and of the classes of the ground truth, in percent.
    pub fn table(&self) -> String {
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "    nan".to_owned(), |value| format!("{:7.2}", 100.0 * value))
        };
        let mut lines = vec![format!("{:24} {:>7} {:>7}", "class", "IoU", "ACC"), "-".repeat(40)];
        let counted = self.per_class.iter().filter(|(_, class)| class.gt > 0);
        lines.extend(
            counted.map(|(_, class)| {
                format!("{:24} {} {}", class.name.trim(), shown(class.iou), shown(class.acc))
            }),
        );
        lines.push("-".repeat(40));
        for (name, value) in
            [("mIoU", self.miou), ("fwIoU", self.fwiou), ("mACC", self.macc), ("pACC", self.pacc)]
        {
            lines.push(format!("{name:24} {}", shown(value)));
        }
        lines.join("\n")
    }

    /// A page with a bar for each class of the ground truth, the worst images and the confusion of pixels.
    pub fn page(&self) -> Page {
        let mut page = Page::new("Semantic segmentation", self.evaluator, &self.provenance);
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{:.2} %", 100.0 * value))
        };
        for (name, value) in
            [("mIoU", self.miou), ("fwIoU", self.fwiou), ("mACC", self.macc), ("pACC", self.pacc)]
        {
            page.summary.push((name.to_owned(), shown(value)));
        }
        let counted = self.per_class.iter().filter(|(_, class)| class.gt > 0);
        page.bars = counted
            .map(|(_, class)| Bar {
                name: class.name.clone(),
                value: class.iou,
                note: format!("ACC {}, {} pixels", shown(class.acc), class.gt),
            })
            .collect();
        page.worst_heading = "Worst images (share of pixels that are right)";
        page.worst = self.worst.iter().map(|(image, share)| (image.to_string(), *share)).collect();
        let names: Vec<(u32, String)> =
            self.per_class.iter().enumerate().map(|(i, (_, class))| (i as u32, class.name.clone())).collect();
        let pixels: Vec<((u32, u32), u64)> =
            self.confusion_nonzero.iter().map(|&(guess, real, pixels)| ((real, guess), pixels)).collect();
        page.confusion = Some(Confusion::new(names, &pixels));
        page
    }
}

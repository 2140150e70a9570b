//! Class and category IoU, and the same weighted by instance.

use kmax_masks::ImageId;
use kmax_masks::categories::cityscapes::{LABELS, Label};
use serde::Serialize;

use super::CATEGORIES;
use super::pixels::{ImagePixels, Object};
use crate::images::Images;
use crate::provenance::Provenance;
use crate::render::{Bar, Confusion, Page, shown};
use crate::semantic::ConfusionMatrix;
use crate::serialise::{mean, object};

/// The average size of an instance in pixels, as fixed in the official script.
fn average_size(name: &str) -> f64 {
    match name {
        "person" => 3462.4756337644,
        "rider" => 3930.4788056518,
        "car" => 12794.0202738185,
        "truck" => 27855.1264367816,
        "bus" => 35732.1511111111,
        "caravan" => 36771.8241758242,
        "trailer" => 16926.9763313609,
        "train" => 67583.7075812274,
        "motorcycle" => 6298.7200839748,
        "bicycle" => 4672.3249222261,
        _ => 0.0,
    }
}

/// IoU by name, in the order of the labels.
type Scores = Vec<(&'static str, f64)>;

/// Cityscapes' pixel evaluation over a set of images; what is neither in the ground truth nor predicted is left
/// out of the lists and the means.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CityscapesPixelReport {
    /// The official script that gives these numbers.
    pub evaluator: &'static str,
    /// Mean IoU over the classes, 0..1.
    #[serde(rename = "mIoU_classes")]
    pub miou_classes: Option<f64>,
    /// Mean instance-weighted IoU over the classes with instances.
    pub niou_classes: Option<f64>,
    /// Mean IoU over the categories.
    #[serde(rename = "mIoU_categories")]
    pub miou_categories: Option<f64>,
    /// Mean instance-weighted IoU over the categories with instances.
    pub niou_categories: Option<f64>,
    /// IoU of each class.
    #[serde(rename = "class_IoU", serialize_with = "object")]
    pub class_iou: Scores,
    /// Instance-weighted IoU of each class.
    #[serde(rename = "class_nIoU", serialize_with = "object")]
    pub class_niou: Scores,
    /// IoU of each category.
    #[serde(rename = "category_IoU", serialize_with = "object")]
    pub category_iou: Scores,
    /// Instance-weighted IoU of each category.
    #[serde(rename = "category_nIoU", serialize_with = "object")]
    pub category_niou: Scores,
    /// (ground truth, prediction, pixels) by regular id.
    #[serde(rename = "confusion_nonzero_gt_pred_count")]
    pub confusion: Vec<(u32, u32, u64)>,
    /// What the official script prints, line by line.
    pub printed: Vec<String>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
    /// The share of evaluated pixels that are right in each image, worst first.
    #[serde(skip)]
    pub worst: Vec<(ImageId, f64)>,
}

/// The regular ids of the labels that satisfy a condition.
fn ids(wanted: impl Fn(&Label) -> bool) -> Vec<usize> {
    LABELS.iter().filter(|label| wanted(label)).map(|label| label.id.into()).collect()
}

/// `tp / (tp + errors)`, `None` if there is nothing.
fn ratio(tp: f64, errors: f64) -> Option<f64> {
    (tp + errors > 0.0).then(|| tp / (tp + errors))
}

/// The weighted pixels of some objects that are right, and that are not.
fn weighted<'a>(objects: impl Iterator<Item = &'a Object>, right: impl Fn(&Object) -> u64) -> (f64, f64) {
    objects.fold((0.0, 0.0), |(tp, fn_), object| {
        let weight = average_size(LABELS[object.class as usize].name) / object.pixels as f64;
        let found = right(object);
        (tp + found as f64 * weight, fn_ + (object.pixels - found) as f64 * weight)
    })
}

pub(super) fn report(images: &Images<ImagePixels>) -> CityscapesPixelReport {
    let mut matrix = ConfusionMatrix::new(LABELS.len(), LABELS.len());
    let mut worst = Vec::new();
    for (image, found) in images.iter() {
        let (mut right, mut all) = (0, 0);
        for &(real, guess, pixels) in &found.confusion {
            matrix.add(real, guess, pixels);
            if !LABELS[real as usize].ignored() {
                all += pixels;
                right += if real == guess { pixels } else { 0 };
            }
        }
        if all > 0 {
            worst.push((image.clone(), right as f64 / all as f64));
        }
    }
    worst.sort_by(|a, b| a.1.total_cmp(&b.1));
    let objects = || images.values().flat_map(|image| &image.objects);
    let evaluated = ids(|label| !label.ignored());
    let everything = 0..LABELS.len();

    let (mut class_iou, mut class_niou) = (Scores::new(), Scores::new());
    for label in LABELS.iter().filter(|label| !label.ignored()) {
        let id = usize::from(label.id);
        let tp = matrix.get(id, id);
        let missed = matrix.sum([id], everything.clone()) - tp;
        let wrong = matrix.sum(evaluated.iter().copied().filter(|&row| row != id), [id]);
        class_iou.extend(ratio(tp as f64, (wrong + missed) as f64).map(|iou| (label.name, iou)));
        if label.has_instances {
            let of_class = objects().filter(|object| object.class == u32::from(label.id));
            let (tp, missed) = weighted(of_class, |object| object.right);
            class_niou.extend(ratio(tp, wrong as f64 + missed).map(|iou| (label.name, iou)));
        }
    }

    let (mut category_iou, mut category_niou) = (Scores::new(), Scores::new());
    for name in CATEGORIES {
        let inside = ids(|label| label.category == name && !label.ignored());
        let outside = ids(|label| label.category != name && !label.ignored());
        let tp = matrix.sum(inside.clone(), inside.clone());
        let missed = matrix.sum(inside.clone(), everything.clone()) - tp;
        let wrong = matrix.sum(outside.clone(), inside.clone());
        category_iou.extend(ratio(tp as f64, (wrong + missed) as f64).map(|iou| (name, iou)));
        // Only categories whose labels all have instances; ignored labels of the category count as it here.
        let members = ids(|label| label.category == name);
        if members.iter().all(|&id| LABELS[id].has_instances) {
            let wrong = matrix.sum(outside, members);
            let of_category = objects().filter(|object| LABELS[object.class as usize].category == name);
            let (tp, missed) = weighted(of_category, |object| object.right_category);
            category_niou.extend(ratio(tp, wrong as f64 + missed).map(|iou| (name, iou)));
        }
    }

    let average = |scores: &Scores| mean(scores.iter().map(|score| score.1));
    let mut report = CityscapesPixelReport {
        evaluator: "cityscapesscripts evalPixelLevelSemanticLabeling",
        miou_classes: average(&class_iou),
        niou_classes: average(&class_niou),
        miou_categories: average(&category_iou),
        niou_categories: average(&category_niou),
        class_iou,
        class_niou,
        category_iou,
        category_niou,
        confusion: matrix.nonzero(),
        printed: Vec::new(),
        provenance: Provenance::new(
            "cityscapesScripts: means over the classes of the ground truth or of the predictions",
            &[],
            images.len(),
        ),
        worst,
    };
    report.printed = report.lines();
    report
}

/// The score of a name, if it is in the list.
fn score(scores: &Scores, name: &str) -> Option<f64> {
    scores.iter().find(|score| score.0 == name).map(|score| score.1)
}

impl CityscapesPixelReport {
    fn lines(&self) -> Vec<String> {
        let number = |value: Option<f64>| {
            value.map_or_else(|| format!("{:>5}", "nan"), |value| format!("{value:>5.3}"))
        };
        let rule = "-".repeat(32);
        let mut lines = Vec::new();
        let mut block =
            |title: &str, names: &[&str], iou: &Scores, niou: &Scores, means: [Option<f64>; 2]| {
                lines.push(format!("{title:<10}       IoU      nIoU"));
                lines.push(rule.clone());
                lines.extend(names.iter().map(|name| {
                    format!("{name:<14}: {}    {}", number(score(iou, name)), number(score(niou, name)))
                }));
                lines.push(rule.clone());
                lines.push(format!("Score Average : {}    {}", number(means[0]), number(means[1])));
                lines.push(rule.clone());
            };
        let classes: Vec<&str> =
            LABELS.iter().filter(|label| !label.ignored()).map(|label| label.name).collect();
        let means = [self.miou_classes, self.niou_classes];
        block("classes", &classes, &self.class_iou, &self.class_niou, means);
        let means = [self.miou_categories, self.niou_categories];
        block("categories", &CATEGORIES, &self.category_iou, &self.category_niou, means);
        lines
    }

    /// What the official script prints.
    pub fn table(&self) -> String {
        self.printed.join("\n")
    }

    /// A page with a bar for each class and category, the worst images and the confusion of pixels.
    pub fn page(&self) -> Page {
        let mut page = Page::new("Semantic segmentation", self.evaluator, &self.provenance);
        page.summary = [
            ("mIoU (classes)", self.miou_classes),
            ("nIoU (classes)", self.niou_classes),
            ("mIoU (categories)", self.miou_categories),
            ("nIoU (categories)", self.niou_categories),
        ]
        .map(|(name, value)| (name.to_owned(), shown(value)))
        .to_vec();
        let bar = |name: &str, value: f64, niou: Option<f64>| Bar {
            name: name.to_owned(),
            value: Some(value),
            note: niou.map_or_else(String::new, |niou| format!("nIoU {niou:.3}")),
        };
        page.bars = self.class_iou.iter().map(|s| bar(s.0, s.1, score(&self.class_niou, s.0))).collect();
        let categories = self.category_iou.iter();
        page.bars.extend(
            categories.map(|s| bar(&format!("category {}", s.0), s.1, score(&self.category_niou, s.0))),
        );
        page.worst_heading = "Worst images (share of pixels that are right)";
        page.worst = self.worst.iter().map(|(image, share)| (image.to_string(), *share)).collect();
        let names = label_names();
        let pixels: Vec<((u32, u32), u64)> =
            self.confusion.iter().map(|&(real, guess, pixels)| ((real, guess), pixels)).collect();
        page.confusion = Some(Confusion::new(names, &pixels));
        page
    }
}

/// Every label by regular id.
fn label_names() -> Vec<(u32, String)> {
    LABELS.iter().map(|label| (label.id.into(), label.name.to_owned())).collect()
}

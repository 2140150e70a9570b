//! The twelve numbers of COCO and what they are made of.

use kmax_masks::{Categories, ImageId};
use serde::Serialize;

use super::curve::{Curves, RECALLS};
use super::matching::{ImageMatches, Outcome};
use super::{AREA_RANGES, LIMITS, THRESHOLDS};
use crate::images::Images;
use crate::provenance::Provenance;
use crate::render::{Bar, Page, shown};
use crate::serialise::{mean, object};

/// COCO's twelve numbers, 0..1; -1 where no object counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(non_snake_case, reason = "the names are COCO's")]
#[allow(missing_docs, reason = "the names are COCO's: see the official table of metrics")]
pub struct Stats {
    pub AP: f64,
    pub AP50: f64,
    pub AP75: f64,
    pub APs: f64,
    pub APm: f64,
    pub APl: f64,
    pub AR1: f64,
    pub AR10: f64,
    pub AR100: f64,
    pub ARs: f64,
    pub ARm: f64,
    pub ARl: f64,
}

/// A number for each range of area.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PerRange {
    /// Any area.
    pub all: u64,
    /// Up to 32 x 32 pixels.
    pub small: u64,
    /// From 32 x 32 to 96 x 96 pixels.
    pub medium: u64,
    /// From 96 x 96 pixels on.
    pub large: u64,
}

/// The numbers of one category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryAp {
    /// The category's name.
    pub name: String,
    /// The twelve numbers of this category alone.
    #[serde(flatten)]
    pub stats: Stats,
    /// AP at each threshold.
    #[serde(rename = "AP_per_iou")]
    pub ap_per_iou: Vec<f64>,
    /// The last recall at each threshold.
    pub recall_per_iou: Vec<f64>,
    /// The objects that count in each range of area.
    pub npos_per_area_range: PerRange,
    /// The 101 sampled precisions at IoU 0.5.
    pub precision_at_recall_iou50: Vec<f64>,
}

/// Mask AP over a set of images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstanceReport {
    /// The official script that gives these numbers.
    pub evaluator: &'static str,
    /// The twelve numbers.
    pub stats: Stats,
    /// The IoU thresholds.
    pub iou_thresholds: [f64; THRESHOLDS.len()],
    /// The categories that have an object that counts, by id.
    #[serde(serialize_with = "object")]
    pub per_category: Vec<(u32, CategoryAp)>,
    /// AP at each threshold, over all categories.
    #[serde(rename = "AP_per_iou_all_categories")]
    pub ap_per_iou: Vec<f64>,
    /// What the official script prints, line by line.
    pub printed: Vec<String>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
    /// The share of objects found at IoU 0.5 in each image, worst first.
    #[serde(skip)]
    pub worst: Vec<(ImageId, f64)>,
}

/// The curves of one category: each range at the largest limit, and the first range at each smaller one.
struct Category {
    ranges: [Option<Curves>; AREA_RANGES.len()],
    limits: [Option<Curves>; LIMITS.len() - 1],
    positives: [u64; AREA_RANGES.len()],
}

fn category(index: usize, images: &Images<ImageMatches>) -> Category {
    let mut positives = [0; AREA_RANGES.len()];
    let mut scored = Vec::new();
    for image in images.values() {
        let Ok(position) = image.categories.binary_search_by_key(&index, |entry| entry.category) else {
            continue;
        };
        let entry = &image.categories[position];
        for (total, count) in positives.iter_mut().zip(entry.positives) {
            *total += count;
        }
        scored.extend(entry.detections.iter().enumerate());
    }
    // Stable: equal scores keep the order of image ids and, within an image, of the file.
    scored.sort_by(|a, b| b.1.score.partial_cmp(&a.1.score).unwrap_or(std::cmp::Ordering::Equal));
    let curves = |range: usize, limit: usize| {
        let kept = scored.iter().filter(|(rank, _)| *rank < limit);
        let outcomes: Vec<Outcome> = kept.map(|(_, detection)| detection.outcomes[range]).collect();
        Curves::new(&outcomes, positives[range])
    };
    Category {
        ranges: std::array::from_fn(|range| curves(range, LIMITS[LIMITS.len() - 1])),
        limits: std::array::from_fn(|limit| curves(0, LIMITS[limit])),
        positives,
    }
}

/// The twelve numbers of some categories.
fn stats(categories: &[&Category]) -> Stats {
    let ap = |range: usize, thresholds: std::ops::Range<usize>| {
        let curves = categories.iter().filter_map(|category| category.ranges[range].as_ref());
        mean(curves.flat_map(|curves| curves.precision[thresholds.clone()].as_flattened()).copied())
            .unwrap_or(-1.0)
    };
    let recall = |pick: &dyn Fn(&Category) -> Option<&Curves>| {
        let curves = categories.iter().filter_map(|category| pick(category));
        mean(curves.flat_map(|curves| curves.recall)).unwrap_or(-1.0)
    };
    let all = 0..THRESHOLDS.len();
    Stats {
        AP: ap(0, all.clone()),
        AP50: ap(0, 0..1),
        AP75: ap(0, 5..6),
        APs: ap(1, all.clone()),
        APm: ap(2, all.clone()),
        APl: ap(3, all),
        AR1: recall(&|category| category.limits[0].as_ref()),
        AR10: recall(&|category| category.limits[1].as_ref()),
        AR100: recall(&|category| category.ranges[0].as_ref()),
        ARs: recall(&|category| category.ranges[1].as_ref()),
        ARm: recall(&|category| category.ranges[2].as_ref()),
        ARl: recall(&|category| category.ranges[3].as_ref()),
    }
}

/// AP at each threshold over some categories.
fn per_threshold(categories: &[&Category]) -> Vec<f64> {
    let at = |threshold: usize| {
        let curves = categories.iter().filter_map(|category| category.ranges[0].as_ref());
        mean(curves.flat_map(|curves| curves.precision[threshold])).unwrap_or(-1.0)
    };
    (0..THRESHOLDS.len()).map(at).collect()
}

pub(super) fn report(
    categories: &Categories,
    images: &Images<ImageMatches>,
    provenance: Provenance,
) -> InstanceReport {
    let found: Vec<(usize, Category)> =
        (0..categories.len()).map(|index| (index, category(index, images))).collect();
    let all: Vec<&Category> = found.iter().map(|(_, category)| category).collect();
    let per_category = found.iter().filter_map(|(index, category)| {
        let info = &categories.as_slice()[*index];
        let curves = category.ranges[0].as_ref()?;
        let [all, small, medium, large] = category.positives;
        let numbers = CategoryAp {
            name: info.name.clone(),
            stats: stats(&[category]),
            ap_per_iou: per_threshold(&[category]),
            recall_per_iou: curves.recall.to_vec(),
            npos_per_area_range: PerRange { all, small, medium, large },
            precision_at_recall_iou50: curves.precision[0][..RECALLS].to_vec(),
        };
        Some((info.id, numbers))
    });
    let mut worst: Vec<(ImageId, f64)> = images
        .iter()
        .filter_map(|(image, matches)| {
            let positives: u64 = matches.categories.iter().map(|entry| entry.positives[0]).sum();
            let hits = matches.categories.iter().flat_map(|entry| &entry.detections);
            let hits: u64 = hits.map(|detection| u64::from(detection.outcomes[0].tp & 1)).sum();
            (positives > 0).then(|| (image.clone(), hits as f64 / positives as f64))
        })
        .collect();
    worst.sort_by(|a, b| a.1.total_cmp(&b.1));
    let stats = stats(&all);
    InstanceReport {
        evaluator: "pycocotools COCOeval, iouType segm",
        stats,
        iou_thresholds: THRESHOLDS,
        per_category: per_category.collect(),
        ap_per_iou: per_threshold(&all),
        printed: lines(&stats),
        provenance,
        worst,
    }
}

/// The twelve lines of the official script.
fn lines(stats: &Stats) -> Vec<String> {
    let line = |(name, short, iou, area, limit, value): (&str, &str, &str, &str, usize, f64)| {
        format!(" {name:<18} ({short}) @[ IoU={iou:<9} | area={area:>6} | maxDets={limit:>3} ] = {value:.3}")
    };
    let (ap, ar, every) = ("Average Precision", "Average Recall", "0.50:0.95");
    [
        (ap, "AP", every, "all", 100, stats.AP),
        (ap, "AP", "0.50", "all", 100, stats.AP50),
        (ap, "AP", "0.75", "all", 100, stats.AP75),
        (ap, "AP", every, "small", 100, stats.APs),
        (ap, "AP", every, "medium", 100, stats.APm),
        (ap, "AP", every, "large", 100, stats.APl),
        (ar, "AR", every, "all", 1, stats.AR1),
        (ar, "AR", every, "all", 10, stats.AR10),
        (ar, "AR", every, "all", 100, stats.AR100),
        (ar, "AR", every, "small", 100, stats.ARs),
        (ar, "AR", every, "medium", 100, stats.ARm),
        (ar, "AR", every, "large", 100, stats.ARl),
    ]
    .map(line)
    .to_vec()
}

impl InstanceReport {
    /// What the official script prints.
    pub fn table(&self) -> String {
        self.printed.join("\n")
    }

    /// A page with a bar for each category and the images of which least was found.
    pub fn page(&self) -> Page {
        let mut page = Page::new("Mask AP", self.evaluator, &self.provenance);
        let s = &self.stats;
        for (name, value) in [
            ("AP", s.AP),
            ("AP50", s.AP50),
            ("AP75", s.AP75),
            ("AP small", s.APs),
            ("AP medium", s.APm),
            ("AP large", s.APl),
            ("AR100", s.AR100),
        ] {
            page.summary.push((name.to_owned(), shown((value >= 0.0).then_some(value))));
        }
        page.bars = self
            .per_category
            .iter()
            .map(|(_, category)| Bar {
                name: category.name.clone(),
                value: Some(category.stats.AP),
                note: format!(
                    "AP50 {:.3}, AR100 {:.3}, {} objects",
                    category.stats.AP50, category.stats.AR100, category.npos_per_area_range.all
                ),
            })
            .collect();
        page.worst_heading = "Worst images (share of objects found at IoU 0.5)";
        page.worst = self.worst.iter().map(|(image, share)| (image.to_string(), *share)).collect();
        page
    }
}

//! The numbers of [`super::Objects`] over a set.

use std::collections::BTreeMap;

use kmax_masks::Categories;
use serde::Serialize;

use super::{Found, ImageObjects, THRESHOLDS};
use crate::images::Images;
use crate::provenance::Provenance;
use crate::render::{Bar, Page, shown};
use crate::serialise::{mean, object};

/// What was found at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The IoU from which on two objects are one.
    pub iou: f64,
    /// `TP / (TP + FP + FN)` over all objects, 0..1; `None` without any.
    pub ap: Option<f64>,
    /// The counts.
    #[serde(flatten)]
    pub found: Found,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassObjects {
    /// Its name.
    pub name: String,
    /// At each threshold.
    pub thresholds: Vec<Line>,
}

/// All classes together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// At each threshold.
    pub thresholds: Vec<Line>,
    /// At each threshold, the mean of the AP of single images (Cellpose's), without those that have no object on either side.
    pub ap_of_images: Vec<Option<f64>>,
}

/// Objects found and missed over a set of images, at IoU 0.5 to 0.9.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObjectReport {
    /// Whose numbers they are.
    pub evaluator: &'static str,
    /// All things.
    #[serde(rename = "All")]
    pub all: Totals,
    /// Things that occur, by category id.
    #[serde(serialize_with = "object")]
    pub per_class: Vec<(u32, ClassObjects)>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
}

type Row = [Found; THRESHOLDS.len()];

fn lines(row: &Row) -> Vec<Line> {
    let line = |(iou, found): (f64, &Found)| Line { iou, ap: found.ap(), found: *found };
    THRESHOLDS.into_iter().zip(row).map(line).collect()
}

fn add(sum: &mut Row, row: &Row) {
    sum.iter_mut().zip(row).for_each(|(sum, found)| *sum += *found);
}

pub(super) fn report(categories: &Categories, images: &Images<ImageObjects>) -> ObjectReport {
    let mut classes = BTreeMap::<u32, Row>::new();
    let mut all = Row::default();
    let mut of_images = Vec::with_capacity(images.len());
    for image in images.values() {
        let mut whole = Row::default();
        for (class, row) in &image.0 {
            add(classes.entry(*class).or_default(), row);
            add(&mut whole, row);
        }
        add(&mut all, &whole);
        of_images.push(whole);
    }
    let ap_of_images =
        (0..THRESHOLDS.len()).map(|at| mean(of_images.iter().filter_map(|image| image[at].ap()))).collect();
    let class = |(id, row): (u32, Row)| {
        let name = categories.get(id).map_or_else(String::new, |category| category.name.clone());
        (id, ClassObjects { name, thresholds: lines(&row) })
    };
    ObjectReport {
        evaluator: "AP = TP / (TP + FP + FN) of objects, as StarDist and Cellpose",
        all: Totals { thresholds: lines(&all), ap_of_images },
        per_class: classes.into_iter().map(class).collect(),
        provenance: Provenance::new("StarDist, match at IoU >= threshold", &THRESHOLDS, images.len()),
    }
}

impl ObjectReport {
    /// AP in percent: a row for each class, all of them, and the mean over images.
    pub fn table(&self) -> String {
        let percent = |value: Option<f64>| value.map_or("  nan".into(), |ap| format!("{:5.1}", 100.0 * ap));
        let row = |name: &str, values: &mut dyn Iterator<Item = Option<f64>>| {
            let values: Vec<_> = values.map(percent).collect();
            format!("{name:14}| {}", values.join("  "))
        };
        let aps = |lines: &[Line]| lines.iter().map(|line| line.ap).collect::<Vec<_>>();
        let heading: Vec<_> = THRESHOLDS.iter().map(|iou| format!("{iou:5.2}")).collect();
        let mut table = vec![
            "Objects, AP = TP / (TP + FP + FN):".to_owned(),
            format!("{:14}| {}", "IoU", heading.join("  ")),
            "-".repeat(14 + 2 + 7 * THRESHOLDS.len() - 2),
        ];
        if self.per_class.len() > 1 {
            let classes = self.per_class.iter();
            table.extend(classes.map(|(_, class)| row(&class.name, &mut aps(&class.thresholds).into_iter())));
        }
        table.push(row("All", &mut aps(&self.all.thresholds).into_iter()));
        table.push(row("Mean of images", &mut self.all.ap_of_images.iter().copied()));
        let Found { tp, fp, fn_ } = self.all.thresholds[0].found;
        table.push(format!("At 0.5: {tp} found, {fn_} missed, {fp} invented"));
        table.join("\n")
    }

    /// A page with a bar for each class, at 0.5.
    pub fn page(&self) -> Page {
        let mut page = Page::new("Objects", self.evaluator, &self.provenance);
        let ap = |line: &Line| (format!("AP at {:.2}", line.iou), shown(line.ap));
        page.summary = self.all.thresholds.iter().map(ap).collect();
        let bar = |(_, class): &(u32, ClassObjects)| {
            let Line { ap, found: Found { tp, fp, fn_ }, .. } = class.thresholds[0];
            Bar { name: class.name.clone(), value: ap, note: format!("at 0.5: tp {tp}, fp {fp}, fn {fn_}") }
        };
        page.bars = self.per_class.iter().map(bar).collect();
        page
    }
}

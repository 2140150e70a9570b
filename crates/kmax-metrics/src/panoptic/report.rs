//! The numbers of panoptic quality over a set.

use kmax_masks::{Categories, ImageId};
use serde::Serialize;

use super::errors::ErrorReport;
use super::{Convention, Counts, ImageQuality};
use crate::images::Images;
use crate::provenance::Provenance;
use crate::render::{Bar, Confusion, Page, shown};
use crate::serialise::{mean, number, object};

/// Means over a group of classes; `None` where the group has no class that counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Mean panoptic quality, 0..1.
    pub pq: Option<f64>,
    /// Mean segmentation quality, 0..1.
    pub sq: Option<f64>,
    /// Mean recognition quality, 0..1.
    pub rq: Option<f64>,
    /// The number of classes with a true positive, a false positive or a false negative.
    pub n: usize,
}

/// Counts by category id.
pub type ClassCounts = Vec<(u32, Counts)>;

/// The numbers of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassQuality {
    /// The class's name.
    pub name: String,
    /// Whether it is a thing.
    #[serde(serialize_with = "number")]
    pub isthing: bool,
    /// Panoptic quality, 0..1; 0 also for a class that occurs nowhere (`tp`, `fp` and `fn_` are then 0), which the
    /// means of a [`Group`] leave out.
    pub pq: f64,
    /// Segmentation quality, 0..1; likewise.
    pub sq: f64,
    /// Recognition quality, 0..1; likewise.
    pub rq: f64,
    /// The sum of IoU over the matches.
    pub iou_sum: f64,
    /// Matches.
    pub tp: u64,
    /// False positives.
    pub fp: u64,
    /// False negatives.
    #[serde(rename = "fn")]
    pub fn_: u64,
}

/// Panoptic quality over a set of images. In JSON: the keys that panopticapi's numbers have in COCO's tools,
/// with every class and every image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PanopticReport {
    /// The official script that gives these numbers.
    pub evaluator: &'static str,
    /// All classes.
    #[serde(rename = "All")]
    pub all: Group,
    /// The things.
    #[serde(rename = "Things")]
    pub things: Group,
    /// The stuff.
    #[serde(rename = "Stuff")]
    pub stuff: Group,
    /// Every class by category id.
    #[serde(serialize_with = "object")]
    pub per_class: Vec<(u32, ClassQuality)>,
    /// The classes that each image has, by category id (left out for Cityscapes).
    #[serde(serialize_with = "images", skip_serializing_if = "Option::is_none")]
    pub per_image: Option<Vec<(ImageId, ClassCounts)>>,
    /// Errors by kind, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorReport>,
    /// What the official script prints, line by line.
    pub printed: Vec<String>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
    /// Which files were compared, for the table: the lines below `Ground truth:` and `Prediction:`.
    #[serde(skip)]
    pub files: Option<[Vec<String>; 2]>,
    /// The mean PQ of each image, worst first.
    #[serde(skip)]
    pub worst: Vec<(ImageId, f64)>,
    /// Pixels by class of the ground truth and of the prediction.
    #[serde(skip)]
    pub confusion: Vec<((u32, u32), u64)>,
}

type PerImage = Vec<(ImageId, Vec<(u32, Counts)>)>;

fn images<S: serde::Serializer>(list: &Option<PerImage>, serializer: S) -> Result<S::Ok, S::Error> {
    /// One image's classes as an object.
    struct Classes<'a>(&'a [(u32, Counts)]);
    impl Serialize for Classes<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            object(self.0, serializer)
        }
    }
    let entries = list.iter().flatten();
    serializer.collect_map(entries.map(|(image, classes)| (image.to_string(), Classes(classes))))
}

pub(super) fn report(
    categories: &Categories,
    convention: Convention,
    images: &Images<ImageQuality>,
    provenance: Provenance,
) -> PanopticReport {
    let mut totals = vec![Counts::default(); categories.len()];
    let mut confusion = std::collections::BTreeMap::<(u32, u32), u64>::new();
    for image in images.values() {
        for (&id, &counts) in &image.classes {
            if let Some(index) = categories.index_of(id) {
                totals[index] += counts;
            }
        }
        for (&classes, &pixels) in &image.confusion {
            *confusion.entry(classes).or_default() += pixels;
        }
    }
    let group = |wanted: &dyn Fn(bool) -> bool| {
        let counted = || {
            let pairs = categories.iter().zip(&totals);
            pairs.filter(|(category, counts)| wanted(category.isthing) && !counts.is_empty()).map(|(_, c)| c)
        };
        Group {
            pq: mean(counted().map(Counts::pq)),
            sq: mean(counted().map(Counts::sq)),
            rq: mean(counted().map(Counts::rq)),
            n: counted().count(),
        }
    };
    let per_class = categories.iter().zip(&totals).map(|(category, counts)| {
        let class = ClassQuality {
            name: category.name.clone(),
            isthing: category.isthing,
            pq: counts.pq(),
            sq: counts.sq(),
            rq: counts.rq(),
            iou_sum: counts.iou,
            tp: counts.tp,
            fp: counts.fp,
            fn_: counts.fn_,
        };
        (category.id, class)
    });
    let mut worst: Vec<_> =
        images.iter().filter_map(|(image, found)| Some((image.clone(), found.pq()?))).collect();
    worst.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut report = PanopticReport {
        evaluator: match convention {
            Convention::Coco => "panopticapi (official COCO panoptic evaluation)",
            Convention::Cityscapes => "cityscapesscripts evalPanopticSemanticLabeling",
        },
        all: group(&|_| true),
        things: group(&|isthing| isthing),
        stuff: group(&|isthing| !isthing),
        per_class: per_class.collect(),
        per_image: (convention == Convention::Coco).then(|| {
            let classes = |found: &ImageQuality| found.classes.iter().map(|(&id, &c)| (id, c)).collect();
            images.iter().map(|(image, found)| (image.clone(), classes(found))).collect()
        }),
        errors: None,
        printed: Vec::new(),
        provenance,
        files: None,
        worst,
        confusion: confusion.into_iter().collect(),
    };
    report.printed = report.lines(convention);
    report
}

impl PanopticReport {
    /// The lines of the official script, in percent.
    fn lines(&self, convention: Convention) -> Vec<String> {
        let heading = ["Evaluation panoptic segmentation metrics:", "Ground truth:", "Prediction:"];
        let mut lines: Vec<String> = heading.map(str::to_owned).to_vec();
        let percent = |value: f64| format!("{:5.1}", 100.0 * value);
        let width = match convention {
            Convention::Coco => {
                lines.push(format!("{:10}| {:>5}  {:>5}  {:>5} {:>5}", "", "PQ", "SQ", "RQ", "N"));
                lines.push("-".repeat(38));
                10
            }
            Convention::Cityscapes => {
                lines.push(format!("{:14}| {:>5}  {:>5}  {:>5}", "Category", "PQ", "SQ", "RQ"));
                lines.extend(self.per_class.iter().map(|(_, class)| {
                    let [pq, sq, rq] = [class.pq, class.sq, class.rq].map(percent);
                    format!("{:14}| {pq}  {sq}  {rq}", class.name)
                }));
                lines.push("-".repeat(41));
                lines.push(format!("{:14}| {:>5}  {:>5}  {:>5} {:>5}", "", "PQ", "SQ", "RQ", "N"));
                14
            }
        };
        for (name, group) in [("All", self.all), ("Things", self.things), ("Stuff", self.stuff)] {
            let [pq, sq, rq] =
                [group.pq, group.sq, group.rq].map(|value| value.map_or_else(|| "  nan".to_owned(), percent));
            lines.push(format!("{name:width$}| {pq}  {sq}  {rq} {:5}", group.n));
        }
        lines
    }

    /// What the official script prints. Where no files are known, nothing is said of them.
    pub fn table(&self) -> String {
        let mut lines = Vec::with_capacity(self.printed.len());
        for line in &self.printed {
            let side = ["Ground truth:", "Prediction:"].iter().position(|heading| line == heading);
            match (side, &self.files) {
                (Some(_), None) => {}
                (Some(side), Some(files)) => {
                    lines.push(line.clone());
                    lines.extend(files[side].iter().map(|file| format!("\t{file}")));
                }
                (None, _) => lines.push(line.clone()),
            }
        }
        lines.join("\n")
    }

    /// A page with the errors by kind where they are known, the worst images, a bar for each class that counts and the confusion of
    /// pixels.
    pub fn page(&self) -> Page {
        let mut page = Page::new("Panoptic quality", self.evaluator, &self.provenance);
        for (name, group) in [("All", self.all), ("Things", self.things), ("Stuff", self.stuff)] {
            page.summary.push((format!("{name}: PQ"), shown(group.pq)));
            page.summary
                .push((format!("{name}: SQ / RQ"), format!("{} / {}", shown(group.sq), shown(group.rq))));
        }
        let counted = self.per_class.iter().filter(|(_, class)| class.tp + class.fp + class.fn_ > 0);
        page.bars = counted
            .map(|(_, class)| Bar {
                name: class.name.clone(),
                value: Some(class.pq),
                note: format!(
                    "SQ {:.3}, RQ {:.3}, tp {}, fp {}, fn {}",
                    class.sq, class.rq, class.tp, class.fp, class.fn_
                ),
            })
            .collect();
        page.errors = self.errors.as_ref().map(ErrorReport::table);
        page.worst = self.worst.iter().map(|(image, pq)| (image.to_string(), *pq)).collect();
        let names = self.per_class.iter().map(|(id, class)| (*id, class.name.clone())).collect();
        page.confusion = Some(Confusion::new(names, &self.confusion));
        page
    }
}

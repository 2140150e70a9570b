//! `kmax eval` of files against files.

use std::path::{Path, PathBuf};

use kmax_datasets::evaluate::{self, PanopticFiles};
use kmax_masks::{Categories, Category};
use kmax_metrics::panoptic::Convention;
use kmax_report::evaluation::FilePairs;

use super::{Bar, Show, with_worst_images};
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::things::ThingsArgument;

/// A json with its PNGs against another.
#[derive(clap::Args)]
struct Jsons {
    /// Ground truth in COCO's panoptic form
    #[arg(long, value_name = "JSON")]
    gt: PathBuf,
    /// Prediction in COCO's panoptic form; `annotations` is enough
    #[arg(long, value_name = "JSON")]
    pred: PathBuf,
    /// The ground truth's PNGs (default: named like the json without its ending)
    #[arg(long, value_name = "DIR")]
    gt_folder: Option<PathBuf>,
    /// The prediction's PNGs (default: named like the json without its ending)
    #[arg(long, value_name = "DIR")]
    pred_folder: Option<PathBuf>,
    #[command(flatten)]
    things: ThingsArgument,
}

impl Jsons {
    fn files(&self) -> PanopticFiles {
        let mut files = PanopticFiles::new(&self.gt, &self.pred);
        files.things = self.things.get();
        if let Some(folder) = &self.gt_folder {
            files.truth_folder.clone_from(folder);
        }
        if let Some(folder) = &self.pred_folder {
            files.prediction_folder.clone_from(folder);
        }
        files
    }
}

/// Panoptic quality of a json with its PNGs against another.
#[derive(clap::Args)]
pub struct Panoptic {
    #[command(flatten)]
    jsons: Jsons,
    /// The photos, for the page (default: the usual places beside the ground truth)
    #[arg(long, value_name = "DIR", requires = "html")]
    photos: Option<PathBuf>,
    #[command(flatten)]
    show: Show,
}

impl Panoptic {
    pub fn run(&self) -> Outcome {
        self.show.check()?;
        let files = self.jsons.files();
        if self.show.html.is_none() {
            return self.show.show(&evaluate::panoptic(&files, Convention::Coco, &Bar::new())?);
        }
        let report = evaluate::panoptic_with_errors(&files, Convention::Coco, &Bar::new())?;
        self.show.show_with(&report, || {
            let pairs = FilePairs::open(&files, self.photos.as_deref())?;
            Ok(vec![with_worst_images(&report, &pairs)?])
        })
    }
}

/// Things of a json with its PNGs against another's, at IoU 0.5 to 0.9.
///
/// AP is TP / (TP + FP + FN), without scores: another number than COCO's AP, which `kmax eval instances` gives.
#[derive(clap::Args)]
pub struct Objects {
    #[command(flatten)]
    jsons: Jsons,
    #[command(flatten)]
    show: Show,
}

impl Objects {
    pub fn run(&self) -> Outcome {
        self.show.check()?;
        self.show.show(&evaluate::objects(&self.jsons.files(), &Bar::new())?)
    }
}

/// Mask AP of detections against instance annotations.
#[derive(clap::Args)]
pub struct Instances {
    /// COCO's instance annotations
    #[arg(long, value_name = "JSON")]
    gt: PathBuf,
    /// Detections: `coco_instances_results.json`
    #[arg(long, value_name = "JSON")]
    pred: PathBuf,
    #[command(flatten)]
    show: Show,
}

impl Instances {
    pub fn run(&self) -> Outcome {
        self.show.check()?;
        let report = evaluate::instances(&self.gt, &self.pred, &Bar::new())?;
        self.show.show(&report)
    }
}

/// mIoU of a folder of class maps against another.
#[derive(clap::Args)]
pub struct Semantic {
    /// PNGs that hold the class of each pixel, from 0
    #[arg(long, value_name = "DIR")]
    gt: PathBuf,
    /// PNGs of the same names
    #[arg(long, value_name = "DIR")]
    pred: PathBuf,
    /// The number of classes (150 are named after ADE20K, 19 after Cityscapes)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    classes: u32,
    /// The label of the ground truth that does not count
    #[arg(long, value_name = "LABEL", default_value_t = 255)]
    ignore: u32,
    /// Names: a json with `categories`, in the order of the labels
    #[arg(long, value_name = "JSON")]
    names: Option<PathBuf>,
    #[command(flatten)]
    show: Show,
}

impl Semantic {
    pub fn run(&self) -> Outcome {
        self.show.check()?;
        let categories = self.categories()?;
        let report = evaluate::semantic(&self.gt, &self.pred, categories, self.ignore, &Bar::new());
        self.show.show(&report?)
    }

    fn categories(&self) -> Outcome<Categories> {
        let classes = self.classes as usize;
        if let Some(file) = &self.names {
            let categories = kmax_datasets::read_categories(file)?;
            if categories.len() != classes {
                let found = categories.len();
                let message = format!("{}: {found} categories, but --classes {classes}", file.display());
                return Err(Failure::new(Code::Input, message));
            }
            return Ok(categories);
        }
        let known = [Categories::ade20k(), Categories::cityscapes()];
        if let Some(categories) = known.into_iter().find(|categories| categories.len() == classes) {
            return Ok(categories);
        }
        let numbered = |id: u32| Category {
            id,
            name: id.to_string(),
            isthing: false,
            color: kmax_masks::colors::palette(id as usize),
            supercategory: None,
        };
        Categories::new((0..self.classes).map(numbered).collect()).or_exit(Code::Failed)
    }
}

/// Cityscapes' evaluations of a folder of results.
#[derive(clap::Args)]
pub struct Cityscapes {
    /// The dataset: holds `gtFine`, or is it
    #[arg(long, value_name = "DIR")]
    gt: PathBuf,
    /// The results: `instance/*_pred.txt`, `semantic/*.png`, `cityscapes_panoptic_SPLIT_trainId.json` with its folder;
    /// what is there is evaluated
    #[arg(long, value_name = "DIR")]
    pred: PathBuf,
    /// The split
    #[arg(long, default_value = "val")]
    split: String,
    #[command(flatten)]
    show: Show,
}

impl Cityscapes {
    pub fn run(&self) -> Outcome {
        let split = Path::new(&self.split);
        if split.components().count() != 1 || split.file_name().is_none() {
            return Err(Failure::new(Code::Usage, format!("--split {}: expected a name", self.split)));
        }
        self.show.check()?;
        let dataset = kmax_datasets::cityscapes::Cityscapes::open(&self.gt, &self.split)?;
        if self.show.html.is_none() {
            return self.show.show(&evaluate::cityscapes(&dataset, &self.pred, &Bar::new())?);
        }
        let report = evaluate::cityscapes_with_errors(&dataset, &self.pred, &Bar::new())?;
        self.show.show_with(&report, || {
            let Some(panoptic) = &report.panoptic else { return Ok(Vec::new()) };
            let predictions = evaluate::cityscapes_predictions(&dataset, &self.pred)?;
            let pairs = FilePairs::new(dataset.as_panoptic()?, predictions);
            Ok(vec![with_worst_images(panoptic, &pairs)?])
        })
    }
}

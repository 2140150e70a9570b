//! A model over a benchmark, from its images to numbers.

use crate::benchmark::Benchmark;
use crate::error::{Error, Result};
use crate::predict::{INSTANCES, Predicting};
use crate::report::Report;
use kmax_base::beside::Beside;
use kmax_base::{Progress, Shard};
use kmax_datasets::cityscapes::Cityscapes;
use kmax_datasets::coco::CocoPredictions;
use kmax_datasets::evaluate::{self, PanopticFiles};
use kmax_metrics::panoptic::Convention;
use kmax_model::Segmenter;
use std::path::{Path, PathBuf};

/// A measurement to be made.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    segmenter: &'a Segmenter,
    benchmark: &'a Benchmark,
    digest: String,
    predictions: Option<PathBuf>,
    with_errors: bool,
    with_objects: bool,
}

/// A report, and the files that it is about for as long as the value lives.
#[derive(Debug)]
pub struct Measured {
    /// The numbers.
    pub report: Report,
    /// The predictions in COCO's panoptic form.
    pub predictions: CocoPredictions,
    _folder: Option<Beside>,
}

impl<'a> Run<'a> {
    /// Of that model on that benchmark.
    pub fn new(segmenter: &'a Segmenter, benchmark: &'a Benchmark) -> Self {
        Self {
            segmenter,
            benchmark,
            digest: "unnamed".into(),
            predictions: None,
            with_errors: false,
            with_objects: false,
        }
    }

    /// Says which model it is, as [`Model::digest`](kmax_model::Model::digest) gives it: kept predictions of another one are not taken for its own, and
    /// the report carries it.
    #[must_use]
    pub fn of_model(self, digest: impl Into<String>) -> Self {
        Self { digest: digest.into(), ..self }
    }

    /// Keeps the predictions in a folder, in the forms that the official scripts take. If it holds some of this model on
    /// this benchmark already, the run goes on from there.
    #[must_use]
    pub fn keeping(self, folder: impl Into<PathBuf>) -> Self {
        Self { predictions: Some(folder.into()), ..self }
    }

    /// Panoptic quality has its errors by kind ([`kmax_metrics::panoptic::errors`]).
    #[must_use]
    pub fn with_errors(self) -> Self {
        Self { with_errors: true, ..self }
    }

    /// Objects are counted by IoU too ([`kmax_metrics::objects`]); Cityscapes' own numbers have nothing of the kind, and stay alone.
    #[must_use]
    pub fn with_objects(self) -> Self {
        Self { with_objects: true, ..self }
    }

    /// Predicts, compares, reports.
    ///
    /// # Errors
    /// If the classes differ, an image cannot be read, or a prediction cannot be written; or [`Error::Cancelled`].
    pub fn evaluate(&self, progress: &dyn Progress) -> Result<Report> {
        Ok(self.measure(progress)?.report)
    }

    /// As [`Self::evaluate`], for those who look at the predictions as well.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn measure(&self, progress: &dyn Progress) -> Result<Measured> {
        self.benchmark.check_classes(&self.segmenter.config().categories)?;
        let (out, folder) = match &self.predictions {
            Some(out) => (out.clone(), None),
            // Without a place to keep them, predictions last as long as the result.
            None => {
                let place = std::env::temp_dir();
                let folder = Beside::folder_in(&place).map_err(Error::writing(&place))?;
                (folder.path().to_path_buf(), Some(folder))
            }
        };
        let out = out.as_path();
        std::fs::create_dir_all(out).map_err(Error::writing(out))?;
        let files = self.predicting(out).all(progress)?;
        let mut report = self.compare(&files, out, progress)?;
        report.sign(&self.digest, self.segmenter.computed().as_deref());
        let predictions = CocoPredictions::open(&files.prediction, &files.prediction_folder)?;
        Ok(Measured { report, predictions, _folder: folder })
    }

    /// Predicts one part of the images and keeps them, for [`Self::measure`] of all, which takes what the parts have done. Gives how
    /// many images the part has.
    ///
    /// # Errors
    /// [`Error::NowhereToKeep`] without [`Self::keeping`]; else as [`Self::evaluate`].
    pub fn predict_shard(&self, shard: Shard, progress: &dyn Progress) -> Result<usize> {
        self.benchmark.check_classes(&self.segmenter.config().categories)?;
        let out = self.predictions.as_deref().ok_or(Error::NowhereToKeep)?;
        std::fs::create_dir_all(out).map_err(Error::writing(out))?;
        self.predicting(out).shard(shard, progress)
    }

    fn predicting<'b>(&'b self, out: &'b Path) -> Predicting<'b> {
        Predicting { segmenter: self.segmenter, benchmark: self.benchmark, out, digest: &self.digest }
    }

    fn compare(&self, files: &PanopticFiles, out: &Path, progress: &dyn Progress) -> Result<Report> {
        let (root, split) = (self.benchmark.root(), self.benchmark.split());
        if self.benchmark.is_cityscapes() {
            let dataset = Cityscapes::open(root, split)?;
            let measure =
                if self.with_errors { evaluate::cityscapes_with_errors } else { evaluate::cityscapes };
            let cityscapes = Some(measure(&dataset, out, progress)?);
            return Ok(Report { cityscapes, ..Report::default() });
        }
        let measure = if self.with_errors { evaluate::panoptic_with_errors } else { evaluate::panoptic };
        let panoptic = Some(measure(files, Convention::Coco, progress)?);
        let objects = match self.with_objects {
            true => Some(evaluate::objects(files, progress)?),
            false => None,
        };
        // Mask AP needs the masks of single objects, which panoptic annotations do not have where they overlap.
        let name = format!("instances_{split}.json");
        let truth = [root.join("annotations").join(&name), root.join(&name)];
        let instances = match truth.iter().find(|file| file.is_file()) {
            Some(truth) => Some(evaluate::instances(truth, &out.join(INSTANCES), progress)?),
            None => None,
        };
        Ok(Report { panoptic, objects, instances, ..Report::default() })
    }
}

//! A model over a benchmark, from its images to numbers.

use crate::benchmark::Benchmark;
use crate::error::{Error, Result};
use crate::predict::{INSTANCES, predict};
use crate::report::Report;
use kmax_base::Progress;
use kmax_datasets::cityscapes::Cityscapes;
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
}

impl<'a> Run<'a> {
    /// Of that model on that benchmark.
    pub fn new(segmenter: &'a Segmenter, benchmark: &'a Benchmark) -> Self {
        Self { segmenter, benchmark, digest: "unnamed".into(), predictions: None }
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

    /// Predicts, compares, reports.
    ///
    /// # Errors
    /// If the classes differ, an image cannot be read, or a prediction cannot be written; or [`Error::Cancelled`].
    pub fn evaluate(&self, progress: &dyn Progress) -> Result<Report> {
        self.benchmark.check_classes(&self.segmenter.config().categories)?;
        // Without a place to keep them, predictions last as long as the call.
        let temporary = tempfile::tempdir().map_err(Error::writing(Path::new("a temporary folder")))?;
        let out = self.predictions.as_deref().unwrap_or(temporary.path());
        std::fs::create_dir_all(out).map_err(Error::writing(out))?;
        let files = predict(self.segmenter, self.benchmark, out, &self.digest, progress)?;
        let mut report = self.compare(&files, out, progress)?;
        report.sign(&self.digest);
        Ok(report)
    }

    fn compare(&self, files: &PanopticFiles, out: &Path, progress: &dyn Progress) -> Result<Report> {
        let (root, split) = (self.benchmark.root(), self.benchmark.split());
        if self.benchmark.is_cityscapes() {
            let dataset = Cityscapes::open(root, split)?;
            let cityscapes = Some(evaluate::cityscapes(&dataset, out, progress)?);
            return Ok(Report { cityscapes, ..Report::default() });
        }
        let panoptic = Some(evaluate::panoptic(files, Convention::Coco, progress)?);
        // Mask AP needs the masks of single objects, which panoptic annotations do not have where they overlap.
        let name = format!("instances_{split}.json");
        let truth = [root.join("annotations").join(&name), root.join(&name)];
        let instances = match truth.iter().find(|file| file.is_file()) {
            Some(truth) => Some(evaluate::instances(truth, &out.join(INSTANCES), progress)?),
            None => None,
        };
        Ok(Report { panoptic, instances, ..Report::default() })
    }
}

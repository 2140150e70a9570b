//! Panoptic quality of a folder against a folder.

use std::path::{Path, PathBuf};

use kmax_base::Progress;
use kmax_metrics::PanopticQuality;
use kmax_metrics::panoptic::{Convention, PanopticReport};

use super::{DatasetDigest, digest, file_name, read};
use crate::coco::{CocoPanoptic, CocoPredictions};
use crate::each::each;
use crate::error::{Error, Result};

/// Ground truth and prediction: two json files in COCO's panoptic form, each with a folder of PNGs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanopticFiles {
    /// The ground truth.
    pub truth: PathBuf,
    /// Its PNGs.
    pub truth_folder: PathBuf,
    /// The prediction.
    pub prediction: PathBuf,
    /// Its PNGs.
    pub prediction_folder: PathBuf,
}

impl PanopticFiles {
    /// Two json files whose folders have their names without the ending.
    pub fn new(truth: impl Into<PathBuf>, prediction: impl Into<PathBuf>) -> Self {
        let (truth, prediction) = (truth.into(), prediction.into());
        let folder = |json: &Path| json.with_extension("");
        let (truth_folder, prediction_folder) = (folder(&truth), folder(&prediction));
        Self { truth, truth_folder, prediction, prediction_folder }
    }
}

/// Panoptic quality, as panopticapi reads the files: every annotated image must have a prediction, and predictions of
/// other images are left alone.
///
/// # Errors
/// If a file is missing, damaged or of the wrong size, or an entry is not possible; the message names both.
pub fn panoptic(
    files: &PanopticFiles,
    convention: Convention,
    progress: &dyn Progress,
) -> Result<PanopticReport> {
    let (bytes, json_digest) = read(&files.truth)?;
    // Images are not looked at, so their folder does not matter.
    let truth = CocoPanoptic::from_bytes(&bytes, &files.truth, &files.truth_folder, &files.truth_folder)?;
    let predictions = CocoPredictions::open(&files.prediction, &files.prediction_folder)?;
    let mut quality = PanopticQuality::new(truth.categories().clone()).with_convention(convention);
    let mut dataset = DatasetDigest::default();
    dataset.add(file_name(&files.truth), json_digest);

    let images: Vec<_> = truth.entries().collect();
    let found = each(&images, progress, |index, (image, annotation)| {
        let (real, png_digest) = truth.truth_with(index, digest)?;
        let guess = predictions.panoptic(&image.id, truth.categories())?;
        let found = quality.compare(&real, &guess).map_err(|error| {
            let of_truth = matches!(error, kmax_metrics::Error::Segment { side: "ground truth", .. });
            let file = if of_truth { truth.png_path(index) } else { predictions.png_path(&image.id) };
            Error::metric(&file.unwrap_or_else(|| files.truth.clone()))(error.in_image(&image.id))
        })?;
        Ok((annotation.file_name.clone(), png_digest, found))
    })?;
    for ((image, _), (name, png_digest, found)) in images.into_iter().zip(found) {
        dataset.add(name, png_digest);
        quality.insert(image.id.clone(), found).map_err(Error::metric(&files.truth))?;
    }
    let mut report = quality.report();
    report.provenance.dataset_digest = Some(dataset.finish());
    Ok(report)
}

//! Objects found and missed, of a folder against a folder.

use kmax_base::Progress;
use kmax_metrics::Objects;
use kmax_metrics::objects::ObjectReport;

use super::digest;
use super::panoptic::{PanopticFiles, opened};
use crate::each::each;
use crate::error::{Error, Result};

/// `TP / (TP + FP + FN)` of things by IoU ([`Objects`]), over all annotated images of the ground truth, each of which must have a prediction.
///
/// # Errors
/// If a file is missing, damaged or of the wrong size, or an entry is not possible; the message names both.
pub fn objects(files: &PanopticFiles, progress: &dyn Progress) -> Result<ObjectReport> {
    let (truth, mut dataset, predictions) = opened(files)?;
    let mut metric = Objects::new(truth.categories().clone());
    let images: Vec<_> = truth.entries().collect();
    let found = each(&images, progress, |index, (image, annotation)| {
        let (real, png_digest) = truth.truth_with(index, digest)?;
        let guess = predictions.panoptic(&image.id, truth.categories())?;
        let found = metric.compare(&real, &guess).map_err(|error| {
            let file = predictions.png_path(&image.id).unwrap_or_else(|| files.truth.clone());
            Error::metric(&file)(error.in_image(&image.id))
        })?;
        Ok((annotation.file_name.clone(), png_digest, found))
    })?;
    for ((image, _), (name, png_digest, found)) in images.into_iter().zip(found) {
        dataset.add(name, png_digest);
        metric.insert(image.id.clone(), found).map_err(Error::metric(&files.truth))?;
    }
    let mut report = metric.report();
    report.provenance.dataset_digest = Some(dataset.finish());
    Ok(report)
}

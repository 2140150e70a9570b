//! mIoU of a folder of class maps against a folder.

use std::path::Path;

use kmax_base::Progress;
use kmax_masks::{Categories, codec};
use kmax_metrics::SemanticQuality;
use kmax_metrics::semantic::SemanticReport;

use super::{DatasetDigest, read};
use crate::each::each;
use crate::error::{Error, Result};
use crate::names::Folder;
use crate::{files, png};

/// Semantic segmentation of `prediction` against `truth`: folders of PNGs under the same names, folders within them
/// included, that hold the contiguous index of each pixel's class, or in the ground truth `ignored`. Files that the
/// ground truth does not have are left alone.
///
/// # Errors
/// If there is no PNG, one is missing, damaged or of another size, or a pixel holds a label that is not known; the
/// message names file and pixel.
pub fn semantic(
    truth: &Path,
    prediction: &Path,
    categories: Categories,
    ignored: u32,
    progress: &dyn Progress,
) -> Result<SemanticReport> {
    let names = files::below(truth, ".png")?;
    if names.is_empty() {
        return Err(Error::file(truth, "no PNG is here"));
    }
    let guesses = Folder::of(prediction, names.iter().map(String::as_str));
    let mut quality = SemanticQuality::new(categories, ignored);
    let found = each(&names, progress, |_, name| {
        let (truth, prediction) = (truth.join(name), guesses.file(name)?);
        let (bytes, digest) = read(&truth)?;
        let real = codec::decode_labels(&bytes).map_err(Error::masks(&truth))?;
        let found = quality.compare(&real, &png::read_labels(&prediction)?).map_err(|error| {
            let of_truth = matches!(error, kmax_metrics::Error::Label { side: "ground truth", .. });
            Error::metric(if of_truth { &truth } else { &prediction })(error)
        })?;
        Ok((digest, found))
    })?;
    let mut dataset = DatasetDigest::default();
    for (name, (digest, found)) in names.iter().zip(found) {
        dataset.add(name, digest);
        quality.insert(name.as_str().into(), found).map_err(Error::metric(truth))?;
    }
    let mut report = quality.report();
    report.provenance.dataset_digest = Some(dataset.finish());
    Ok(report)
}

//! Panoptic quality of a folder against a folder.

use std::path::{Path, PathBuf};

use kmax_base::Progress;
use kmax_metrics::panoptic::{Convention, PanopticReport};
use kmax_metrics::{PanopticErrors, PanopticQuality};

use super::doubts::{self, Doubt};
use super::{DatasetDigest, digest, file_name, read};
use crate::coco::{CocoPanoptic, CocoPredictions};
use crate::each::each;
use crate::error::{Error, Result};
use crate::things::Things;

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
    /// Which classes are things, where the ground truth does not say.
    pub things: Things,
}

impl PanopticFiles {
    /// Two json files whose folders have their names without the ending.
    pub fn new(truth: impl Into<PathBuf>, prediction: impl Into<PathBuf>) -> Self {
        let (truth, prediction) = (truth.into(), prediction.into());
        let folder = |json: &Path| json.with_extension("");
        let (truth_folder, prediction_folder) = (folder(&truth), folder(&prediction));
        Self { truth, truth_folder, prediction, prediction_folder, things: Things::default() }
    }
}

/// Panoptic quality, as panopticapi reads the files: every annotated image must have a prediction, and predictions of
/// other images are left alone. Numbers that contradict themselves are taken as they do, and are among the report's warnings.
///
/// # Errors
/// If a file is missing, damaged or of the wrong size, or an entry is not possible; the message names both.
pub fn panoptic(
    files: &PanopticFiles,
    convention: Convention,
    progress: &dyn Progress,
) -> Result<PanopticReport> {
    measure(files, convention, false, progress)
}

/// As [`panoptic`], and the report has its errors by kind ([`kmax_metrics::panoptic::errors`]). Each file is read once for both.
///
/// # Errors
/// As [`panoptic`].
pub fn panoptic_with_errors(
    files: &PanopticFiles,
    convention: Convention,
    progress: &dyn Progress,
) -> Result<PanopticReport> {
    measure(files, convention, true, progress)
}

/// Both sides, and a digest that has the json of the ground truth so far.
pub(super) fn opened(files: &PanopticFiles) -> Result<(CocoPanoptic, DatasetDigest, CocoPredictions)> {
    let (bytes, json_digest) = read(&files.truth)?;
    // Images are not looked at, so their folder does not matter.
    let folder = &files.truth_folder;
    let truth = CocoPanoptic::from_bytes(&bytes, &files.truth, folder, folder, &files.things)?;
    drop(bytes);
    let predictions = CocoPredictions::open(&files.prediction, &files.prediction_folder)?;
    let mut dataset = DatasetDigest::default();
    dataset.add(file_name(&files.truth), json_digest);
    Ok((truth, dataset, predictions))
}

fn measure(
    files: &PanopticFiles,
    convention: Convention,
    with_errors: bool,
    progress: &dyn Progress,
) -> Result<PanopticReport> {
    let (truth, mut dataset, predictions) = opened(files)?;
    let mut quality = PanopticQuality::new(truth.categories().clone()).with_convention(convention);
    let mut errors = with_errors.then(|| PanopticErrors::new(truth.categories().clone()));

    let images: Vec<_> = truth.entries().collect();
    let found = each(&images, progress, |index, (image, annotation)| {
        let (real, png_digest) = truth.truth_with(index, digest)?;
        let guess = predictions.panoptic(&image.id, truth.categories())?;
        let found = match &errors {
            Some(errors) => errors.compare(&real, &guess).map(|(found, flaws)| (found, Some(flaws))),
            None => quality.compare(&real, &guess).map(|found| (found, None)),
        };
        let (found, flaws) = found.map_err(|error| {
            let of_truth = matches!(error, kmax_metrics::Error::Segment { side: "ground truth", .. });
            let file = if of_truth { truth.png_path(index).ok() } else { predictions.png_path(&image.id) };
            Error::metric(&file.unwrap_or_else(|| files.truth.clone()))(error.in_image(&image.id))
        })?;
        let entry = format!("annotations[{index}] (image {})", image.id);
        let areas = doubts::areas(&entry, annotation, &real.map);
        let ratios = doubts::ratios(&format!("image {}", image.id), &found, truth.categories());
        let scores = predictions.entry(&image.id).map(|(position, annotation)| {
            doubts::scores(&format!("annotations[{position}] (image {})", image.id), annotation)
        });
        let found = (found, flaws);
        Ok((annotation.file_name.clone(), png_digest, found, [areas, ratios, scores.unwrap_or_default()]))
    })?;
    let mut odd: [Doubt; 3] = Default::default();
    for ((image, _), (name, png_digest, (found, flaws), doubts)) in images.into_iter().zip(found) {
        odd.iter_mut().zip(doubts).for_each(|(odd, doubt)| odd.join(doubt));
        dataset.add(name, png_digest);
        quality.insert(image.id.clone(), found).map_err(Error::metric(&files.truth))?;
        if let (Some(errors), Some(flaws)) = (&mut errors, flaws) {
            errors.insert(image.id.clone(), flaws).map_err(Error::metric(&files.truth))?;
        }
    }
    let mut report = quality.report();
    report.errors = errors.map(|errors| errors.report());
    report.provenance.dataset_digest = Some(dataset.finish());
    let [areas, ratios, scores] = odd;
    let truth = files.truth.display().to_string();
    let warnings = [
        ratios.warning(&truth),
        areas.warning(&truth),
        scores.warning(&files.prediction.display().to_string()),
    ];
    report.provenance.warnings = warnings.into_iter().flatten().collect();
    let shown = |json: &Path, folder: &Path| {
        vec![format!("Segmentation folder: {}", folder.display()), format!("JSON file: {}", json.display())]
    };
    report.files =
        Some([shown(&files.truth, &files.truth_folder), shown(&files.prediction, &files.prediction_folder)]);
    Ok(report)
}

//! Cityscapes' three evaluations.

use std::path::{Path, PathBuf};

use kmax_base::Progress;
use kmax_masks::codec;
use kmax_metrics::cityscapes::{CityscapesInstanceReport, CityscapesPixelReport, ImageMatcher};
use kmax_metrics::panoptic::{Convention, PanopticReport};
use kmax_metrics::{CityscapesInstances, CityscapesPixels};
use serde::Serialize;

use super::doubts::{self, Doubt};
use super::{DatasetDigest, PanopticFiles, file_name, panoptic, panoptic_with_errors, read};
use crate::cityscapes::{Cityscapes, CityscapesImage, find_result, read_instances};
use crate::coco::CocoPredictions;
use crate::each::each;
use crate::error::{Error, Result};
use crate::{files, png};

/// The levels of which there were results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CityscapesReport {
    /// AP of single objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<CityscapesInstanceReport>,
    /// IoU of classes and categories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<CityscapesPixelReport>,
    /// Panoptic quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panoptic: Option<PanopticReport>,
}

/// Evaluates the results in a folder, each level that is there: `instance/` with `_pred.txt` files, `semantic/` with
/// maps of regular ids, and a panoptic json named like that of the ground truth with its folder. `results` holds them,
/// or holds a folder `results` that does.
///
/// # Errors
/// If there are no results, or a file is missing, damaged or of the wrong size, or an entry is not possible.
pub fn cityscapes(truth: &Cityscapes, results: &Path, progress: &dyn Progress) -> Result<CityscapesReport> {
    measure(truth, results, false, progress)
}

/// As [`cityscapes`], and panoptic quality has its errors by kind.
///
/// # Errors
/// As [`cityscapes`].
pub fn cityscapes_with_errors(
    truth: &Cityscapes,
    results: &Path,
    progress: &dyn Progress,
) -> Result<CityscapesReport> {
    measure(truth, results, true, progress)
}

fn measure(
    truth: &Cityscapes,
    results: &Path,
    with_errors: bool,
    progress: &dyn Progress,
) -> Result<CityscapesReport> {
    let results = inner(results);
    let folder = |name: &str| Some(results.join(name)).filter(|folder| folder.is_dir());
    let panoptic_json = results.join(file_name(&truth.panoptic_json()));
    let report = CityscapesReport {
        instance: folder("instance").map(|folder| instance(truth, &folder, progress)).transpose()?,
        semantic: folder("semantic").map(|folder| semantic(truth, &folder, progress)).transpose()?,
        panoptic: panoptic_json
            .is_file()
            .then(|| {
                let files = PanopticFiles::new(truth.panoptic_json(), &panoptic_json);
                let measure = if with_errors { panoptic_with_errors } else { panoptic };
                measure(&files, Convention::Cityscapes, progress)
            })
            .transpose()?,
    };
    if report.instance.is_none() && report.semantic.is_none() && report.panoptic.is_none() {
        let name = file_name(&panoptic_json);
        return Err(Error::file(&results, format!("expected `instance/`, `semantic/` or {name} in it")));
    }
    Ok(report)
}

/// The panoptic predictions in a folder of results.
///
/// # Errors
/// If the json is missing or damaged.
pub fn cityscapes_predictions(truth: &Cityscapes, results: &Path) -> Result<CocoPredictions> {
    let json = inner(results).join(file_name(&truth.panoptic_json()));
    CocoPredictions::open(&json, json.with_extension(""))
}

/// The folder that holds the results: `results`, if there is one.
fn inner(folder: &Path) -> PathBuf {
    match folder.join("results") {
        inner if inner.is_dir() => inner,
        _ => folder.to_path_buf(),
    }
}

/// The map in a file of the ground truth, noted for the digest.
fn truth_map(file: &Path) -> Result<(kmax_masks::LabelMap, (String, super::FileDigest))> {
    let (bytes, digest) = read(file)?;
    let map = codec::decode_labels(&bytes).map_err(Error::masks(file))?;
    Ok((map, (file_name(file), digest)))
}

fn instance(truth: &Cityscapes, folder: &Path, progress: &dyn Progress) -> Result<CityscapesInstanceReport> {
    let names = files::below(folder, ".txt")?;
    let found = each(truth.images(), progress, |_, image| {
        let file = truth.instance_path(image);
        let (ids, noted) = truth_map(&file)?;
        let within = |error: kmax_metrics::Error| error.in_image(&image.id.as_str().into());
        let mut matcher = ImageMatcher::new(&ids).map_err(|error| Error::metric(&file)(within(error)))?;
        let mut odd = Doubt::default();
        for guess in read_instances(&folder.join(find_result(folder, &names, &image.id)?))? {
            doubts::score_of(guess.confidence, &mut odd, || {
                format!("image {}: {}", image.id, guess.mask.display())
            });
            let mask = png::read_labels(&guess.mask)?;
            matcher
                .predict(guess.class, guess.confidence, &mask)
                .map_err(|error| Error::metric(&guess.mask)(within(error)))?;
        }
        Ok((noted, (matcher.finish(), odd)))
    })?;
    let mut metric = CityscapesInstances::new();
    let mut scores = Doubt::default();
    let insert = |image, (found, odd)| {
        scores.join(odd);
        metric.insert(image, found)
    };
    let digest = gather(truth.images(), found, insert, folder)?;
    let mut report = metric.report();
    report.provenance.dataset_digest = Some(digest);
    report.provenance.warnings = scores.warning(&folder.display().to_string()).into_iter().collect();
    Ok(report)
}

fn semantic(truth: &Cityscapes, folder: &Path, progress: &dyn Progress) -> Result<CityscapesPixelReport> {
    let names = files::below(folder, ".png")?;
    let found = each(truth.images(), progress, |_, image| {
        let (labels, noted) = truth_map(&truth.label_path(image))?;
        let ids = truth.instance_ids(image)?;
        let file: PathBuf = folder.join(find_result(folder, &names, &image.id)?);
        let guess = png::read_labels(&file)?;
        let found = CityscapesPixels::compare(&labels, &ids, &guess).map_err(|error| {
            use kmax_metrics::Error::{Label, Segment};
            let of_truth = match &error {
                Label { side: "ground truth", .. } => truth.label_path(image),
                Segment { .. } => truth.instance_path(image),
                _ => file.clone(),
            };
            Error::metric(&of_truth)(error.in_image(&image.id.as_str().into()))
        })?;
        Ok((noted, found))
    })?;
    let mut metric = CityscapesPixels::new();
    let digest = gather(truth.images(), found, |image, found| metric.insert(image, found), folder)?;
    let mut report = metric.report();
    report.provenance.dataset_digest = Some(digest);
    Ok(report)
}

/// Puts what was found into a metric and gives the digest of the ground truth.
fn gather<T>(
    images: &[CityscapesImage],
    found: Vec<((String, super::FileDigest), T)>,
    mut insert: impl FnMut(kmax_metrics::ImageId, T) -> kmax_metrics::Result<()>,
    folder: &Path,
) -> Result<String> {
    let mut dataset = DatasetDigest::default();
    for (image, ((name, digest), found)) in images.iter().zip(found) {
        dataset.add(name, digest);
        insert(image.id.as_str().into(), found).map_err(Error::metric(folder))?;
    }
    Ok(dataset.finish())
}

//! Mask AP of a list of detections.

use std::path::Path;

use kmax_base::Progress;
use kmax_metrics::MaskAp;
use kmax_metrics::instance::InstanceReport;

use super::doubts::{self, Doubt};
use super::{DatasetDigest, file_name, read};
use crate::coco::{CocoDetections, CocoInstances};
use crate::each::each;
use crate::error::{Error, Result};

/// COCO's mask AP of `prediction` (`coco_instances_results.json`) against `truth` (instance annotations), over all
/// images of the ground truth. Numbers that contradict themselves are taken as they do, and are among the report's warnings.
///
/// # Errors
/// If a file is damaged or an entry is not possible; the message names both.
pub fn instances(truth: &Path, prediction: &Path, progress: &dyn Progress) -> Result<InstanceReport> {
    let (bytes, json_digest) = read(truth)?;
    let annotations = CocoInstances::from_bytes(truth, &bytes)?;
    drop(bytes);
    let detections = CocoDetections::open(prediction, &annotations)?;
    let mut metric = MaskAp::new(annotations.categories().clone());
    let found = each(annotations.images(), progress, |index, image| {
        let truths = annotations.truths(index)?;
        let mut areas = Doubt::default();
        for (truth, (position, entry)) in truths.iter().zip(annotations.annotations(index)) {
            let name = || format!("annotations[{position}] (id {})", entry.id);
            doubts::object_area(name, &entry.segmentation, truth, &mut areas);
        }
        let detections = detections.detections(index, image)?;
        let found = metric
            .compare(&truths, &detections)
            .map_err(|error| Error::metric(prediction)(error.in_image(&image.id)))?;
        Ok((found, areas))
    })?;
    let (mut areas, mut scores) = (Doubt::default(), Doubt::default());
    for (position, detection) in detections.entries().iter().enumerate() {
        doubts::score_of(detection.score, &mut scores, || format!("[{position}]"));
    }
    for (image, (found, odd)) in annotations.images().iter().zip(found) {
        areas.join(odd);
        metric.insert(image.id.clone(), found).map_err(Error::metric(truth))?;
    }
    let mut dataset = DatasetDigest::default();
    dataset.add(file_name(truth), json_digest);
    let mut report = metric.report();
    report.provenance.dataset_digest = Some(dataset.finish());
    let (truth, prediction) = (truth.display().to_string(), prediction.display().to_string());
    let ratios = doubts::stats(&report).warning(&truth);
    let warnings = [ratios, areas.warning(&truth), scores.warning(&prediction)];
    report.provenance.warnings = warnings.into_iter().flatten().collect();
    Ok(report)
}

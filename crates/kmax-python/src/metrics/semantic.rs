//! Mean intersection over union.

use super::{Id, Shared};
use crate::arrays;
use crate::failure::Failure;
use crate::segments;
use kmax_masks::ImageId;
use kmax_metrics::semantic::{SemanticClass, SemanticReport};
use pyo3::prelude::*;
use serde_json::{Map, json};

/// mIoU, fwIoU and accuracies over a set of images.
#[pyclass(frozen, module = "kmax_deeplab._native")]
pub struct SemanticQuality(Shared<kmax_metrics::SemanticQuality>);

#[pymethods]
impl SemanticQuality {
    #[new]
    fn new(categories: &str, ignored: u32) -> PyResult<Self> {
        let categories = segments::categories(categories)?;
        Ok(Self(Shared::new(kmax_metrics::SemanticQuality::new(categories, ignored))))
    }

    /// Adds an image: two maps of contiguous indices.
    fn add(
        &self,
        py: Python<'_>,
        image: Id,
        truth: &Bound<'_, PyAny>,
        prediction: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let image = ImageId::from(image);
        let (truth, prediction) = (arrays::map(truth, "target")?, arrays::map(prediction, "preds")?);
        Ok(py.detach(|| {
            let found = self.0.read().compare(&truth, &prediction);
            let found = found.map_err(|error| error.in_image(&image))?;
            Ok::<_, Failure>(self.0.write().insert(image, found)?)
        })?)
    }

    /// Adds the images of another.
    fn merge(&self, py: Python<'_>, other: &Self) -> PyResult<()> {
        Ok(py.detach(|| {
            let other = other.0.read().clone();
            let mut whole = self.0.write();
            *whole = whole.clone().merge(other)?;
            Ok::<_, Failure>(())
        })?)
    }

    /// The number of images.
    fn images(&self, py: Python<'_>) -> usize {
        py.detach(|| self.0.read().images())
    }

    /// The report as JSON, and as a table.
    fn report(&self, py: Python<'_>) -> PyResult<(String, String)> {
        Ok(py.detach(|| {
            let report = self.0.read().report();
            Ok::<_, Failure>((ratios(&report), report.table()))
        })?)
    }
}

/// The numbers as ratios, as all others are here: the report's own JSON has the percent of the official script.
pub fn ratios(report: &SemanticReport) -> String {
    let class = |(id, class): &(u32, SemanticClass)| {
        let SemanticClass { name, iou, acc, tp, gt, pred } = class;
        (id.to_string(), json!({"name": name, "iou": iou, "acc": acc, "tp": tp, "gt": gt, "pred": pred}))
    };
    json!({
        "evaluator": "detectron2 SemSegEvaluator",
        "miou": report.miou,
        "fwiou": report.fwiou,
        "macc": report.macc,
        "pacc": report.pacc,
        "per_class": report.per_class.iter().map(class).collect::<Map<_, _>>(),
        "provenance": report.provenance,
    })
    .to_string()
}

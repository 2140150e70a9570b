//! Panoptic quality.

use super::{Id, Shared, json};
use crate::arrays;
use crate::failure::{Failure, Outcome};
use crate::segments::{self, SegmentInfo};
use kmax_masks::{ImageId, LabelMap};
use pyo3::prelude::*;

/// Panoptic quality over a set of images.
#[pyclass(frozen, module = "kmax_deeplab._native")]
pub struct PanopticQuality(Shared<kmax_metrics::PanopticQuality>);

/// A map and its segments.
type Side<'py> = (Bound<'py, PyAny>, Vec<SegmentInfo>);

#[pymethods]
impl PanopticQuality {
    #[new]
    fn new(categories: &str) -> PyResult<Self> {
        Ok(Self(Shared::new(kmax_metrics::PanopticQuality::new(segments::categories(categories)?))))
    }

    /// Adds an image.
    fn add(&self, py: Python<'_>, image: Id, truth: Side<'_>, prediction: Side<'_>) -> PyResult<()> {
        let image = ImageId::from(image);
        let read = |(map, infos): Side<'_>, what: &str| Ok::<_, PyErr>((arrays::map(&map, what)?, infos));
        let (truth, prediction) = (read(truth, "target")?, read(prediction, "preds")?);
        Ok(py.detach(|| self.compared(image, truth, prediction))?)
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

    /// The report as JSON, and the table that the official script prints.
    fn report(&self, py: Python<'_>) -> PyResult<(String, String)> {
        Ok(py.detach(|| {
            let report = self.0.read().report();
            Ok::<_, Failure>((json(&report)?, report.table()))
        })?)
    }
}

impl PanopticQuality {
    fn compared(
        &self,
        image: ImageId,
        truth: (LabelMap, Vec<SegmentInfo>),
        prediction: (LabelMap, Vec<SegmentInfo>),
    ) -> Outcome {
        let truth = segments::panoptic(truth.0, truth.1)?;
        let prediction = segments::panoptic(prediction.0, prediction.1)?;
        let found = self.0.read().compare(&truth, &prediction);
        let found = found.map_err(|error| error.in_image(&image))?;
        Ok(self.0.write().insert(image, found)?)
    }
}

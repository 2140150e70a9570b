//! Mask AP.

use super::{Id, Shared, json};
use crate::failure::{Failure, Outcome};
use crate::rle::Mask;
use crate::segments;
use kmax_masks::ImageId;
use kmax_metrics::instance;
use pyo3::prelude::*;

/// Mask AP over a set of images.
#[pyclass(frozen, module = "kmax_deeplab._native")]
pub struct MaskAp(Shared<kmax_metrics::MaskAp>);

/// An annotation: id, category, mask, area (that of the mask if not said), whether it is a crowd.
type Truth = (i64, u32, Mask, Option<f64>, bool);
/// A detection: category, mask, score.
type Detection = (u32, Mask, f64);

#[pymethods]
impl MaskAp {
    #[new]
    fn new(categories: &str) -> PyResult<Self> {
        Ok(Self(Shared::new(kmax_metrics::MaskAp::new(segments::categories(categories)?))))
    }

    /// Adds an image.
    fn add(&self, py: Python<'_>, image: Id, truths: Vec<Truth>, detections: Vec<Detection>) -> PyResult<()> {
        Ok(py.detach(|| self.compared(image.into(), truths, detections))?)
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

    /// The report as JSON, and the lines that the official script prints.
    fn report(&self, py: Python<'_>) -> PyResult<(String, String)> {
        Ok(py.detach(|| {
            let report = self.0.read().report();
            Ok::<_, Failure>((json(&report)?, report.printed.join("\n")))
        })?)
    }
}

impl MaskAp {
    fn compared(&self, image: ImageId, truths: Vec<Truth>, detections: Vec<Detection>) -> Outcome {
        let truth = |(id, category_id, mask, area, iscrowd): Truth| {
            let mask = mask.rle()?;
            let area = area.unwrap_or(mask.area() as f64);
            Ok(instance::Truth { id, category_id, mask, area, iscrowd })
        };
        let detection = |(category_id, mask, score): Detection| {
            Ok(instance::Detection { category_id, mask: mask.rle()?, score })
        };
        let truths: Vec<_> = truths.into_iter().map(truth).collect::<Outcome<_>>()?;
        let detections: Vec<_> = detections.into_iter().map(detection).collect::<Outcome<_>>()?;
        let found = self.0.read().compare(&truths, &detections);
        let found = found.map_err(|error| error.in_image(&image))?;
        Ok(self.0.write().insert(image, found)?)
    }
}

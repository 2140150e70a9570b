//! Drawing results over images.

use crate::arrays;
use crate::failure::Failure;
use crate::segments::{self, SegmentInfo};
use kmax::render::Overlay;
use numpy::{PyArray3, PyReadonlyArray3};
use pyo3::prelude::*;

/// The segments of a map drawn over an image.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "Python names them")]
pub fn overlay<'py>(
    py: Python<'py>,
    image: PyReadonlyArray3<'py, u8>,
    map: &Bound<'py, PyAny>,
    segments: Vec<SegmentInfo>,
    categories: &str,
    opacity: Option<f32>,
    labels: bool,
    contours: bool,
) -> PyResult<Bound<'py, PyArray3<u8>>> {
    let (image, map) = (arrays::image(&image)?, arrays::map(map, "map")?);
    let categories = segments::categories(categories)?;
    let picture = py.detach(|| {
        let panoptic = segments::panoptic(map, segments)?;
        let mut overlay = Overlay::new(&categories).with_labels(labels).with_contours(contours);
        if let Some(opacity) = opacity {
            overlay = overlay.with_opacity(opacity);
        }
        overlay.draw(&image, &panoptic).map_err(Failure::from)
    })?;
    arrays::of_image(py, picture)
}

//! Datasets: their classes, and what is wrong with them.

use crate::failure::Failure;
use crate::work::work;
use kmax_datasets::{Dataset, Things, check as checks};
use pyo3::prelude::*;
use std::path::PathBuf;

/// The categories of a dataset of the paper, as JSON.
#[pyfunction]
pub fn categories(name: &str) -> PyResult<String> {
    let dataset: Dataset = name.parse().map_err(|error: kmax_masks::Error| Failure::argument(error))?;
    Ok(serde_json::to_string(&dataset.categories()).map_err(Failure::from)?)
}

/// Looks for what breaks training later; gives the findings as JSON.
#[pyfunction]
pub fn check(
    py: Python<'_>,
    path: PathBuf,
    photos: Option<PathBuf>,
    things: Option<Vec<String>>,
    tell: Option<Py<PyAny>>,
) -> PyResult<String> {
    let things = things.map(Things::named).unwrap_or_default();
    work(py, tell, |watch| {
        let report = checks::all(&path, photos.as_deref(), &things, watch)?;
        Ok(serde_json::to_string(&report)?)
    })
}

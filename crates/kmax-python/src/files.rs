//! The official numbers of files against files.

use crate::metrics::{json, ratios};
use crate::segments;
use crate::work::work;
use kmax_datasets::evaluate::{self, PanopticFiles};
use kmax_metrics::panoptic::Convention;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Panoptic quality: the report as JSON, and what panopticapi prints.
#[pyfunction]
pub fn evaluate_panoptic(
    py: Python<'_>,
    truth: PathBuf,
    prediction: PathBuf,
    truth_folder: Option<PathBuf>,
    prediction_folder: Option<PathBuf>,
    tell: Option<Py<PyAny>>,
) -> PyResult<(String, String)> {
    let mut files = PanopticFiles::new(truth, prediction);
    files.truth_folder = truth_folder.unwrap_or(files.truth_folder);
    files.prediction_folder = prediction_folder.unwrap_or(files.prediction_folder);
    work(py, tell, |watch| {
        let report = evaluate::panoptic(&files, Convention::Coco, watch)?;
        Ok((json(&report)?, report.table()))
    })
}

/// Mask AP: the report as JSON, and what pycocotools prints.
#[pyfunction]
pub fn evaluate_instances(
    py: Python<'_>,
    truth: PathBuf,
    prediction: PathBuf,
    tell: Option<Py<PyAny>>,
) -> PyResult<(String, String)> {
    work(py, tell, |watch| {
        let report = evaluate::instances(&truth, &prediction, watch)?;
        Ok((json(&report)?, report.printed.join("\n")))
    })
}

/// mIoU of two folders: the report as JSON, and as a table.
#[pyfunction]
pub fn evaluate_semantic(
    py: Python<'_>,
    truth: PathBuf,
    prediction: PathBuf,
    categories: &str,
    ignored: u32,
    tell: Option<Py<PyAny>>,
) -> PyResult<(String, String)> {
    let categories = segments::categories(categories)?;
    work(py, tell, |watch| {
        let report = evaluate::semantic(&truth, &prediction, categories, ignored, watch)?;
        Ok((ratios(&report), report.table()))
    })
}

//! Checkpoints of the reference implementations to model folders.

use crate::work::work;
use kmax::convert::{Conversion, WeightSet};
use pyo3::prelude::*;
use serde_json::json;
use std::path::PathBuf;

/// Converts; gives a summary as JSON.
#[pyfunction]
pub fn convert(
    py: Python<'_>,
    from: PathBuf,
    to: PathBuf,
    variant: Option<String>,
    half: bool,
    weights: &str,
) -> PyResult<String> {
    let weights: WeightSet = weights.parse().unwrap_or_else(|never| match never {});
    work(py, None, |_| {
        let conversion =
            Conversion { from: &from, to: &to, variant: variant.as_deref(), half, weights: &weights };
        let summary = conversion.run()?;
        Ok(json!({
            "variant": summary.variant,
            "alike": summary.alike,
            "reference": summary.reference.name(),
            "format": summary.format.to_string(),
            "chosen": summary.chosen.to_string(),
            "read": summary.read,
            "mapped": summary.mapped,
            "skipped": summary.skipped,
            "bytes": summary.bytes,
        })
        .to_string())
    })
}

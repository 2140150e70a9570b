//! Checkpoints of any format as arrays.

use crate::failure::{Failure, Outcome};
use crate::work::work;
use kmax::convert::WeightSet;
use kmax_base::{ErrorKind, Progress};
use kmax_checkpoints::{DType, Tensor};
use numpy::PyArray1;
use pyo3::prelude::*;
use std::path::PathBuf;

/// An open checkpoint.
#[pyclass(frozen, module = "kmax_deeplab._native")]
pub struct Checkpoint(kmax_checkpoints::Checkpoint);

/// A tensor: its type, its shape, and its bytes.
type Values<'py> = (String, Vec<usize>, Bound<'py, PyArray1<u8>>);

#[pymethods]
impl Checkpoint {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, weights: &str) -> PyResult<Self> {
        let asked: WeightSet = weights.parse().unwrap_or_else(|never| match never {});
        work(py, None, |_| Ok(Self(kmax_checkpoints::Checkpoint::open_set(&path, &asked)?)))
    }

    /// How it is stored.
    #[getter]
    fn format(&self) -> String {
        self.0.format().to_string()
    }

    /// The files that it consists of.
    #[getter]
    fn files(&self) -> Vec<PathBuf> {
        self.0.files()
    }

    /// What is no tensor, with why it is not read.
    #[getter]
    fn skipped(&self) -> Vec<(String, String)> {
        self.0.skipped().iter().map(|skipped| (skipped.name.clone(), skipped.reason.clone())).collect()
    }

    /// Where the weights lay, whether they are those asked for, other sets of weights, and what lay beside them.
    #[getter]
    fn wrapping(&self) -> (String, bool, Vec<String>, Vec<String>) {
        let wrapping = self.0.wrapping();
        (wrapping.path.clone(), wrapping.is_asked, wrapping.others.clone(), wrapping.beside.clone())
    }

    /// Names with types and shapes, by name.
    fn tensors(&self) -> Vec<(String, String, Vec<usize>)> {
        let row = |(name, info): (&str, &kmax_checkpoints::TensorInfo)| {
            (name.to_owned(), info.dtype.to_string(), info.shape.clone())
        };
        self.0.tensors().map(row).collect()
    }

    /// One tensor of numbers.
    fn read<'py>(&self, py: Python<'py>, name: String) -> PyResult<Values<'py>> {
        let (dtype, shape, bytes) = work(py, None, |_| owned(self.0.read(&name)?))?;
        Ok((dtype, shape, PyArray1::from_vec(py, bytes)))
    }

    /// The elements of a tensor of strings.
    fn read_strings(&self, py: Python<'_>, name: String) -> PyResult<Vec<Vec<u8>>> {
        work(py, None, |_| Ok(self.0.read_strings(&name)?))
    }

    /// Many tensors, in one go through an archive; in the order of the names.
    fn read_all<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Vec<(String, Values<'py>)>> {
        let mut found = work(py, tell, |watch| {
            let (mut found, whole) = (Vec::with_capacity(names.len()), names.len());
            self.0.visit(names.iter().map(String::as_str), |name, tensor| -> Outcome {
                if watch.cancelled() {
                    return Err(Failure::new(ErrorKind::Cancelled, "stopped"));
                }
                found.push((name.to_owned(), owned(tensor)?));
                watch.advance(found.len(), whole);
                Ok(())
            })?;
            Ok(found)
        })?;
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let array = |(name, (dtype, shape, bytes)): (String, (String, Vec<usize>, Vec<u8>))| {
            (name, (dtype, shape, PyArray1::from_vec(py, bytes)))
        };
        Ok(found.into_iter().map(array).collect())
    }
}

/// NumPy has no bfloat16: such a tensor becomes float32, which holds every one of its values.
fn owned(tensor: Tensor<'_>) -> Outcome<(String, Vec<usize>, Vec<u8>)> {
    let shape = tensor.shape.to_vec();
    if tensor.dtype == DType::BF16 {
        let values = tensor.to_f32().unwrap_or_default();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        return Ok((DType::F32.to_string(), shape, bytes));
    }
    Ok((tensor.dtype.to_string(), shape, tensor.bytes.into_owned()))
}

//! The whole program.

use pyo3::prelude::*;
use std::ffi::OsString;

/// Does what the words of a command line say, of which the first is the program's name; gives the exit code.
#[pyfunction]
pub fn run(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| kmax_cli::run(words))
}

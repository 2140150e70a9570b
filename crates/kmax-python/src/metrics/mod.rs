//! The accumulators of `kmax-metrics`: shared by threads, joined, and reported as JSON.

mod instances;
mod panoptic;
mod semantic;

pub use instances::MaskAp;
pub use panoptic::PanopticQuality;
pub use semantic::{SemanticQuality, ratios};

use crate::failure::{Failure, Outcome};
use kmax_masks::ImageId;
use pyo3::prelude::*;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// What a dataset calls an image.
#[derive(FromPyObject)]
pub enum Id {
    Number(i64),
    Text(String),
}

impl From<Id> for ImageId {
    fn from(id: Id) -> Self {
        match id {
            Id::Number(number) => number.into(),
            Id::Text(text) => text.into(),
        }
    }
}

/// An accumulator that many threads look at and one at a time adds to. Python's lock must not be held.
struct Shared<T>(RwLock<T>);

impl<T> Shared<T> {
    fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }

    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A report as JSON.
pub fn json(report: &impl serde::Serialize) -> Outcome<String> {
    serde_json::to_string(report).map_err(Failure::from)
}

//! What a caller may say about a dataset, and what opening one gives.

use std::path::PathBuf;
use std::sync::Arc;

use super::form::Form;
use crate::annotated::Annotated;
use crate::things::Things;

/// What a caller may say about a dataset.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The form, where the folder could be read in several.
    pub form: Option<Form>,
    /// The classes that are things; all others are stuff then.
    pub things: Things,
    /// A file of class names, for forms that have none: a name a line, or a json.
    pub classes: Option<PathBuf>,
    /// The folder of photos, where they are in none of the usual places.
    pub photos: Option<PathBuf>,
}

/// A part of a dataset.
#[derive(Clone, Debug)]
pub struct Split {
    /// `train`, `val` or `test`; `all` where the dataset has no parts.
    pub name: String,
    /// Its images.
    pub data: Arc<dyn Annotated>,
}

/// An opened dataset.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The form it was read in.
    pub form: Form,
    /// Its parts; `train` before `val` before `test`.
    pub splits: Vec<Split>,
    /// What was chosen or left out, a line each.
    pub notes: Vec<String>,
}

impl Opened {
    /// The part of this name.
    pub fn split(&self, name: &str) -> Option<&Arc<dyn Annotated>> {
        self.splits.iter().find(|split| split.name == name).map(|split| &split.data)
    }
}

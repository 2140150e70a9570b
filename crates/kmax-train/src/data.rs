//! The images of a run: what is learnt from, and what is measured on.

use crate::config::{DataConfig, SplitConfig};
use crate::error::{Error, Result};
use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::forms::{self, Form, Options, Parts};
use kmax_datasets::{Annotated, Things};
use kmax_masks::Category;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Both splits, of the same classes.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    pub train: Arc<dyn Annotated>,
    pub val: Arc<dyn Annotated>,
    /// What was chosen, a line each.
    pub notes: Vec<String>,
}

impl Data {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// If it is missing or damaged, a split is lacking, or the two have different classes.
    pub(crate) fn open(config: &DataConfig) -> Result<Self> {
        let things = config.things.clone().map(Things::named).unwrap_or_default();
        let Parts { train, val, notes } = match (&config.train, &config.path) {
            (Some(train), _) => {
                let train = split(train, &things)?;
                match &config.val {
                    Some(val) => Parts { train, val: split(val, &things)?, notes: Vec::new() },
                    None => Parts::with_held_out(&train, config.hold_out)?,
                }
            }
            (None, Some(path)) => of_path(path, config, things)?,
            (None, None) => return Err(Error::Setting("data needs `path`, or `train`".into())),
        };
        same_classes(&*train, &*val, config)?;
        for (name, split) in [("train", &train), ("validation", &val)] {
            if split.is_empty() {
                return Err(Error::Data {
                    file: place(config),
                    reason: format!("the {name} split has no image"),
                });
            }
        }
        Ok(Self { train, val, notes })
    }
}

fn of_path(path: &Path, config: &DataConfig, things: Things) -> Result<Parts> {
    let options = Options {
        form: config.form.as_deref().and_then(Form::named),
        things,
        classes: config.classes.clone(),
        photos: config.photos.clone(),
    };
    let opened = forms::open(path, &options)?;
    let (train, val) = (config.train_split.as_deref(), config.val_split.as_deref());
    let mut parts = opened.parts(path, train, val, config.hold_out)?;
    let what = format!(
        "{}: {} images to learn from and {} to measure on, in the form `{}`",
        path.display(),
        parts.train.len(),
        parts.val.len(),
        opened.form.name()
    );
    parts.notes.splice(0..0, std::iter::once(what).chain(opened.notes));
    Ok(parts)
}

fn split(config: &SplitConfig, things: &Things) -> Result<Arc<dyn Annotated>> {
    let opened = CocoPanoptic::open_with(&config.json, &config.images, &config.panoptic, things)?;
    // ADE20K lists segments of which no pixel is left; there is nothing to learn or to measure in them.
    Ok(Arc::new(opened.without_lost_segments()))
}

/// The place that an error about the data names.
fn place(config: &DataConfig) -> PathBuf {
    let of_splits = config.val.as_ref().or(config.train.as_ref()).map(|split| split.json.clone());
    config.path.clone().or(of_splits).unwrap_or_default()
}

/// Id, name, and whether it is a thing: what a class is to a run.
pub(crate) fn row(category: &Category) -> (u32, String, bool) {
    (category.id, category.name.clone(), category.isthing)
}

/// Both splits name the same classes.
fn same_classes(train: &dyn Annotated, val: &dyn Annotated, config: &DataConfig) -> Result<()> {
    let rows = |data: &dyn Annotated| {
        let mut rows: Vec<_> = data.categories().iter().map(row).collect();
        rows.sort_unstable();
        rows
    };
    let (known, found) = (rows(train), rows(val));
    if known == found {
        return Ok(());
    }
    let reason = match found.iter().find(|category| !known.contains(category)) {
        Some((id, name, isthing)) => {
            let kind = if *isthing { "thing" } else { "stuff" };
            format!("category {id} ({name}, {kind}) is not one of the training split's")
        }
        None => format!("has {} of the training split's {} categories", found.len(), known.len()),
    };
    Err(Error::Data { file: place(config), reason })
}

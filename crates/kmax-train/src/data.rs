//! The images of a run: what is learnt from, and what is measured on.

use crate::config::{DataConfig, SplitConfig};
use crate::error::{Error, Result};
use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::forms::{self, Form, Options, held_out};
use kmax_datasets::{Annotated, Things};
use kmax_masks::Category;
use std::path::PathBuf;
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
        let (train, val, mut notes) = match (&config.train, &config.path) {
            (Some(train), _) => {
                let val = config.val.as_ref().map(|val| split(val, &things)).transpose()?;
                (split(train, &things)?, val, Vec::new())
            }
            (None, Some(path)) => of_path(path, config, things)?,
            (None, None) => return Err(Error::Setting("data needs `path`, or `train`".into())),
        };
        let val = match val {
            // Ultralytics wants a validation split, so that tools name the only one twice.
            Some(val)
                if config.train.is_none() && config.val_split.is_none() && same_images(&*train, &*val)? =>
            {
                notes.push("the validation split has the images of the training split".into());
                None
            }
            val => val,
        };
        let (train, val) = match val {
            Some(val) => (train, val),
            None => {
                let (rest, aside) = held_out(&train, config.hold_out)?;
                notes.push(format!(
                    "no split to measure on: {} of {} images are set aside for it, the same in each run",
                    aside.len(),
                    train.len()
                ));
                (rest, aside)
            }
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

type Splits = (Arc<dyn Annotated>, Option<Arc<dyn Annotated>>, Vec<String>);

fn of_path(path: &std::path::Path, config: &DataConfig, things: Things) -> Result<Splits> {
    let options = Options {
        form: config.form.as_deref().and_then(Form::named),
        things,
        classes: config.classes.clone(),
        photos: config.photos.clone(),
    };
    let opened = forms::open(path, &options)?;
    let names: Vec<_> = opened.splits.iter().map(|split| split.name.clone()).collect();
    let named = |name: &str| -> Result<Arc<dyn Annotated>> {
        opened.split(name).cloned().ok_or_else(|| {
            let reason = format!("has no split {name:?}; there are {}", names.join(", "));
            Error::Data { file: path.into(), reason }
        })
    };
    let train = match (&config.train_split, &names[..]) {
        (Some(name), _) => named(name)?,
        (None, [only]) => named(only)?,
        (None, _) => named("train")?,
    };
    let val = match &config.val_split {
        Some(name) => Some(named(name)?),
        None if names.len() > 1 => ["val", "test"].into_iter().find_map(|name| opened.split(name).cloned()),
        None => None,
    };
    let mut notes =
        vec![format!("{}: {} images in the form `{}`", path.display(), train.len(), opened.form.name())];
    notes.extend(opened.notes);
    Ok((train, val, notes))
}

fn split(config: &SplitConfig, things: &Things) -> Result<Arc<dyn Annotated>> {
    let opened = CocoPanoptic::open_with(&config.json, &config.images, &config.panoptic, things)?;
    // ADE20K lists segments of which no pixel is left; there is nothing to learn or to measure in them.
    Ok(Arc::new(opened.without_lost_segments()))
}

fn same_images(train: &dyn Annotated, val: &dyn Annotated) -> Result<bool> {
    if train.len() != val.len() {
        return Ok(false);
    }
    for index in 0..train.len() {
        if train.image_path(index)? != val.image_path(index)? {
            return Ok(false);
        }
    }
    Ok(true)
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

//! Where images and labels come from.

use kmax_datasets::forms::Form;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The data: a folder or file in any form that annotation tools write (`path`), or splits in COCO's panoptic form
/// (`train`, `val`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// The dataset's folder, or its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Its form by name (`yolo`, `voc`, …), where the folder does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// The split of `path` that the network learns from; `train`, or the only one, if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_split: Option<String>,
    /// The split of `path` that it is measured on; `val`, else `test`, if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_split: Option<String>,
    /// The list of classes, for labels that do not name theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<PathBuf>,
    /// The folder of photos, where it is none of the usual places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photos: Option<PathBuf>,
    /// Instead of `path`: what the network learns from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<SplitConfig>,
    /// Beside `train`: what it is measured on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val: Option<SplitConfig>,
    /// Share of the images that is set aside to measure on where there is no such split; the same images in each run.
    pub hold_out: f64,
    /// Names or ids of the classes that are things, where the labels do not say; all others are stuff then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub things: Option<Vec<String>>,
    /// Threads that read and augment images.
    pub workers: usize,
    /// Share of the images below which a class is rare: images that have it are shown more often, by the square root of
    /// what it lacks. 0 shows all images equally often.
    pub repeat_threshold: f64,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            path: None,
            form: None,
            train_split: None,
            val_split: None,
            classes: None,
            photos: None,
            train: None,
            val: None,
            hold_out: kmax_datasets::forms::HELD_OUT,
            things: None,
            workers: 1,
            repeat_threshold: 0.0,
        }
    }
}

/// One split: a COCO panoptic json, the folder of its images and the folder of its PNGs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitConfig {
    /// The panoptic json.
    pub json: PathBuf,
    /// The folder of images.
    pub images: PathBuf,
    /// The folder of panoptic PNGs.
    pub panoptic: PathBuf,
}

impl DataConfig {
    /// Every path in it.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let splits = self.train.iter().chain(&self.val);
        let of_splits = splits.flat_map(|split| [&split.json, &split.images, &split.panoptic]);
        [&self.path, &self.classes, &self.photos].into_iter().flatten().chain(of_splits)
    }

    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let splits = self.train.iter_mut().chain(&mut self.val);
        let of_splits = splits.flat_map(|split| [&mut split.json, &mut split.images, &mut split.panoptic]);
        [&mut self.path, &mut self.classes, &mut self.photos].into_iter().flatten().chain(of_splits)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.path, &self.train) {
            (None, None) => return Err("data needs `path`, or `train`".into()),
            (Some(_), Some(_)) => {
                return Err("data has `path` and `train`: one of them says what is meant".into());
            }
            _ => {}
        }
        let of_path = [
            ("form", self.form.is_some()),
            ("train_split", self.train_split.is_some()),
            ("val_split", self.val_split.is_some()),
            ("classes", self.classes.is_some()),
            ("photos", self.photos.is_some()),
        ];
        if let Some((name, _)) = of_path.iter().find(|(_, given)| *given && self.path.is_none()) {
            return Err(format!("data.{name} goes with data.path only"));
        }
        if self.val.is_some() && self.train.is_none() {
            return Err("data.val goes with data.train; `val_split` names a split of `path`".into());
        }
        if let Some(name) = &self.form
            && Form::named(name).is_none()
        {
            let known = Form::ALL.map(Form::name).join(", ");
            return Err(format!("data.form: {name:?} is no form; there are {known}"));
        }
        if !(self.hold_out > 0.0 && self.hold_out < 1.0) {
            return Err(format!("data.hold_out must lie between 0 and 1, not {}", self.hold_out));
        }
        Ok(())
    }
}

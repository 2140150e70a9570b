//! What a model is measured on.

use crate::error::{Error, Result};
use kmax_base::Progress;
use kmax_base::beside::Beside;
use kmax_datasets::Things;
use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::convert::{Source, Target, convert};
use kmax_datasets::forms::Split;
use kmax_datasets::layout::{self, Layout};
use kmax_masks::{Categories, Dataset};
use std::path::{Path, PathBuf};

/// A split of a dataset.
#[derive(Debug)]
pub struct Benchmark {
    layout: Layout,
    root: PathBuf,
    split: String,
    images: CocoPanoptic,
    /// Labels that were written anew, for as long as they are needed.
    _labels: Option<Beside>,
}

impl Benchmark {
    /// Opens a split of the dataset in the folder `root`; none: the [usual](Layout::usual_split) one.
    ///
    /// # Errors
    /// If there is no such split, or its annotations are damaged.
    pub fn open(layout: Layout, root: &Path, split: Option<&str>) -> Result<Self> {
        Self::open_with(layout, root, split, &Things::default())
    }

    /// As [`Self::open`], of annotations that may not say which classes are things.
    ///
    /// # Errors
    /// As [`Self::open`]; also if `things` has a name of no class, or contradicts the annotations.
    pub fn open_with(layout: Layout, root: &Path, split: Option<&str>, things: &Things) -> Result<Self> {
        let split = split.unwrap_or(layout.usual_split()).to_string();
        let images = layout::open_with(layout, root, &split, things)?;
        Ok(Self { layout, root: root.into(), split, images, _labels: None })
    }

    /// A split of a dataset in any [form](kmax_datasets::forms), measured as panopticapi does. Labels that are in another form are
    /// written in COCO's panoptic one to a temporary folder, which goes with the value.
    ///
    /// # Errors
    /// If labels are damaged, or cannot be written.
    pub fn of(split: &Split, progress: &dyn Progress) -> Result<Self> {
        let (layout, name) = (Layout::Own, split.name.clone());
        if let Some(images) = split.data.as_coco_panoptic() {
            let root = images.json().parent().unwrap_or(Path::new("")).into();
            return Ok(Self { layout, root, split: name, images: images.clone(), _labels: None });
        }
        let place = std::env::temp_dir();
        let folder = Beside::folder_in(&place).map_err(Error::writing(&place))?;
        let json = folder.path().join("panoptic.json");
        let source = Source::of(split);
        convert(&source, Target::CocoPanoptic, &json, progress)?;
        let photos = source.photos_folder().unwrap_or(Path::new(""));
        let images = CocoPanoptic::open(&json, photos, json.with_extension(""))?;
        Ok(Self { layout, root: folder.path().into(), split: name, images, _labels: Some(folder) })
    }

    /// Whether it is measured as cityscapesScripts do, and not as panopticapi and pycocotools.
    pub(crate) fn is_cityscapes(&self) -> bool {
        self.layout == Layout::Benchmark(Dataset::Cityscapes)
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The split's name.
    pub fn split(&self) -> &str {
        &self.split
    }

    /// Its images and annotations.
    pub fn images(&self) -> &CocoPanoptic {
        &self.images
    }

    /// Checks that the class ids of a model mean here what they mean there.
    ///
    /// # Errors
    /// [`Error::Classes`] naming the class.
    pub fn check_classes(&self, model: &Categories) -> Result<()> {
        for class in model {
            let theirs = self.images.categories().get(class.id).map(|category| category.name.as_str());
            if theirs != Some(&class.name) {
                let theirs = theirs.unwrap_or("unknown");
                let reason = format!("the model's class {} ({}) is {theirs} here", class.id, class.name);
                return Err(Error::Classes { json: self.images.json().into(), reason });
            }
        }
        Ok(())
    }
}

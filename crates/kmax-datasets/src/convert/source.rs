//! Where annotations come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::codec::{self, TwoChannel};
use kmax_masks::{Categories, LabelMap, Panoptic};

use super::described;
use crate::annotated::Annotated;
use crate::cityscapes::Cityscapes;
use crate::coco::{CocoPanoptic, ImageEntry};
use crate::error::{Error, Result};
use crate::files;
use crate::forms::{ALL, Split};

/// Annotated images in one of the forms that are read.
#[derive(Clone, Debug)]
pub struct Source {
    form: Form,
    categories: Categories,
    split: String,
}

/// What a form that knows no splits is part of.
const SPLIT: &str = "train";

#[derive(Clone, Debug)]
enum Form {
    /// Any dataset, and the deepest folder that has all its photos.
    Annotated(Arc<dyn Annotated>, PathBuf),
    Panoptic(CocoPanoptic),
    Cityscapes(Cityscapes),
    Channels {
        folder: PathBuf,
        names: Vec<String>,
        three: bool,
    },
}

impl Source {
    fn new(form: Form, categories: Categories) -> Self {
        Self { form, categories, split: SPLIT.into() }
    }

    /// Any dataset. Images are called as the paths of their photos below the deepest folder that has all of them, and labels are
    /// read one by one.
    pub fn annotated(data: Arc<dyn Annotated>) -> Self {
        let categories = data.categories().clone();
        let root = common_folder(&*data);
        Self::new(Form::Annotated(data, root), categories)
    }

    /// A split of an opened dataset. It keeps its name in forms that have a folder for each; one that is all of a dataset has none
    /// to keep.
    pub fn of(split: &Split) -> Self {
        let source = Self::annotated(split.data.clone());
        if split.name == ALL { source } else { source.with_split(&split.name) }
    }

    /// A json in COCO's panoptic form, whose photos do not matter: forms that refer to photos take none of it. Use
    /// [`Self::annotated`] where they do.
    pub fn panoptic(dataset: CocoPanoptic) -> Self {
        let categories = dataset.categories().clone();
        Self::new(Form::Panoptic(dataset), categories)
    }

    /// The instance maps of Cityscapes; classes are train ids.
    pub fn cityscapes(dataset: Cityscapes) -> Self {
        let split = dataset.split().to_owned();
        Self { split, ..Self::new(Form::Cityscapes(dataset), Categories::cityscapes()) }
    }

    /// A folder of two-channel PNGs, or of deeplab2's three-channel ones. Class 0 is void if `categories` does not have
    /// it, else 255 is.
    ///
    /// # Errors
    /// If there is no PNG.
    pub fn channels(folder: &Path, categories: Categories, three: bool) -> Result<Self> {
        let names = files::below(folder, ".png")?;
        if names.is_empty() {
            return Err(Error::file(folder, "no PNG is here"));
        }
        Ok(Self::new(Form::Channels { folder: folder.into(), names, three }, categories))
    }

    /// The split that the images are, for forms that have a folder for each (YOLO): `train` unless said, or the one of Cityscapes.
    pub fn with_split(self, split: impl Into<String>) -> Self {
        Self { split: split.into(), ..self }
    }

    /// The split that the images are.
    pub fn split(&self) -> &str {
        &self.split
    }

    /// The folder below which its images are called by their paths, if it has photos.
    pub fn photos_folder(&self) -> Option<&Path> {
        match &self.form {
            Form::Annotated(_, root) => Some(root),
            _ => None,
        }
    }

    /// The classes.
    pub fn categories(&self) -> &Categories {
        &self.categories
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Annotated(data, _) => data.len(),
            Form::Panoptic(dataset) => dataset.len(),
            Form::Cityscapes(dataset) => dataset.images().len(),
            Form::Channels { names, .. } => names.len(),
        }
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What an image is called: its id and a name, without a look at its labels.
    pub(super) fn called(&self, index: usize) -> Result<(String, String)> {
        let past = || Error::setting("index", format!("there are {} images only", self.len()));
        match &self.form {
            Form::Annotated(data, root) => {
                Ok((data.id(index)?.to_string(), name_below(root, &data.image_path(index)?)))
            }
            Form::Panoptic(dataset) => {
                let image = dataset.entries().nth(index).ok_or_else(past)?.0;
                Ok((image.id.to_string(), image.file_name.clone()))
            }
            Form::Cityscapes(dataset) => {
                let image = dataset.images().get(index).ok_or_else(past)?;
                Ok((image.id.clone(), image.city.clone()))
            }
            Form::Channels { names, .. } => {
                let name = names.get(index).ok_or_else(past)?;
                Ok((index.to_string(), name.clone()))
            }
        }
    }

    /// Reads an image's segments.
    ///
    /// # Errors
    /// If its file is missing or damaged, or holds an unknown class.
    pub fn read(&self, index: usize) -> Result<(ImageEntry, Panoptic)> {
        let past = || Error::setting("index", format!("there are {} images only", self.len()));
        match &self.form {
            Form::Annotated(data, root) => {
                let id = data.id(index)?;
                let file = data.image_path(index)?;
                let panoptic = data.panoptic(index)?;
                let (width, height) = (panoptic.map.width() as u32, panoptic.map.height() as u32);
                Ok((ImageEntry { id, file_name: name_below(root, &file), width, height }, panoptic))
            }
            Form::Panoptic(dataset) => {
                let image = dataset.entries().nth(index).ok_or_else(past)?.0.clone();
                Ok((image, dataset.panoptic(index)?))
            }
            Form::Cityscapes(dataset) => {
                let image = dataset.images().get(index).ok_or_else(past)?;
                let panoptic = dataset.panoptic(image)?;
                let file = dataset.instance_path(image);
                let mut entry = described(&image.id, panoptic.map.width(), panoptic.map.height(), &file)?;
                entry.file_name = format!("{}/{}_leftImg8bit.png", image.city, image.id);
                Ok((entry, panoptic))
            }
            Form::Channels { folder, names, three } => {
                let name = names.get(index).ok_or_else(past)?;
                let file = folder.join(name);
                let bytes = files::read(&file)?;
                let decode = if *three { codec::decode_three_channel } else { codec::decode_two_channel };
                let panoptic = self.joined(&decode(&bytes).map_err(Error::masks(&file))?, &file)?;
                Ok((described(name, panoptic.map.width(), panoptic.map.height(), &file)?, panoptic))
            }
        }
    }

    /// The photo of an image, if the form knows where it is and it is there.
    ///
    /// # Errors
    /// If two files could be meant.
    pub fn photo(&self, index: usize) -> Result<Option<PathBuf>> {
        let file = match &self.form {
            Form::Annotated(data, _) => Some(data.image_path(index)?),
            Form::Cityscapes(dataset) => dataset.images().get(index).map(|image| dataset.image_path(image)),
            Form::Panoptic(_) | Form::Channels { .. } => None,
        };
        Ok(file.filter(|file| file.is_file()))
    }

    /// The segments of class and instance maps: ids are `class * 65536 + instance + 1`, void is 0.
    fn joined(&self, maps: &TwoChannel, file: &Path) -> Result<Panoptic> {
        let void = void(&self.categories);
        let combined = maps.combine(1 << 16).map_err(Error::masks(file))?;
        let id = |label: u32| if label >> 16 == void { 0 } else { label + 1 };
        let class = |id: u32| (id - 1) >> 16;
        let map: LabelMap = combined.map(id);
        let panoptic = Panoptic::from_map(map, |id| (class(id), false));
        let known = |segment: &&kmax_masks::Segment| self.categories.get(segment.category_id).is_none();
        match panoptic.segments.iter().find(known) {
            Some(segment) => {
                let entry = format!("{} pixels", segment.area);
                Err(Error::entry(file, entry, format!("hold the unknown class {}", segment.category_id)))
            }
            None => Ok(panoptic),
        }
    }
}

/// The class of void in the forms of channels.
pub(super) fn void(categories: &Categories) -> u32 {
    if categories.get(0).is_some() { 255 } else { 0 }
}

/// The deepest folder that has the photos of all images whose place is known.
fn common_folder(data: &dyn Annotated) -> PathBuf {
    let mut common: Option<PathBuf> = None;
    for file in (0..data.len()).filter_map(|index| data.image_path(index).ok()) {
        let folder = file.parent().unwrap_or(Path::new(""));
        common = Some(match common {
            None => folder.to_path_buf(),
            Some(known) => {
                let alike = known.components().zip(folder.components()).take_while(|(a, b)| a == b);
                alike.map(|(part, _)| part).collect()
            }
        });
    }
    common.unwrap_or_default()
}

/// The path of a file below a folder, with `/`.
fn name_below(folder: &Path, file: &Path) -> String {
    let below = file.strip_prefix(folder).ok().or_else(|| file.file_name().map(Path::new)).unwrap_or(file);
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

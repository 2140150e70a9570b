//! A part of a dataset whose labels one form reads: what all forms have in common.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kmax_masks::{Categories, ImageId, Panoptic};
use kmax_transforms::{Sample, read_image};
use sha2::{Digest, Sha256};

use super::form::Form;
use super::shown::shown_size;
use crate::annotated::{Annotated, joined};
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::names::Folder;

/// An image of a dataset.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Unlike that of any other image.
    pub id: ImageId,
    /// Its file's name in the folder of photos.
    pub name: String,
    pub folder: Arc<Folder>,
}

/// The labels of the images of a dataset, as a form stores them.
pub(super) trait Labels: Debug + Send + Sync {
    /// The segments of the image at a place.
    fn read(&self, index: usize, photo: &Photo) -> Result<Panoptic>;

    /// Its classes, where they are known without reading masks.
    fn classes(&self, _index: usize) -> Option<BTreeSet<u32>> {
        None
    }

    /// What tells these labels from others: contents of a list, or names and lengths of files.
    fn mark(&self, hash: &mut Sha256) -> Result<()>;
}

/// A photo whose size a form may ask for.
pub(super) struct Photo<'a> {
    file: &'a dyn Fn() -> Result<PathBuf>,
    size: &'a OnceLock<(usize, usize)>,
}

impl Photo<'_> {
    /// Width and height of the photo as it is shown.
    ///
    /// # Errors
    /// If the photo cannot be read.
    pub fn size(&self) -> Result<(usize, usize)> {
        if let Some(size) = self.size.get() {
            return Ok(*size);
        }
        let size = shown_size(&(self.file)()?)?;
        Ok(*self.size.get_or_init(|| size))
    }
}

/// A part of a dataset.
#[derive(Debug)]
pub(super) struct Labelled<L> {
    form: Form,
    /// What errors name that are about no single file.
    root: PathBuf,
    categories: Categories,
    items: Vec<Item>,
    /// The sizes that are known.
    sizes: Vec<OnceLock<(usize, usize)>>,
    labels: L,
}

impl<L: Labels> Labelled<L> {
    pub fn new(form: Form, root: &Path, categories: Categories, items: Vec<Item>, labels: L) -> Self {
        let sizes = items.iter().map(|_| OnceLock::new()).collect();
        Self { form, root: root.to_path_buf(), categories, items, sizes, labels }
    }

    fn item(&self, index: usize) -> Result<&Item> {
        self.items.get(index).ok_or_else(|| {
            Error::entry(&self.root, format!("image {index}"), format!("there are {} only", self.items.len()))
        })
    }
}

impl<L: Labels> Annotated for Labelled<L> {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn categories(&self) -> &Categories {
        &self.categories
    }

    fn id(&self, index: usize) -> Result<ImageId> {
        Ok(self.item(index)?.id.clone())
    }

    fn image_path(&self, index: usize) -> Result<PathBuf> {
        let item = self.item(index)?;
        item.folder.file(&item.name)
    }

    fn panoptic(&self, index: usize) -> Result<Panoptic> {
        self.item(index)?;
        self.labels.read(index, &Photo { file: &|| self.image_path(index), size: &self.sizes[index] })
    }

    fn classes(&self, index: usize) -> Result<BTreeSet<u32>> {
        self.item(index)?;
        match self.labels.classes(index) {
            Some(classes) => Ok(classes),
            None => Ok(self.panoptic(index)?.segments.iter().map(|segment| segment.category_id).collect()),
        }
    }

    fn digest(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(self.form.name());
        for class in &self.categories {
            hash.update(format!("\n{} {} {}", class.id, class.isthing, class.name));
        }
        hash.update(format!("\n{} images", self.items.len()));
        self.labels.mark(&mut hash)?;
        Ok(hex(&hash.finalize()))
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        let file = self.image_path(index)?;
        let image = read_image(&file)?;
        // Labels that go by the size of their photo need not open it a second time.
        self.sizes[index].get_or_init(|| (image.width() as usize, image.height() as usize));
        joined(&file, image, self.panoptic(index)?, self.id(index)?)
    }
}

/// Adds a file to what tells labels apart: its name and length.
///
/// # Errors
/// If it is missing.
pub(super) fn mark_file(hash: &mut Sha256, root: &Path, file: &Path) -> Result<()> {
    let length = std::fs::metadata(file).map_err(Error::read(file))?.len();
    let name = file.strip_prefix(root).unwrap_or(file);
    let parts: Vec<_> = name.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    hash.update(format!("\n{} {length}", parts.join("/")));
    Ok(())
}

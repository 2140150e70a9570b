//! What was found in each image, by id.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kmax_masks::ImageId;

use crate::error::{Error, Result};

/// Results by image. Summing in the order of ids makes every total independent of how the images came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Images<T>(BTreeMap<ImageId, T>);

impl<T> Default for Images<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Images<T> {
    pub(crate) fn insert(&mut self, image: ImageId, found: T) -> Result<()> {
        match self.0.entry(image) {
            Entry::Vacant(entry) => {
                entry.insert(found);
                Ok(())
            }
            Entry::Occupied(entry) => Err(Error::DuplicateImage(entry.key().clone())),
        }
    }

    pub(crate) fn merge(mut self, other: Self) -> Result<Self> {
        for (image, found) in other.0 {
            self.insert(image, found)?;
        }
        Ok(self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ImageId, &T)> {
        self.0.iter()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

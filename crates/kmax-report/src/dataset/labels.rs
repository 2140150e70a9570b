//! What the labels of an image say, in numbers.

use kmax_datasets::{Annotated, Error as DatasetError, Panoptic};
use kmax_transforms::stored_size;
use rayon::prelude::*;
use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::told::Told;

/// The labels of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Class and area of each segment, as its map has them.
    pub segments: Vec<(u32, u64)>,
}

impl Labels {
    fn of(panoptic: &Panoptic) -> Self {
        let areas: HashMap<u32, u64> =
            panoptic.map.extents().into_iter().map(|(id, extent)| (id, extent.area)).collect();
        let segments = panoptic.segments.iter().map(|segment| {
            let area = areas.get(&segment.id).copied().unwrap_or(0);
            (segment.category_id, area)
        });
        Self { width: panoptic.map.width(), height: panoptic.map.height(), segments: segments.collect() }
    }

    /// Pixels of the image.
    pub fn pixels(&self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Pixels of no segment.
    pub fn void(&self) -> u64 {
        self.pixels().saturating_sub(self.segments.iter().map(|segment| segment.1).sum())
    }

    /// How many pixels the class has.
    pub fn area(&self, class: u32) -> u64 {
        self.segments.iter().filter(|segment| segment.0 == class).map(|segment| segment.1).sum()
    }
}

/// The labels of every image by its place, or why they or the image cannot be read.
pub fn read(dataset: &dyn Annotated, told: &Told) -> Result<Vec<std::result::Result<Labels, Error>>> {
    (0..dataset.len()).into_par_iter().map(|index| told.part(|| one(dataset, index))).collect()
}

fn one(dataset: &dyn Annotated, index: usize) -> Result<Labels> {
    let labels = Labels::of(&dataset.panoptic(index)?);
    let file = dataset.image_path(index)?;
    let found =
        std::fs::metadata(&file).map_err(|source| DatasetError::Read { file: file.clone(), source })?;
    if !found.is_file() {
        return Err(DatasetError::File { file, reason: "expected an image, found a folder".into() }.into());
    }
    // Not every form of image says its size so cheaply.
    if let Ok((width, height)) = stored_size(&file) {
        let (width, height) = (width as usize, height as usize);
        // EXIF may turn the image.
        if ![(width, height), (height, width)].contains(&(labels.width, labels.height)) {
            let reason = format!(
                "{width} x {height} pixels, but its labels have {} x {}",
                labels.width, labels.height
            );
            return Err(DatasetError::File { file, reason }.into());
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_datasets::LabelMap;

    #[test]
    fn areas_are_those_of_the_map() {
        let map = LabelMap::new(4, 2, vec![7, 7, 0, 9, 7, 7, 0, 9]).expect("4 x 2");
        let mut panoptic = Panoptic::from_map(map, |id| (id % 2 + 1, false));
        panoptic.segments[0].area = 1000;
        let labels = Labels::of(&panoptic);
        assert_eq!(labels.segments, [(2, 4), (2, 2)]);
        assert_eq!((labels.pixels(), labels.void(), labels.area(2), labels.area(1)), (8, 2, 6, 0));
    }
}

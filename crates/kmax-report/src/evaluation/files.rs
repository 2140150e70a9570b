//! Pairs from files.

use std::collections::HashMap;
use std::path::Path;

use kmax_datasets::coco::{CocoPanoptic, CocoPredictions, ImageEntry};
use kmax_datasets::evaluate::PanopticFiles;
use kmax_datasets::layout::images_folder;
use kmax_masks::{Categories, ImageId};
use kmax_transforms::{RgbImage, read_image};

use super::Pair;
use crate::error::Result;

/// The images of a ground truth with their predictions, read when they are asked for.
#[derive(Clone, Debug)]
pub struct FilePairs {
    truth: CocoPanoptic,
    predictions: CocoPredictions,
    places: HashMap<ImageId, usize>,
    with_photos: bool,
}

impl FilePairs {
    /// The files of an evaluation, and the folder of photos. None: where the photos of such files [usually](images_folder) are; maps
    /// are shown without photos if there are none.
    ///
    /// # Errors
    /// If a json cannot be read or is damaged.
    pub fn open(files: &PanopticFiles, photos: Option<&Path>) -> Result<Self> {
        let unknown = &files.truth_folder;
        let truth = CocoPanoptic::open_with(&files.truth, unknown, &files.truth_folder, &files.things)?;
        let images: Vec<ImageEntry> = truth.entries().map(|(image, _)| image.clone()).collect();
        let usual = || images_folder(&files.truth, Some(&files.truth_folder), &images);
        let folder = photos.map(Path::to_path_buf).or_else(usual);
        let with_photos = folder.is_some();
        let truth = match folder {
            Some(folder) => truth.with_images(folder),
            None => truth,
        };
        let predictions = CocoPredictions::open(&files.prediction, &files.prediction_folder)?;
        Ok(Self { with_photos, ..Self::new(truth, predictions) })
    }

    /// A dataset with its photos, and predictions of it.
    pub fn new(truth: CocoPanoptic, predictions: CocoPredictions) -> Self {
        let ids = truth.entries().enumerate();
        let places = ids.map(|(place, (image, _))| (image.id.clone(), place)).collect();
        Self { truth, predictions, places, with_photos: true }
    }

    /// The classes.
    pub fn categories(&self) -> &Categories {
        self.truth.categories()
    }

    /// An image; `None` if the ground truth has none of that id. A photo that cannot be read, or does not fit its labels, is
    /// left out, and a note says why.
    ///
    /// # Errors
    /// If the labels or the prediction cannot be read.
    pub fn pair(&self, image: &ImageId) -> Result<Option<Pair>> {
        let Some(&place) = self.places.get(image) else { return Ok(None) };
        let truth = self.truth.truth(place)?;
        let prediction = self.predictions.panoptic(image, self.categories())?;
        let photo = self.with_photos.then(|| self.photo(place, (truth.map.width(), truth.map.height())));
        let (photo, note) = match photo.transpose() {
            Ok(photo) => (photo, None),
            Err(reason) => (None, Some(format!("The photo is not shown: {reason}"))),
        };
        Ok(Some(Pair { photo, truth, prediction, note }))
    }

    fn photo(&self, place: usize, labels: (usize, usize)) -> std::result::Result<RgbImage, String> {
        let file = self.truth.image_path(place).map_err(|error| error.to_string())?;
        let photo = read_image(&file).map_err(|error| error.to_string())?;
        if (photo.width() as usize, photo.height() as usize) == labels {
            return Ok(photo);
        }
        let (width, height) = photo.dimensions();
        let file = file.display();
        Err(format!("{file}: {width} x {height} pixels, but its labels have {} x {}", labels.0, labels.1))
    }
}

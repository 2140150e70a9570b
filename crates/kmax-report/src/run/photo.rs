//! Images of a measurement, kept for the page.

use kmax_masks::{Categories, Panoptic};
use kmax_render::{Overlay, RgbImage};

use crate::error::Result;
use crate::page::Picture;

/// The longer edge of a picture in pixels.
const EDGE: u32 = 480;

/// An image with its true and its predicted segments, drawn: some 100 kB, whatever the image's size.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    pub(super) name: String,
    pub(super) score: f64,
    pub(super) image: Picture,
    pub(super) truth: Picture,
    pub(super) predicted: Picture,
}

impl Photo {
    /// Draws an image of a measurement. `score` is its panoptic quality, 0 to 1.
    ///
    /// # Errors
    /// If the image, its truth and its prediction differ in size, or the image has no pixel.
    pub fn new(
        name: &str,
        image: &RgbImage,
        truth: &Panoptic,
        predicted: &Panoptic,
        categories: &Categories,
        score: f64,
    ) -> Result<Self> {
        let overlay = Overlay::new(categories).with_largest(EDGE);
        Ok(Self {
            name: name.to_owned(),
            score,
            image: Picture::jpeg(image, EDGE)?,
            truth: Picture::jpeg(&overlay.draw(image, truth)?, EDGE)?,
            predicted: Picture::jpeg(&overlay.draw(image, predicted)?, EDGE)?,
        })
    }

    /// What the dataset calls the image.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its panoptic quality, 0 to 1.
    pub fn score(&self) -> f64 {
        self.score
    }
}

/// Keeps the photos with the lowest and the highest scores among all that are offered.
#[derive(Clone, Debug)]
pub struct BestAndWorst {
    each: usize,
    /// By rising score.
    photos: Vec<Photo>,
}

impl BestAndWorst {
    /// Keeps so many of the best and as many of the worst.
    pub fn new(each: usize) -> Self {
        Self { each, photos: Vec::new() }
    }

    /// Whether a photo of that score would be kept; if not, it need not be drawn. A score that is no number is not kept.
    pub fn wants(&self, score: f64) -> bool {
        if score.is_nan() || self.each == 0 {
            return false;
        }
        if self.photos.len() < 2 * self.each {
            return true;
        }
        score < self.photos[self.each - 1].score || score > self.photos[self.each].score
    }

    /// Keeps a photo if it is wanted. Of photos with one score the first to come stay.
    pub fn add(&mut self, photo: Photo) {
        if !self.wants(photo.score) {
            return;
        }
        let place = self.photos.partition_point(|other| other.score <= photo.score);
        self.photos.insert(place, photo);
        if self.photos.len() > 2 * self.each {
            self.photos.remove(self.each);
        }
    }

    /// What was kept, by rising score.
    pub fn into_photos(self) -> Vec<Photo> {
        self.photos
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::LabelMap;

    fn photo(score: f64) -> Photo {
        let map = LabelMap::new(8, 6, (0..48).map(|at| at % 8 / 4 + 1).collect()).expect("8 x 6");
        let panoptic = Panoptic::from_map(map, |id| (id, false));
        let image = RgbImage::from_pixel(8, 6, image::Rgb([90; 3]));
        let drawn = Photo::new("7", &image, &panoptic, &panoptic, &Categories::coco_panoptic(), score);
        drawn.expect("one size")
    }

    #[test]
    fn truth_and_prediction_have_the_size_of_the_image() {
        let good = photo(0.5);
        assert_eq!((good.name(), good.score()), ("7", 0.5));
        let map = LabelMap::filled(8, 7, 0).expect("8 x 7");
        let wrong = Panoptic::new(map, Vec::new());
        let image = RgbImage::new(8, 6);
        let error = Photo::new("7", &image, &wrong, &wrong, &Categories::coco_panoptic(), 0.5);
        assert!(error.is_err_and(|error| error.kind() == crate::ErrorKind::Incompatible));
    }

    #[test]
    fn the_ends_are_kept_and_the_middle_goes() {
        let scores = |offered: &[f64]| -> Vec<f64> {
            let mut kept = BestAndWorst::new(2);
            offered.iter().for_each(|&score| kept.add(photo(score)));
            kept.into_photos().iter().map(Photo::score).collect()
        };
        assert_eq!(scores(&[0.5, 0.1, 0.9, 0.4, 0.6, 0.0, 1.0, 0.55]), [0.0, 0.1, 0.9, 1.0]);
        assert_eq!(scores(&[0.5, f64::NAN, 0.1]), [0.1, 0.5]);
        assert_eq!(scores(&[0.0; 9]), [0.0; 4]);
        assert!(!BestAndWorst::new(0).wants(0.5));
        let mut full = BestAndWorst::new(1);
        [0.2, 0.8].into_iter().for_each(|score| full.add(photo(score)));
        assert_eq!(
            [0.1, 0.2, 0.5, 0.8, 0.9].map(|score| full.wants(score)),
            [true, false, false, false, true]
        );
    }
}

//! The page of an evaluation: numbers, errors by kind, and the worst images with what was missed and what was invented.
//!
//! ```no_run
//! use kmax_datasets::evaluate::{PanopticFiles, panoptic_with_errors};
//! use kmax_metrics::panoptic::Convention;
//! use kmax_report::evaluation::{Evaluation, FilePairs};
//!
//! # fn main() -> kmax_report::Result<()> {
//! let files = PanopticFiles::new("panoptic_val.json", "predictions.json");
//! let report = panoptic_with_errors(&files, Convention::Coco, &())?;
//! let pairs = FilePairs::open(&files, Some("val".as_ref()))?;
//! let page = Evaluation::new(&report, pairs.categories()).page(|image| pairs.pair(image))?;
//! kmax_datasets::write_file("page.html".as_ref(), page.html().as_bytes())?;
//! # Ok(())
//! # }
//! ```

mod draw;
mod files;
mod words;

use kmax_masks::{Categories, ImageId, Panoptic};
use kmax_metrics::PanopticErrors;
use kmax_metrics::panoptic::PanopticReport;
use kmax_metrics::render::{Example, Page};
use kmax_transforms::RgbImage;

use crate::error::{Error, Result};
use draw::Drawing;

pub use files::FilePairs;

/// How many images are shown if nobody says.
const IMAGES: usize = 12;
/// More make a page that browsers cannot hold.
const MOST_IMAGES: usize = 200;
/// The longer edge of a picture if nobody says: four of them are 2 MB on the page for a dozen images.
const EDGE: u32 = 560;
/// Smaller pictures show nothing, larger ones make a page that browsers cannot hold.
const EDGES: std::ops::RangeInclusive<u32> = 32..=2048;

/// An image as it is labelled and as it was predicted.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The photo, at the size of the maps; none: the maps alone are drawn.
    pub photo: Option<RgbImage>,
    /// The ground truth.
    pub truth: Panoptic,
    /// The prediction.
    pub prediction: Panoptic,
    /// What is to be said of the image, such as why there is no photo.
    pub note: Option<String>,
}

/// A page about a report: settings, and [`Self::page`].
#[derive(Clone, Debug)]
pub struct Evaluation<'a> {
    report: &'a PanopticReport,
    categories: &'a Categories,
    images: usize,
    edge: u32,
}

impl<'a> Evaluation<'a> {
    /// The usual settings. The categories are those of the report.
    pub fn new(report: &'a PanopticReport, categories: &'a Categories) -> Self {
        Self { report, categories, images: IMAGES, edge: EDGE }
    }

    /// How many of the worst images are shown, 0 to 200; 12 if not set. Images without an error are not.
    pub fn with_images(self, images: usize) -> Self {
        Self { images, ..self }
    }

    /// The longer edge of a picture in pixels, 32 to 2048; 560 if not set.
    pub fn with_edge(self, edge: u32) -> Self {
        Self { edge, ..self }
    }

    /// The report's own page with the worst images shown: photo, ground truth, prediction, and what was missed and what was
    /// invented. [`Page::html`] writes it; [`kmax_metrics::render::document`] writes it with others into one file.
    ///
    /// `pair` is asked for one image after the other, worst first, and may answer `None` for an image that cannot be shown.
    ///
    /// # Errors
    /// Those of `pair`; and if a setting is out of its range, or an image's photo, ground truth and prediction do not fit.
    pub fn page(&self, pair: impl Fn(&ImageId) -> Result<Option<Pair>>) -> Result<Page> {
        self.check()?;
        let mut page = self.report.page();
        let flawed = self.report.worst.iter().filter(|(_, pq)| *pq < 1.0);
        for (image, pq) in flawed.take(self.images) {
            if let Some(pair) = pair(image)? {
                page.examples.push(self.example(image, *pq, pair)?);
            }
        }
        Ok(page)
    }

    fn check(&self) -> Result<()> {
        if self.images > MOST_IMAGES {
            let reason = format!("at most {MOST_IMAGES} can be shown, found {}", self.images);
            return Err(Error::Setting { name: "images", reason });
        }
        if !EDGES.contains(&self.edge) {
            let reason =
                format!("must lie in {} to {} pixels, found {}", EDGES.start(), EDGES.end(), self.edge);
            return Err(Error::Setting { name: "edge", reason });
        }
        Ok(())
    }

    fn example(&self, image: &ImageId, pq: f64, pair: Pair) -> Result<Example> {
        let errors = PanopticErrors::new(self.categories.clone());
        let (_, found) =
            errors.compare(&pair.truth, &pair.prediction).map_err(|error| error.in_image(image))?;
        let drawing =
            Drawing { pair: &pair, flaws: &found.flaws, categories: self.categories, edge: self.edge };
        Ok(Example {
            image: image.to_string(),
            value: pq,
            pictures: drawing.pictures()?,
            lists: words::lists(&pair, &found.flaws, self.categories),
            note: pair.note,
        })
    }
}

#[cfg(test)]
mod tests;

//! The pictures of an image.

use std::collections::HashSet;

use image::Rgb;
use kmax_masks::{Categories, LabelMap};
use kmax_metrics::panoptic::errors::{Flaw, Flaws};
use kmax_metrics::render::Picture;
use kmax_render::Overlay;
use kmax_transforms::RgbImage;

use super::Pair;
use crate::error::Result;
use crate::page::{encoded, fitted};

/// The colours of missed and of invented segments, told apart by everybody.
pub(super) const MISSED: [u8; 3] = [255, 128, 24];
pub(super) const INVENTED: [u8; 3] = [40, 150, 255];

/// What stands for the photo where there is none.
const BLANK: [u8; 3] = [112; 3];
/// The outlines of the ground truth where there is no photo.
const OUTLINE: [u8; 3] = [200; 3];
/// The width in pixels of the stripes where a segment was invented over one that was missed.
const STRIPE: u32 = 5;

/// What is drawn of an image.
pub(super) struct Drawing<'a> {
    pub pair: &'a Pair,
    pub flaws: &'a Flaws,
    pub categories: &'a Categories,
    /// The longer edge of each picture in pixels.
    pub edge: u32,
}

impl Drawing<'_> {
    pub fn pictures(&self) -> Result<Vec<Picture>> {
        let Pair { photo, truth, prediction, .. } = self.pair;
        let (width, height) = (truth.map.width() as u32, truth.map.height() as u32);
        let blank = || RgbImage::from_pixel(width, height, Rgb(BLANK));
        let image = photo.clone().unwrap_or_else(blank);
        let overlay = Overlay::new(self.categories).with_largest(self.edge);
        // Without a photo there is nothing to be seen through the colours.
        let overlay = if photo.is_some() { overlay } else { overlay.with_opacity(0.8) };
        let mut pictures = Vec::with_capacity(4);
        if photo.is_some() {
            pictures.push(jpeg("photo", &fitted(&image, self.edge))?);
        }
        pictures.push(jpeg("ground truth", &overlay.draw(&image, truth)?)?);
        pictures.push(jpeg("prediction", &overlay.draw(&image, prediction)?)?);
        pictures.push(jpeg("missed and invented", &self.mistakes(&fitted(&image, self.edge)))?);
        Ok(pictures)
    }

    /// The dimmed photo with the errors over it.
    fn mistakes(&self, image: &RgbImage) -> RgbImage {
        let (truth, prediction) = (&self.pair.truth.map, &self.pair.prediction.map);
        let ids = |flaws: &[Flaw]| flaws.iter().map(|flaw| flaw.id).collect::<HashSet<u32>>();
        let (missed, invented) = (ids(&self.flaws.missed), ids(&self.flaws.invented));
        let missed = Shapes::new(truth, image, |id| missed.contains(&id));
        let invented = Shapes::new(prediction, image, |id| invented.contains(&id));
        // Without a photo the outlines of the ground truth say where things are.
        let outlines = self.pair.photo.is_none().then(|| Shapes::new(truth, image, |_| true));
        let line = image.width().max(image.height()) as usize / 300 + 1;
        let mut picture = image.clone();
        for (x, y, Rgb(pixel)) in picture.enumerate_pixels_mut() {
            let (column, row) = (x as usize, y as usize);
            let [r, g, b] = pixel.map(u32::from);
            let dimmed = ((3 * r + 6 * g + b) / 10 * 45 / 100) as u8;
            let (real, guess) = (missed.at(column, row) != 0, invented.at(column, row) != 0);
            let striped = ((x + y) / STRIPE).is_multiple_of(2);
            *pixel = if real && (striped || !guess) {
                half(MISSED, dimmed)
            } else if guess {
                half(INVENTED, dimmed)
            } else {
                [dimmed; 3]
            };
            if outlines.as_ref().is_some_and(|outlines| outlines.is_edge(column, row, 1)) {
                *pixel = half(OUTLINE, dimmed);
            }
            for (shapes, color) in [(&missed, MISSED), (&invented, INVENTED)] {
                if shapes.is_edge(column, row, line) {
                    *pixel = color;
                }
            }
        }
        picture
    }
}

/// A colour laid over a grey value.
fn half(color: [u8; 3], grey: u8) -> [u8; 3] {
    color.map(|value| value.midpoint(grey))
}

/// Some of the segments of a map, at the size of a picture.
struct Shapes {
    width: usize,
    height: usize,
    ids: Vec<u32>,
}

impl Shapes {
    fn new(map: &LabelMap, picture: &RgbImage, wanted: impl Fn(u32) -> bool) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let id = |x: usize, y: usize| {
            let id = map.get(x * map.width() / width, y * map.height() / height);
            id.filter(|id| wanted(*id)).unwrap_or(0)
        };
        let ids = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| id(x, y)).collect();
        Self { width, height, ids }
    }

    /// The segment at a pixel, 0 for none.
    fn at(&self, x: usize, y: usize) -> u32 {
        self.ids[y * self.width + x]
    }

    /// Whether the pixel lies in a segment, within `line` of its end.
    fn is_edge(&self, x: usize, y: usize, line: usize) -> bool {
        let id = self.at(x, y);
        let other = |x: usize, y: usize| x >= self.width || y >= self.height || self.at(x, y) != id;
        // A pixel before the first is one far behind the last.
        id != 0
            && (other(x.wrapping_sub(line), y)
                || other(x + line, y)
                || other(x, y.wrapping_sub(line))
                || other(x, y + line))
    }
}

fn jpeg(caption: &'static str, image: &RgbImage) -> Result<Picture> {
    let (width, height) = image.dimensions();
    Ok(Picture { caption, width, height, jpeg: encoded(image)? })
}

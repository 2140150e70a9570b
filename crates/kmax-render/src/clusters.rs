//! The picture of a k-means step: which pixels each query has.

use image::{Rgb, RgbImage};
use kmax_masks::{LabelMap, colors};

use crate::error::{Error, Result};

/// Share of a query's colour, of 256; the image shows through the rest.
const SHARE: u32 = 190;
/// Grey that colours of queries without a segment are mixed with, one part of the colour and three of grey.
const GREY: u16 = 110;

/// A colour for each of `queries` queries, the same in every step: that of its segment for those that `of_segment` gives one, a
/// dull one for the others.
pub fn query_colors(queries: usize, of_segment: impl Fn(usize) -> Option<[u8; 3]>) -> Vec<[u8; 3]> {
    let dull = |query| colors::palette(query).map(|value| ((u16::from(value) + 3 * GREY) / 4) as u8);
    (0..queries).map(|query| of_segment(query).unwrap_or_else(|| dull(query))).collect()
}

/// Draws a map of assignments, of any size, over `image`: each pixel of the map as the rectangle of the image that it stands for,
/// in the colour of its query.
///
/// # Errors
/// If the map has no pixels or names a query that has no colour.
pub fn draw_clusters(image: &RgbImage, assignment: &LabelMap, colors: &[[u8; 3]]) -> Result<RgbImage> {
    let (width, height) = (assignment.width(), assignment.height());
    if width * height == 0 {
        return Err(Error::Setting { name: "assignment", reason: "must have pixels".into() });
    }
    if let Some(query) = assignment.data().iter().find(|query| **query as usize >= colors.len()) {
        let reason = format!("query {query} has none: there are {}", colors.len());
        return Err(Error::Setting { name: "colors", reason });
    }
    let (image_width, image_height) = (image.width() as usize, image.height() as usize);
    let mut picture = image.clone();
    for (x, y, Rgb(pixel)) in picture.enumerate_pixels_mut() {
        let at = (x as usize * width / image_width, y as usize * height / image_height);
        let query = assignment.data()[at.1 * width + at.0];
        for (value, over) in pixel.iter_mut().zip(colors[query as usize]) {
            *value = ((u32::from(*value) * (256 - SHARE) + u32::from(over) * SHARE) / 256) as u8;
        }
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_of_a_query_have_its_colour() {
        let colors = query_colors(3, |query| (query == 1).then_some([0, 200, 0]));
        assert!(colors[1] == [0, 200, 0] && colors[0] != colors[2]);
        let map = LabelMap::new(2, 1, vec![1, 2]).expect("fits");
        let picture = draw_clusters(&RgbImage::new(5, 4), &map, &colors).expect("drawn");
        let of = |x: u32, y: u32| picture.get_pixel(x, y).0;
        assert_eq!((of(0, 0), of(2, 3)), ([0, 148, 0], [0, 148, 0]));
        assert_eq!(of(3, 0), of(4, 3));
        assert_ne!(of(2, 0), of(3, 0));
        assert!(draw_clusters(&RgbImage::new(5, 4), &map, &colors[..2]).is_err());
        let empty = LabelMap::new(0, 0, Vec::new()).expect("fits");
        assert!(draw_clusters(&RgbImage::new(5, 4), &empty, &colors).is_err());
    }
}

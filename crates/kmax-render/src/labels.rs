//! Where names go.

use image::RgbImage;
use kmax_masks::{Categories, LabelMap, Panoptic};

use crate::text::{self, Word};

/// Cells of the grid on which a place is looked for, along a segment's longer axis.
const CELLS: usize = 160;
/// The smallest letters, in pixels.
const SMALLEST: f32 = 11.0;
/// Segments of a smaller share of the picture get no name unless it fits inside.
const SMALL: f64 = 0.004;

/// Writes the name of each segment into it, the largest segments first, as large as fits; where none fits, over it.
pub fn write(picture: &mut RgbImage, map: &LabelMap, panoptic: &Panoptic, categories: &Categories) {
    let length = picture.width().min(picture.height()) as f32;
    let largest = (length / 22.0).clamp(SMALLEST, 80.0);
    let pixels = map.data().len() as f64;
    let mut extents = map.extents();
    extents.sort_by_key(|(_, extent)| std::cmp::Reverse(extent.area));
    let mut taken: Vec<Place> = Vec::new();
    for (id, extent) in extents {
        let category = panoptic.segment(id).and_then(|segment| categories.get(segment.category_id));
        let Some(name) = category.map(|category| category.name.as_str()) else { continue };
        let Some(aspect) = text::aspect(name) else { continue };
        let Some((x, y, height)) = roomiest(map, id, extent.bbox.map(|v| v as usize), aspect) else {
            continue;
        };
        // Letters stand in a box that is a little higher.
        let fits = height / 1.2;
        if fits < SMALLEST && (extent.area as f64) < SMALL * pixels {
            continue;
        }
        let size = fits.clamp(SMALLEST, largest);
        let Some(word) = Word::new(name, size) else { continue };
        let place = Place::around(x, y, &word, picture);
        if taken.iter().any(|other| place.meets(other)) || place.is_cut(&word, picture) {
            continue;
        }
        word.draw(picture, place.left, place.top);
        taken.push(place);
    }
}

/// A rectangle of the picture.
struct Place {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl Place {
    /// Around a centre, moved into the picture.
    fn around(x: f32, y: f32, word: &Word, picture: &RgbImage) -> Self {
        let begin = |centre: f32, length: usize, whole: u32| {
            let most = (i64::from(whole) - length as i64).max(0);
            ((centre - length as f32 / 2.0).round() as i64).clamp(0, most)
        };
        let (left, top) = (begin(x, word.width, picture.width()), begin(y, word.height, picture.height()));
        Self { left, top, right: left + word.width as i64, bottom: top + word.height as i64 }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn is_cut(&self, word: &Word, picture: &RgbImage) -> bool {
        word.width > picture.width() as usize || word.height > picture.height() as usize
    }
}

/// The centre and the height of the largest box of that aspect (width over height) that lies inside a segment.
fn roomiest(
    map: &LabelMap,
    id: u32,
    [left, top, width, height]: [usize; 4],
    aspect: f32,
) -> Option<(f32, f32, f32)> {
    // On a grid whose cells have the aspect, the box is a square.
    let cell_height = (width as f32 / aspect).max(height as f32) / CELLS as f32;
    let (dy, dx) = (cell_height.max(1.0 / aspect.max(1.0)), cell_height.max(1.0 / aspect.max(1.0)) * aspect);
    let columns = (width as f32 / dx).ceil() as usize;
    let rows = (height as f32 / dy).ceil() as usize;
    let inside = |column: usize, row: usize| {
        let x = left + ((column as f32 + 0.5) * dx) as usize;
        let y = top + ((row as f32 + 0.5) * dy) as usize;
        map.get(x, y) == Some(id)
    };
    // The size of the largest square that ends here, from those of the neighbours before.
    let mut above = vec![0usize; columns + 1];
    let mut best: Option<(usize, f32, usize, usize)> = None;
    let (middle_x, middle_y) = (columns as f32 / 2.0, rows as f32 / 2.0);
    for row in 0..rows {
        let mut here = vec![0usize; columns + 1];
        for column in 0..columns {
            if !inside(column, row) {
                continue;
            }
            let size = 1 + above[column].min(above[column + 1]).min(here[column]);
            here[column + 1] = size;
            let half = size as f32 / 2.0;
            let (x, y) = (column as f32 + 1.0 - half, row as f32 + 1.0 - half);
            let off = (x - middle_x).abs() + (y - middle_y).abs();
            if best.is_none_or(|(most, least, ..)| (size, -off) > (most, -least)) {
                best = Some((size, off, column, row));
            }
        }
        above = here;
    }
    let (size, _, column, row) = best?;
    let half = size as f32 / 2.0;
    let (x, y) = (column as f32 + 1.0 - half, row as f32 + 1.0 - half);
    Some((left as f32 + x * dx, top as f32 + y * dy, size as f32 * dy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roomiest_place_of_an_l_is_its_thicker_arm() {
        // A bar of 100 x 10 on top, and a leg of 40 x 90 below its left end.
        let inside = |x: usize, y: usize| y < 10 || x < 40;
        let data = (0..100 * 100).map(|at| u32::from(inside(at % 100, at / 100))).collect();
        let map = LabelMap::new(100, 100, data).expect("100 x 100");
        let (x, y, height) = roomiest(&map, 1, [0, 0, 100, 100], 1.0).expect("a place");
        assert!((18.0..22.0).contains(&x) && y > 20.0 && (37.0..41.0).contains(&height), "{x} {y} {height}");
        // A long word goes along the bar.
        let (x, y, height) = roomiest(&map, 1, [0, 0, 100, 100], 9.0).expect("a place");
        assert!((40.0..60.0).contains(&x) && y < 9.0 && (8.0..11.0).contains(&height), "{x} {y} {height}");
        assert!(roomiest(&map, 7, [0, 0, 100, 100], 1.0).is_none());
    }
}

//! Where names go.

use image::RgbImage;
use kmax_masks::{Categories, Extent, LabelMap, Panoptic};
use std::collections::HashMap;

use crate::place::Place;
use crate::text::{self, Word};
use crate::{leader, legend};

/// Cells of the grid on which a place is looked for, along a segment's longer axis.
const CELLS: usize = 160;
/// The smallest letters, in pixels.
const SMALLEST: f32 = 11.0;
/// Letters that need so much less than the usual are written beside their segment, with a line that leads to it.
const CRAMPED: f32 = 0.55;
/// Squares of the letters' height that the picture needs for each name beside its segment: more names would hide the image.
const AROUND: f32 = 60.0;

/// What is written on a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Labels {
    /// Nothing.
    None,
    /// The name of its class.
    #[default]
    Name,
    /// The name, and how sure it is, in hundredths: `dog 97`.
    Score,
}

impl From<bool> for Labels {
    fn from(names: bool) -> Self {
        if names { Self::Name } else { Self::None }
    }
}

/// A segment that is to be named.
struct Named<'a> {
    class: &'a str,
    text: String,
    color: [u8; 3],
    id: u32,
    extent: Extent,
}

/// Writes the name of each segment that has a colour: into it where it fits, else beside it with a line that leads there, else into a
/// legend; the largest segments first.
pub fn write(
    picture: &mut RgbImage,
    map: &LabelMap,
    panoptic: &Panoptic,
    categories: &Categories,
    (labels, colors): (Labels, &HashMap<u32, [u8; 3]>),
) {
    let length = picture.width().min(picture.height()) as f32;
    let usual = (length / 26.0).clamp(SMALLEST, 80.0);
    let mut all: Vec<Named> = map
        .extents()
        .into_iter()
        .filter_map(|(id, extent)| {
            let segment = panoptic.segment(id)?;
            let class = categories.get(segment.category_id)?.name.as_str();
            let text = match (labels, segment.score) {
                (Labels::Score, Some(score)) => format!("{class} {:.0}", 100.0 * score),
                _ => class.to_owned(),
            };
            Some(Named { class, text, color: *colors.get(&id)?, id, extent })
        })
        .collect();
    all.sort_by_key(|named| std::cmp::Reverse(named.extent.area));
    let mut taken: Vec<Place> = Vec::new();
    let mut cramped = Vec::new();
    for named in &all {
        if !write_inside(picture, map, named, usual, &mut taken) {
            cramped.push(named);
        }
    }
    let beside = (picture.width() * picture.height()) as f32 / (AROUND * usual * usual);
    let mut homeless: Vec<(&str, [u8; 3])> = Vec::new();
    for (nth, named) in cramped.into_iter().enumerate() {
        if nth as f32 >= beside || !write_beside(picture, map, named, usual, &mut taken) {
            homeless.push((named.class, named.color));
        }
    }
    let mut seen = std::collections::HashSet::new();
    homeless.retain(|(class, _)| seen.insert(*class));
    legend::draw(picture, &homeless, (0.8 * usual).max(SMALLEST), &taken);
}

/// Whether there was room.
fn write_inside(
    picture: &mut RgbImage,
    map: &LabelMap,
    named: &Named,
    usual: f32,
    taken: &mut Vec<Place>,
) -> bool {
    let bbox = named.extent.bbox.map(|v| v as usize);
    let place = text::aspect(&named.text).and_then(|aspect| roomiest(map, named.id, bbox, aspect));
    let Some((x, y, height)) = place else { return false };
    // Letters stand in a box that is a little higher.
    let fits = height / 1.2;
    if fits < SMALLEST.max(CRAMPED * usual) {
        return false;
    }
    let Some(word) = Word::new(&named.text, fits.clamp(SMALLEST, 1.25 * usual)) else { return false };
    let place = Place::around(x, y, [word.width, word.height], picture);
    if !place.fits(picture) || !place.is_free(taken) {
        return false;
    }
    word.draw(picture, place.left, place.top);
    taken.push(place);
    true
}

/// Whether there was room.
fn write_beside(
    picture: &mut RgbImage,
    map: &LabelMap,
    named: &Named,
    usual: f32,
    taken: &mut Vec<Place>,
) -> bool {
    let size = (0.8 * usual).max(SMALLEST);
    let Some(word) = Word::new(&named.text, size) else { return false };
    let bbox = named.extent.bbox;
    let Some((x, y, _)) = roomiest(map, named.id, bbox.map(|v| v as usize), 1.0) else { return false };
    let Some(place) = leader::place(&word, bbox.map(|v| v as f32), (x, y), picture, taken) else {
        return false;
    };
    leader::draw(picture, &place, (x, y), (size / 10.0).clamp(1.0, 5.0));
    word.draw(picture, place.left, place.top);
    taken.push(place);
    true
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

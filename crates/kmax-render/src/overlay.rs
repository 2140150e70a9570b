//! The picture of a result: the photo, tinted by segment, with boundaries and names.

mod colours;
mod labels;
mod text;

use image::{Rgb, RgbImage};
use kmax_masks::{Categories, LabelMap, Panoptic};
use std::collections::HashMap;

/// The longest side of an overlay; larger photos are shown smaller.
pub const LONGEST: u32 = 4096;

/// How much of a thing's colour lies over the photo, of 256.
const TINT: u32 = 118;
/// The same for stuff, which is mostly background.
const WASH: u32 = 84;
/// The same for pixels of no segment, which turn darker.
const SHADE: u32 = 150;

/// Draws the segments of `panoptic` over `photo`.
pub fn draw(photo: &RgbImage, panoptic: &Panoptic, categories: &Categories) -> RgbImage {
    let (mut picture, map) = shown(photo, &panoptic.map);
    let colours = colours::choose(&map, &panoptic.segments, categories);
    let tints = panoptic.segments.iter().filter_map(|segment| {
        let share = if categories.is_thing(segment.category_id) { TINT } else { WASH };
        Some((segment.id, (*colours.get(&segment.id)?, share)))
    });
    tint(&mut picture, &map, &tints.collect());
    let side = picture.width().max(picture.height());
    boundaries(&mut picture, &map, (side / 700).clamp(1, 4) as usize);
    labels::write(&mut picture, &map, panoptic, categories);
    picture
}

/// Photo and map in the size of the overlay.
fn shown(photo: &RgbImage, map: &LabelMap) -> (RgbImage, LabelMap) {
    let (width, height) = photo.dimensions();
    let longest = width.max(height);
    if longest <= LONGEST {
        return (photo.clone(), map.clone());
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(LONGEST) / u64::from(longest)).max(1) as u32;
    let (w, h) = (scaled(width), scaled(height));
    let picture = image::imageops::thumbnail(photo, w, h);
    let at = |to: u32, from: u32, of: u32| (u64::from(to) * u64::from(from) / u64::from(of)) as usize;
    let data = (0..h).flat_map(|y| {
        let row = at(y, height, h);
        (0..w).map(move |x| map.get(at(x, width, w), row).unwrap_or(0))
    });
    let small = LabelMap::new(w as usize, h as usize, data.collect());
    // The size is below that of the map given.
    (picture, small.unwrap_or_else(|_| map.clone()))
}

/// Lays over each segment its colour by its share of 256.
fn tint(picture: &mut RgbImage, map: &LabelMap, tints: &HashMap<u32, ([u8; 3], u32)>) {
    const VOID: ([u8; 3], u32) = ([24, 24, 28], SHADE);
    let mut last = (0, VOID);
    for (Rgb(pixel), &id) in picture.pixels_mut().zip(map.data()) {
        if last.0 != id {
            last = (id, tints.get(&id).copied().unwrap_or(VOID));
        }
        let (over, share) = last.1;
        for (value, over) in pixel.iter_mut().zip(over) {
            *value = ((u32::from(*value) * (256 - share) + u32::from(over) * share) / 256) as u8;
        }
    }
}

/// Whitens the pixels within `thickness` of another segment's, to the right or below.
fn boundaries(picture: &mut RgbImage, map: &LabelMap, thickness: usize) {
    let (width, height) = (map.width(), map.height());
    let data = map.data();
    let mut lighten = |x: usize, y: usize| {
        let pixel = picture.get_pixel_mut(x as u32, y as u32);
        pixel.0 = pixel.0.map(|value| ((u32::from(value) + 3 * 250) / 4) as u8);
    };
    for y in 0..height {
        for x in 0..width {
            let id = data[y * width + x];
            let right = (x + 1..(x + 1 + thickness).min(width)).any(|x| data[y * width + x] != id);
            let below = || (y + 1..(y + 1 + thickness).min(height)).any(|y| data[y * width + x] != id);
            if right || below() {
                lighten(x, y);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::{Category, Segment};

    fn scene(width: usize, height: usize) -> (RgbImage, Panoptic, Categories) {
        let data = (0..width * height).map(|at| u32::from(at % width >= width / 2) + 1).collect();
        let map = LabelMap::new(width, height, data).expect("fits");
        let panoptic = Panoptic::from_map(map, |id| (id, false));
        let category = |id| Category {
            id,
            name: format!("class {id}"),
            isthing: id == 1,
            color: [90; 3],
            supercategory: None,
        };
        let categories = Categories::new(vec![category(1), category(2)]).expect("distinct");
        (RgbImage::from_pixel(width as u32, height as u32, Rgb([128; 3])), panoptic, categories)
    }

    #[test]
    fn neighbours_differ_and_a_line_parts_them() {
        let (photo, panoptic, categories) = scene(400, 300);
        let picture = draw(&photo, &panoptic, &categories);
        assert_eq!(picture.dimensions(), (400, 300));
        let (left, line, right) =
            (picture.get_pixel(20, 20).0, picture.get_pixel(199, 20).0, picture.get_pixel(380, 20).0);
        let distance = |a: [u8; 3], b: [u8; 3]| (0..3).map(|i| a[i].abs_diff(b[i])).max();
        assert!(distance(left, right) > Some(10), "{left:?} {right:?}");
        assert!(line.iter().all(|&value| value > 200), "{line:?}");
        // A name stands in each half: something there is nearly white and something nearly black.
        for half in [0..200u32, 200..400] {
            let values = || {
                half.clone()
                    .flat_map(|x| (0..300).map(move |y| (x, y)))
                    .map(|(x, y)| picture.get_pixel(x, y).0[0])
            };
            assert!(values().any(|value| value > 250) && values().any(|value| value < 60));
        }
    }

    #[test]
    fn any_size_can_be_drawn() {
        for (width, height) in [(1, 1), (1, 3000), (3000, 1), (5000, 20), (7, 9)] {
            let (photo, panoptic, categories) = scene(width, height);
            let picture = draw(&photo, &panoptic, &categories);
            assert!(picture.width() <= LONGEST && picture.height() <= LONGEST);
        }
        let (photo, panoptic, categories) = scene(8, 8);
        let nothing = Panoptic::new(panoptic.map.map(|_| 0), Vec::<Segment>::new());
        draw(&photo, &nothing, &categories);
    }
}

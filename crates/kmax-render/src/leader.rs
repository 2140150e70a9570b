//! Names beside segments that have no room for them, with a line that leads there.

use crate::place::Place;
use crate::text::Word;
use image::{Rgb, RgbImage};

/// Directions that are tried around a segment.
const DIRECTIONS: usize = 16;
/// Distances that are tried, in heights of the word, from the edge of the segment's box.
const DISTANCES: [f32; 4] = [0.6, 1.3, 2.2, 3.5];

/// Where a word of that size may stand near a segment whose box is `[x, y, width, height]` and whose middle is `anchor`: nearest
/// first, free of what is taken.
pub fn place(
    word: &Word,
    [left, top, width, height]: [f32; 4],
    anchor: (f32, f32),
    picture: &RgbImage,
    taken: &[Place],
) -> Option<Place> {
    let size = [word.width, word.height];
    let (middle_x, middle_y) = (left + width / 2.0, top + height / 2.0);
    DISTANCES.iter().find_map(|distance| {
        let tried = (0..DIRECTIONS).filter_map(|direction| {
            // The first is straight up.
            let angle = std::f32::consts::TAU * (direction as f32 / DIRECTIONS as f32 - 0.25);
            let away = distance * word.height as f32;
            let x = middle_x + angle.cos() * (width / 2.0 + word.width as f32 / 2.0 + away);
            let y = middle_y + angle.sin() * (height / 2.0 + word.height as f32 / 2.0 + away);
            let place = Place::around(x, y, size, picture);
            (place.fits(picture) && place.is_free(taken) && !covers(&place, anchor)).then_some(place)
        });
        let length = |place: &Place| {
            let (x, y) = place.nearest(anchor.0, anchor.1);
            (x - anchor.0).hypot(y - anchor.1)
        };
        tried.min_by(|a, b| length(a).total_cmp(&length(b)))
    })
}

fn covers(place: &Place, (x, y): (f32, f32)) -> bool {
    (place.left as f32..place.right as f32).contains(&x)
        && (place.top as f32..place.bottom as f32).contains(&y)
}

/// A white line in a dark one, from a place to a point, which gets a dot.
pub fn draw(picture: &mut RgbImage, from: &Place, to: (f32, f32), thickness: f32) {
    let from = from.nearest(to.0, to.1);
    for (color, half) in [([16; 3], thickness / 2.0 + 1.0), ([255; 3], thickness / 2.0)] {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let steps = (length * 2.0).ceil().max(1.0) as usize;
        for step in 0..=steps {
            let t = step as f32 / steps as f32;
            disc(picture, (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1)), half, color);
        }
        disc(picture, to, 2.0 * half, color);
    }
}

fn disc(picture: &mut RgbImage, (x, y): (f32, f32), radius: f32, color: [u8; 3]) {
    let around = |centre: f32, whole: u32| {
        let from = (centre - radius).floor().max(0.0) as u32;
        let to = (centre + radius).ceil().max(0.0) as u32;
        from..=to.min(whole.saturating_sub(1))
    };
    for py in around(y, picture.height()) {
        for px in around(x, picture.width()) {
            let distance = (px as f32 + 0.5 - x).hypot(py as f32 + 0.5 - y);
            let cover = (radius + 0.5 - distance).clamp(0.0, 1.0);
            let Rgb(pixel) = picture.get_pixel_mut(px, py);
            for (value, over) in pixel.iter_mut().zip(color) {
                *value = (f32::from(*value) * (1.0 - cover) + f32::from(over) * cover).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_beside_and_a_line_leads_to_the_middle() {
        let mut picture = RgbImage::from_pixel(200, 100, Rgb([100; 3]));
        let word = Word::new("belt", 11.0).expect("a font");
        let anchor = (102.0, 52.0);
        let found = place(&word, [100.0, 50.0, 4.0, 4.0], anchor, &picture, &[]).expect("room");
        assert!(!covers(&found, anchor) && found.fits(&picture));
        let other = place(&word, [100.0, 50.0, 4.0, 4.0], anchor, &picture, &[found]).expect("room");
        assert!(!found.meets(&other));
        draw(&mut picture, &found, anchor, 1.0);
        assert!(picture.get_pixel(101, 51).0[0] > 200);
        let all = Place { left: 0, top: 0, right: 200, bottom: 100 };
        assert!(place(&word, [100.0, 50.0, 4.0, 4.0], anchor, &picture, &[all]).is_none());
    }
}

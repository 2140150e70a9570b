//! The names that found no room, in a corner.

use crate::place::Place;
use crate::text::Word;
use image::{Rgb, RgbImage};

/// How much of the image is left behind a legend, of 256.
const BEHIND: u32 = 70;
/// The most of the picture's height and width that a legend takes.
const MOST: f32 = 0.45;

/// Draws a list of names, each with its colour, into the corner where the least is taken. What does not fit is counted in the last
/// line.
pub fn draw(picture: &mut RgbImage, names: &[(&str, [u8; 3])], size: f32, taken: &[Place]) {
    let lines = (MOST * picture.height() as f32 / (1.45 * size)) as usize;
    if names.is_empty() || lines < 2 {
        return;
    }
    let more = format!("and {} more", (names.len() + 1).saturating_sub(lines));
    let (shown, rest) = names.split_at(if names.len() > lines { lines - 1 } else { names.len() });
    let words = shown.iter().map(|(name, color)| (Word::new(name, size), Some(*color)));
    let words = words.chain((!rest.is_empty()).then(|| (Word::new(&more, size), None)));
    let words: Vec<(Word, Option<[u8; 3]>)> =
        words.filter_map(|(word, color)| Some((word?, color))).collect();
    let line = words.iter().map(|(word, _)| word.height).max().unwrap_or(0) as i64;
    let widest = words.iter().map(|(word, _)| word.width).max().unwrap_or(0) as i64;
    let (width, height) = (widest + 2 * line, line * words.len() as i64 + line / 2);
    if width as f32 > MOST * picture.width() as f32 {
        return;
    }
    let (right, bottom) = (i64::from(picture.width()) - width, i64::from(picture.height()) - height);
    let corners = [(0, bottom), (right, bottom), (0, 0), (right, 0)];
    let places = corners.map(|(left, top)| Place { left, top, right: left + width, bottom: top + height });
    let met = |place: &&Place| taken.iter().filter(|other| place.meets(other)).count();
    let Some(place) = places.iter().min_by_key(met) else { return };
    darken(picture, place);
    for ((word, color), nth) in words.iter().zip(0..) {
        let top = place.top + line / 4 + nth * line;
        let swatch = line / 2;
        if let Some(color) = color {
            let (left, top) = (place.left + line / 2, top + (line - swatch) / 2);
            fill(picture, &Place { left, top, right: left + swatch, bottom: top + swatch }, *color);
        }
        word.draw(picture, place.left + line + swatch / 2, top);
    }
}

fn pixels(picture: &mut RgbImage, place: &Place, mut change: impl FnMut(&mut [u8; 3])) {
    let within = |from: i64, to: i64, whole: u32| from.max(0) as u32..to.clamp(0, whole.into()) as u32;
    for y in within(place.top, place.bottom, picture.height()) {
        for x in within(place.left, place.right, picture.width()) {
            let Rgb(pixel) = picture.get_pixel_mut(x, y);
            change(pixel);
        }
    }
}

fn darken(picture: &mut RgbImage, place: &Place) {
    let dark = |value: u8| ((u32::from(value) * BEHIND + 20 * (256 - BEHIND)) / 256) as u8;
    pixels(picture, place, |pixel| *pixel = pixel.map(dark));
}

fn fill(picture: &mut RgbImage, place: &Place, color: [u8; 3]) {
    pixels(picture, place, |pixel| *pixel = color);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_stands_where_least_is_taken_and_counts_what_is_left_out() {
        let white = || RgbImage::from_pixel(300, 200, Rgb([255; 3]));
        let mut picture = white();
        let taken = [Place { left: 0, top: 150, right: 100, bottom: 200 }];
        draw(&mut picture, &[("person", [200, 0, 0])], 12.0, &taken);
        assert!(picture.pixels().any(|pixel| pixel.0 == [200, 0, 0]));
        assert_eq!(picture.get_pixel(20, 180).0, [255; 3]);
        assert_ne!(picture.get_pixel(295, 195).0, [255; 3]);

        let names = vec![("a name", [0, 90, 0]); 40];
        let mut picture = white();
        draw(&mut picture, &names, 12.0, &[]);
        let mut swatches = 0;
        let mut inside = false;
        for y in 0..200 {
            let is = (0..300).any(|x| picture.get_pixel(x, y).0 == [0, 90, 0]);
            swatches += usize::from(is && !inside);
            inside = is;
        }
        assert!((2..=5).contains(&swatches), "{swatches}");

        let mut tiny = RgbImage::new(20, 8);
        draw(&mut tiny, &names, 12.0, &[]);
        assert!(tiny.pixels().all(|pixel| pixel.0 == [0; 3]));
    }
}

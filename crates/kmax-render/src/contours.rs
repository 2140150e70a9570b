//! Lines around segments.

use image::{Rgb, RgbImage};
use kmax_masks::LabelMap;
use std::collections::HashMap;

/// How much of its colour is left in a segment's line, of 256; the rest is white, to show on what is dark.
const COLOR: u32 = 150;
/// How much of the image is left in the shadow beside a segment, of 256, to show on what is light.
const SHADOW: u32 = 120;

/// Draws along the inside of each segment that has a colour a line of that colour, lightened, and beside it, where no segment is, a
/// shadow: one of the two shows on any image.
pub fn draw(picture: &mut RgbImage, map: &LabelMap, colors: &HashMap<u32, [u8; 3]>, thickness: usize) {
    let (width, height) = (map.width(), map.height());
    let data = map.data();
    let of = |id: u32| {
        let color = colors.get(&id)?;
        Some(color.map(|value| ((u32::from(value) * COLOR + 255 * (256 - COLOR)) / 256) as u8))
    };
    let (mut last, mut line) = (0, of(0));
    for y in 0..height {
        for x in 0..width {
            let id = data[y * width + x];
            if id != last {
                (last, line) = (id, of(id));
            }
            let reach = if line.is_some() { thickness } else { thickness.div_ceil(2) };
            if !near_another(data, [width, height], [x, y], reach) {
                continue;
            }
            let Rgb(pixel) = picture.get_pixel_mut(x as u32, y as u32);
            match line {
                Some(line) => *pixel = line,
                None => *pixel = pixel.map(|value| (u32::from(value) * SHADOW / 256) as u8),
            }
        }
    }
}

/// Whether a pixel of another segment lies within `reach` to the left, right, above or below.
fn near_another(data: &[u32], [width, height]: [usize; 2], [x, y]: [usize; 2], reach: usize) -> bool {
    let at = y * width + x;
    let id = data[at];
    (1..=reach).any(|step| {
        (x >= step && data[at - step] != id)
            || (x + step < width && data[at + step] != id)
            || (y >= step && data[at - step * width] != id)
            || (y + step < height && data[at + step * width] != id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_on_black_and_on_white() {
        // A segment on the left half, nothing on the right.
        let map = LabelMap::new(40, 8, (0..320).map(|at| u32::from(at % 40 < 20)).collect()).expect("fits");
        let colors = HashMap::from([(1, [200, 30, 30])]);
        for image in [[0; 3], [255; 3]] {
            let mut picture = RgbImage::from_pixel(40, 8, Rgb(image));
            draw(&mut picture, &map, &colors, 2);
            let of = |x: u32| picture.get_pixel(x, 4).0;
            assert_eq!((of(17), of(21)), (image, image));
            assert!(of(18) == of(19) && of(18)[0] > of(18)[1], "{:?}", of(18));
            let apart = (0..3).map(|i| of(19)[i].abs_diff(of(20)[i])).max();
            assert!(apart > Some(80), "{:?} {:?}", of(19), of(20));
        }
    }

    #[test]
    fn a_segment_of_a_pixel_is_a_line() {
        let map = LabelMap::new(3, 1, vec![0, 5, 0]).expect("fits");
        let mut picture = RgbImage::new(3, 1);
        draw(&mut picture, &map, &HashMap::from([(5, [0, 0, 255])]), 4);
        assert!(picture.get_pixel(1, 0).0[2] > 200);
    }
}

//! Resizing a window of an image: only what is shown is computed.

use image::RgbImage;
use kmax_masks::LabelMap;

/// Where an output window lies along one axis of a resized image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The height or width of the whole resized image, in pixels.
    pub resized: usize,
    /// The first pixel of the window.
    pub start: usize,
    /// The pixels of the window; `start + len` is at most `resized`.
    pub len: usize,
}

/// The source pixels that an output pixel mixes, and their shares.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Triangle filter with half-pixel centers. Where the image shrinks the triangle is as wide as an output pixel,
/// so that detail is averaged instead of aliased; this is what Pillow's `BILINEAR` does.
fn triangle(source: usize, window: Window) -> Vec<Taps> {
    let scale = source as f64 / window.resized as f64;
    let support = scale.max(1.0);
    (window.start..window.start + window.len)
        .map(|out| {
            let center = (out as f64 + 0.5) * scale;
            let first = ((center - support + 0.5).floor().max(0.0) as usize).min(source - 1);
            let end = ((center + support + 0.5).floor() as usize).clamp(first + 1, source);
            let raw: Vec<f64> = (first..end)
                .map(|pixel| (1.0 - ((pixel as f64 + 0.5 - center) / support).abs()).max(0.0))
                .collect();
            let sum: f64 = raw.iter().sum();
            Taps { first, weights: raw.iter().map(|weight| (weight / sum) as f32).collect() }
        })
        .collect()
}

/// Resizes an image bilinearly, averaging where it shrinks, and gives a window of the result as three planes
/// (red, green, blue; rows of `x.len`) of values in 0..255.
pub fn bilinear(image: &RgbImage, x: Window, y: Window) -> [Vec<f32>; 3] {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut planes = [(); 3].map(|()| vec![0.0; x.len * y.len]);
    if width == 0 || height == 0 || x.len == 0 || y.len == 0 {
        return planes;
    }
    let (columns, rows) = (triangle(width, x), triangle(height, y));
    let first_row = rows[0].first;
    let end_row = rows.iter().map(|taps| taps.first + taps.weights.len()).max().unwrap_or(first_row);
    // Along x for the rows that any output row needs, then along y.
    let mut narrow = vec![[0.0f32; 3]; (end_row - first_row) * x.len];
    let source = image.as_raw();
    for (row, out) in (first_row..end_row).zip(narrow.chunks_exact_mut(x.len)) {
        let line = &source[row * width * 3..(row + 1) * width * 3];
        for (pixel, taps) in out.iter_mut().zip(&columns) {
            let values = line[taps.first * 3..].as_chunks::<3>().0;
            for (weight, value) in taps.weights.iter().zip(values) {
                for channel in 0..3 {
                    pixel[channel] += weight * f32::from(value[channel]);
                }
            }
        }
    }
    for (at, taps) in rows.iter().enumerate() {
        for (offset, weight) in taps.weights.iter().enumerate() {
            let row = taps.first + offset - first_row;
            for (column, value) in narrow[row * x.len..(row + 1) * x.len].iter().enumerate() {
                for channel in 0..3 {
                    planes[channel][at * x.len + column] += weight * value[channel];
                }
            }
        }
    }
    planes
}

/// Resizes a map by taking the pixel under each output pixel's center, and gives a window of the result, row by
/// row.
pub fn nearest(map: &LabelMap, x: Window, y: Window) -> Vec<u32> {
    let under = |source: usize, window: Window| -> Vec<usize> {
        let scale = source as f64 / window.resized as f64;
        let pixels = window.start..window.start + window.len;
        pixels.map(|out| (((out as f64 + 0.5) * scale) as usize).min(source.saturating_sub(1))).collect()
    };
    if map.data().is_empty() {
        return vec![0; x.len * y.len];
    }
    let (columns, rows) = (under(map.width(), x), under(map.height(), y));
    let line = |row: usize| &map.data()[row * map.width()..(row + 1) * map.width()];
    rows.iter().flat_map(|&row| columns.iter().map(move |&column| line(row)[column])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(length: usize) -> Window {
        Window { resized: length, start: 0, len: length }
    }

    fn ramp(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x * 4) as u8, (y * 4) as u8, ((x * y) % 251) as u8])
        })
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let image = ramp(13, 7);
        let planes = bilinear(&image, whole(13), whole(7));
        for (index, pixel) in image.pixels().enumerate() {
            assert_eq!([0, 1, 2].map(|c| planes[c][index]), pixel.0.map(f32::from));
        }
        let map = LabelMap::new(3, 2, vec![5, 6, 7, 8, 9, 10]).expect("3 x 2");
        assert_eq!(nearest(&map, whole(3), whole(2)), map.data());
        assert_eq!(nearest(&map, whole(6), Window { resized: 1, start: 0, len: 1 }), [8, 8, 9, 9, 10, 10]);
    }

    #[test]
    fn a_window_is_a_part_of_the_whole() {
        let image = ramp(50, 40);
        for length in [17, 90] {
            let all = bilinear(&image, whole(length), whole(length));
            let (x, y) =
                (Window { resized: length, start: 3, len: 11 }, Window { resized: length, start: 6, len: 9 });
            let part = bilinear(&image, x, y);
            for (row, column) in (0..9).flat_map(|row| (0..11).map(move |column| (row, column))) {
                let (found, expected) = (part[2][row * 11 + column], all[2][(row + 6) * length + column + 3]);
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }

    #[test]
    fn shrinking_averages_and_growing_interpolates() {
        // A checkerboard shrinks to its mean; aliasing would give 0 or 255.
        let board = RgbImage::from_fn(64, 64, |x, y| image::Rgb([if (x + y) % 2 == 0 { 0 } else { 255 }; 3]));
        let small = bilinear(&board, whole(8), whole(8));
        assert!(small[0].iter().all(|value| (value - 127.5).abs() < 3.0));
        // A ramp of slope 4 has slope 2 when it is twice as wide, away from the border.
        let wide = bilinear(&ramp(16, 2), whole(32), whole(2));
        for (x, value) in wide[0].iter().enumerate().take(31).skip(1) {
            assert!((value - (x as f32 * 2.0 - 1.0)).abs() < 1e-4, "{x}: {value}");
        }
    }
}

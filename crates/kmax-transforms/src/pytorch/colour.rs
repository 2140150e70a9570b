//! detectron2's `ColorAugSSDTransform`: brightness, contrast, saturation and hue, each applied half of the time.

use image::RgbImage;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What was drawn for an image; `None` leaves that part as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SsdColour {
    /// Added to every value, within 32 of 0.
    pub brightness: Option<f32>,
    /// Multiplies every value, 0.5 to 1.5.
    pub contrast: Option<f32>,
    /// Multiplies the saturation, 0.5 to 1.5.
    pub saturation: Option<f32>,
    /// Added to the hue in steps of two degrees, within 18 of 0.
    pub hue: Option<i32>,
    /// Whether contrast comes before saturation and hue, or after.
    pub contrast_first: bool,
}

impl SsdColour {
    /// Draws one; every number is drawn always, so that one choice does not shift the next.
    pub fn draw(random: &mut ChaCha8Rng) -> Self {
        let between =
            |random: &mut ChaCha8Rng, low: f32, high: f32| low + (high - low) * random.random::<f32>();
        let mut maybe = |low, high| {
            let (applied, value) = (random.random::<bool>(), between(random, low, high));
            applied.then_some(value)
        };
        let (brightness, contrast) = (maybe(-32.0, 32.0), maybe(0.5, 1.5));
        let (saturation, hue) = (maybe(0.5, 1.5), maybe(-18.0, 19.0));
        let hue = hue.map(|hue| (hue.floor() as i32).min(18));
        Self { brightness, contrast, saturation, hue, contrast_first: random.random() }
    }

    /// Changes an image, in 8-bit steps as detectron2 does.
    pub fn apply(&self, image: &mut RgbImage) {
        for pixel in image.pixels_mut() {
            let contrast = |rgb: [u8; 3]| rgb.map(|value| line(value, self.contrast.unwrap_or(1.0), 0.0));
            let mut rgb = pixel.0.map(|value| line(value, 1.0, self.brightness.unwrap_or(0.0)));
            if self.contrast_first {
                rgb = contrast(rgb);
            }
            if let Some(factor) = self.saturation {
                let [h, s, v] = to_hsv(rgb);
                rgb = from_hsv([h, line(s, factor, 0.0), v]);
            }
            if let Some(turn) = self.hue {
                let [h, s, v] = to_hsv(rgb);
                rgb = from_hsv([(i32::from(h) + turn).rem_euclid(180) as u8, s, v]);
            }
            pixel.0 = if self.contrast_first { rgb } else { contrast(rgb) };
        }
    }
}

/// `value * factor + offset`, cut to 0..255 and without its fraction.
fn line(value: u8, factor: f32, offset: f32) -> u8 {
    (f32::from(value) * factor + offset).clamp(0.0, 255.0) as u8
}

/// OpenCV's 8-bit HSV: hue 0..179, in fixed point of 12 bits.
fn to_hsv(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let range = max - min;
    let ratio = |value: i32, whole: f64, by: i32| match by {
        0 => 0,
        by => (value * (whole * 4096.0 / f64::from(by)).round_ties_even() as i32 + 2048) >> 12,
    };
    let turn = if max == r {
        g - b
    } else if max == g {
        b - r + 2 * range
    } else {
        r - g + 4 * range
    };
    let hue = ratio(turn, 30.0, range);
    [if hue < 0 { hue + 180 } else { hue }, ratio(range, 255.0, max), max].map(|value| value as u8)
}

/// The way back, in float32; fractions are cut off as in OpenCV, so a value may come out one lower.
fn from_hsv([h, s, v]: [u8; 3]) -> [u8; 3] {
    let (hue, s, v) = (f32::from(h) * (6.0 / 180.0), f32::from(s) / 255.0, f32::from(v) / 255.0);
    let sector = hue.floor();
    let part = hue - sector;
    let [low, falling, rising] = [v * (1.0 - s), v * (1.0 - s * part), v * (1.0 - s * (1.0 - part))];
    let rgb = match sector as u32 % 6 {
        0 => [v, rising, low],
        1 => [falling, v, low],
        2 => [low, v, rising],
        3 => [low, falling, v],
        4 => [rising, low, v],
        _ => [v, low, falling],
    };
    // The margin keeps whole numbers whole where float32 falls short of them.
    rgb.map(|value| (value * 255.0 + 1e-3).clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
    use image::Rgb;

    #[test]
    fn hue_and_saturation_are_those_of_opencv() {
        for (rgb, hsv) in [
            ([10, 20, 30], [105, 170, 30]),
            ([200, 100, 50], [10, 191, 200]),
            ([0, 255, 0], [60, 255, 255]),
            ([255, 255, 255], [0, 0, 255]),
            ([7, 7, 7], [0, 0, 7]),
            ([120, 3, 250], [134, 252, 250]),
            ([3, 120, 119], [90, 249, 120]),
            ([250, 128, 250], [150, 124, 250]),
        ] {
            assert_eq!(to_hsv(rgb), hsv);
            let back = from_hsv(hsv);
            assert!(back.iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 2), "{rgb:?} {back:?}");
        }
    }

    #[test]
    fn each_part_does_its_own() {
        let change = |colour: SsdColour, rgb: [u8; 3]| {
            let mut image = RgbImage::from_pixel(1, 1, Rgb(rgb));
            colour.apply(&mut image);
            image.get_pixel(0, 0).0
        };
        let rgb = [200, 100, 50];
        assert_eq!(change(SsdColour::default(), rgb), rgb);
        assert_eq!(change(SsdColour { brightness: Some(-60.5), ..Default::default() }, rgb), [139, 39, 0]);
        assert_eq!(change(SsdColour { contrast: Some(1.5), ..Default::default() }, rgb), [255, 150, 75]);
        let grey = change(SsdColour { saturation: Some(0.0), ..Default::default() }, rgb);
        assert_eq!(grey, [200, 200, 200]);
        assert_eq!(change(SsdColour { hue: Some(60), ..Default::default() }, [255, 0, 0]), [0, 255, 0]);
    }

    #[test]
    fn draws_stay_in_range_and_leave_out_half() {
        let draws: Vec<SsdColour> = (0..400)
            .map(|index| SsdColour::draw(&mut Draw { seed: 1, epoch: 0, index, copy: 0 }.generator(0)))
            .collect();
        let count = |part: &dyn Fn(&SsdColour) -> bool| draws.iter().filter(|draw| part(draw)).count();
        assert!((140..260).contains(&count(&|draw| draw.brightness.is_some())));
        assert!((140..260).contains(&count(&|draw| draw.contrast_first)));
        assert!(draws.iter().filter_map(|draw| draw.hue).all(|hue| (-18..=18).contains(&hue)));
        assert_eq!(count(&|draw| draw.hue == Some(18)).min(1), 1);
        assert!(draws.iter().filter_map(|draw| draw.contrast).all(|factor| (0.5..1.5).contains(&factor)));
    }
}

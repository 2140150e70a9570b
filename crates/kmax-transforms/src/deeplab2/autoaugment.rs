//! The AutoAugment policies of the official configurations (Cubuk et al. 2019), in deeplab2's arithmetic.

use image::{Rgb, RgbImage};
use rand_chacha::ChaCha8Rng;

use crate::draw::{below, unit};

/// A change of an 8-bit image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// Stretches each channel to 0..255.
    AutoContrast,
    /// Flattens the histogram of each channel.
    Equalize,
    /// Values from the threshold on become 255 minus themselves.
    Solarize(u8),
    /// Mixes with the grey image; 1 changes nothing.
    Color(f32),
    /// Mixes with one grey value; 1 changes nothing.
    Contrast(f32),
    /// Mixes with black; 1 changes nothing.
    Brightness(f32),
    /// Mixes with the smoothed image; 1 changes nothing.
    Sharpness(f32),
}

/// An operation and the probability that it is applied.
pub type Step = (Operation, f32);

/// A policy: one of its pairs is chosen for an image, and its two steps are drawn in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `simple_classification_policy`.
    SimpleClassification,
    /// `simple_classification_policy_magnitude_scale_0.2`, the one of the official configurations.
    SimpleClassificationFifth,
}

impl Policy {
    /// The policy with a configuration's name for it.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "simple_classification_policy" => Some(Self::SimpleClassification),
            "simple_classification_policy_magnitude_scale_0.2" => Some(Self::SimpleClassificationFifth),
            _ => None,
        }
    }

    /// The pairs of steps.
    pub fn pairs(self) -> [[Step; 2]; 5] {
        use Operation::{Brightness, Color, Contrast, Equalize, Sharpness, Solarize};
        let scale = match self {
            Self::SimpleClassification => 1.0,
            Self::SimpleClassificationFifth => 0.2,
        };
        // Levels run from 0 to 10; enhancements map them to 0.1..1.9, the threshold to 0..256.
        let factor = |level: f64| (level * scale / 10.0 * 1.8 + 0.1) as f32;
        let threshold = |level: f64| (level * scale / 10.0 * 256.0) as u8;
        [
            [(Sharpness(factor(7.0)), 0.4), (Brightness(factor(10.0)), 0.2)],
            [(Equalize, 0.0), (Contrast(factor(10.0)), 0.2)],
            [(Sharpness(factor(9.0)), 0.2), (Color(factor(9.0)), 0.2)],
            [(Solarize(threshold(7.0)), 0.2), (Equalize, 0.6)],
            [(Sharpness(factor(1.0)), 0.2), (Equalize, 0.2)],
        ]
    }

    /// Draws a pair and its steps, and applies them.
    pub fn apply(self, mut image: RgbImage, random: &mut ChaCha8Rng) -> RgbImage {
        let pairs = self.pairs();
        let pair = pairs[below(random, pairs.len())];
        for (operation, probability) in pair {
            if unit(random) + probability >= 1.0 {
                image = operation.apply(&image);
            }
        }
        image
    }
}

impl Operation {
    /// The changed image.
    pub fn apply(self, image: &RgbImage) -> RgbImage {
        match self {
            Self::AutoContrast => by_table(image, stretch),
            Self::Equalize => by_table(image, flatten),
            Self::Solarize(threshold) => {
                each(image, |_, pixel| pixel.map(|value| if value < threshold { value } else { 255 - value }))
            }
            Self::Color(factor) => each(image, |_, pixel| blend([grey(pixel); 3], pixel, factor)),
            Self::Contrast(factor) => {
                // deeplab2 sums the histogram, not histogram times value: its "mean" is a 256th of the area.
                let mean = ((image.width() as f32 * image.height() as f32) / 256.0).clamp(0.0, 255.0) as u8;
                each(image, |_, pixel| blend([mean; 3], pixel, factor))
            }
            Self::Brightness(factor) => each(image, |_, pixel| blend([0; 3], pixel, factor)),
            Self::Sharpness(factor) => {
                each(image, |at, pixel| blend(smooth(image, at, pixel), pixel, factor))
            }
        }
    }
}

fn each(image: &RgbImage, change: impl Fn((u32, u32), [u8; 3]) -> [u8; 3]) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| Rgb(change((x, y), image.get_pixel(x, y).0)))
}

/// `from + factor (to - from)`, cut off to 0..255 where it leaves the range.
fn blend(from: [u8; 3], to: [u8; 3], factor: f32) -> [u8; 3] {
    if factor == 1.0 {
        return to;
    }
    [0, 1, 2].map(|channel| {
        let (from, to) = (f32::from(from[channel]), f32::from(to[channel]));
        // A cast from float saturates, which is the cut-off.
        (from + factor * (to - from)) as u8
    })
}

/// TensorFlow's `rgb_to_grayscale` of 8-bit values, which goes through 0..1 and back.
fn grey([r, g, b]: [u8; 3]) -> u8 {
    let value = |v: u8| f32::from(v) * (1.0 / 255.0);
    let luma = value(r) * 0.2989 + value(g) * 0.587 + value(b) * 0.114;
    // 255.5: `convert_image_dtype` scales by the largest value plus one half, and cuts fractions off.
    (luma * 255.5) as u8
}

/// The 3 x 3 mean with weight 5 in the middle; border pixels stay.
fn smooth(image: &RgbImage, (x, y): (u32, u32), pixel: [u8; 3]) -> [u8; 3] {
    if x == 0 || y == 0 || x + 1 >= image.width() || y + 1 >= image.height() {
        return pixel;
    }
    // The division is part of the kernel there; both weights are rounded before they are used.
    let (one, five) = (1.0f32 / 13.0, 5.0f32 / 13.0);
    let mut sum = [0.0f32; 3];
    for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
        let weight = if (dy, dx) == (1, 1) { five } else { one };
        let neighbour = image.get_pixel(x + dx - 1, y + dy - 1).0;
        for channel in 0..3 {
            sum[channel] += f32::from(neighbour[channel]) * weight;
        }
    }
    sum.map(|value| value as u8)
}

/// Replaces each value of each channel by what a table made from its histogram says.
fn by_table(image: &RgbImage, table: impl Fn(&[i64; 256]) -> Option<[u8; 256]>) -> RgbImage {
    let mut histograms = [[0i64; 256]; 3];
    for pixel in image.pixels() {
        for channel in 0..3 {
            histograms[channel][usize::from(pixel.0[channel])] += 1;
        }
    }
    let tables = histograms.map(|histogram| table(&histogram));
    each(image, |_, pixel| {
        [0, 1, 2].map(|channel| {
            let value = pixel[channel];
            tables[channel].as_ref().map_or(value, |table| table[usize::from(value)])
        })
    })
}

fn stretch(histogram: &[i64; 256]) -> Option<[u8; 256]> {
    let low = histogram.iter().position(|&count| count > 0)?;
    let high = histogram.iter().rposition(|&count| count > 0)?;
    let scale = 255.0 / (high - low) as f32;
    let offset = -(low as f32) * scale;
    (high > low).then(|| std::array::from_fn(|value| (value as f32 * scale + offset) as u8))
}

fn flatten(histogram: &[i64; 256]) -> Option<[u8; 256]> {
    let last = histogram.iter().rfind(|&&count| count > 0)?;
    let step = (histogram.iter().sum::<i64>() - last) / 255;
    if step == 0 {
        return None;
    }
    let mut below = 0;
    let table = histogram.map(|count| {
        // The first entry is 0, for the table is shifted by one after the half step was added.
        let value = if below == 0 { 0 } else { (below + step / 2) / step };
        below += count;
        value.clamp(0, 255) as u8
    });
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> RgbImage {
        RgbImage::from_fn(16, 16, |x, y| Rgb([(x * 5 + 40) as u8, (y * 3 + 100) as u8, (x * y) as u8]))
    }

    #[test]
    fn operations_do_what_their_names_say() {
        let stretched = Operation::AutoContrast.apply(&ramp());
        let reds = || stretched.pixels().map(|pixel| pixel.0[0]);
        assert_eq!((reds().min(), reds().max()), (Some(0), Some(255)));
        let flat = RgbImage::from_pixel(16, 16, Rgb([9, 9, 9]));
        for operation in [Operation::AutoContrast, Operation::Equalize, Operation::Color(0.3)] {
            assert_eq!(operation.apply(&flat), flat);
        }
        for same in [Operation::Color(1.0), Operation::Contrast(1.0), Operation::Brightness(1.0)] {
            assert_eq!(same.apply(&ramp()), ramp());
        }
        assert_eq!(Operation::Solarize(100).apply(&ramp()).get_pixel(0, 0).0, [40, 155, 0]);
        assert_eq!(Operation::Brightness(1.9).apply(&ramp()).get_pixel(15, 15).0, [218, 255, 255]);
    }

    #[test]
    fn each_draw_is_of_the_policy() {
        let mut random = crate::draw::Draw { seed: 1, epoch: 0, index: 0, copy: 0 }.generator(0);
        let outcomes: Vec<_> =
            (0..60).map(|_| Policy::SimpleClassificationFifth.apply(ramp(), &mut random)).collect();
        let changed = outcomes.iter().filter(|&image| image != &ramp()).count();
        assert!((10..50).contains(&changed), "{changed}");
        assert_eq!(Policy::by_name("simple_classification_policy"), Some(Policy::SimpleClassification));
        assert_eq!(Policy::by_name("other"), None);
    }
}

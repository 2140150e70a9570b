//! A few numbers that tell whether two models compute the same.

use crate::error::Result;
use image::{Rgb, RgbImage};
use kmax_model::{Model, Segmenter};
use std::fmt;

/// What a model says about an image, in short.
///
/// Two machines give the same numbers up to rounding: compare all but `assignment` with a tolerance. That one counts whole
/// decisions, of which rounding turns few or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// Width and height of the image.
    pub image: [u32; 2],
    /// Mean and root mean square of the class logits.
    pub classes: [f64; 2],
    /// Mean and root mean square of the mask logits.
    pub masks: [f64; 2],
    /// How many queries have at least one pixel of the mask logits, and a checksum of which pixel has which.
    pub assignment: (usize, u32),
    /// Segments found.
    pub segments: usize,
}

impl Fingerprint {
    /// A picture for whom has no image: gradients, stripes and discs.
    pub fn picture() -> RgbImage {
        RgbImage::from_fn(640, 480, |x, y| {
            let disc = |cx: f32, cy: f32, r: f32| (x as f32 - cx).hypot(y as f32 - cy) < r;
            match () {
                () if disc(200.0, 240.0, 90.0) => Rgb([220, 60, 40]),
                () if disc(450.0, 180.0, 70.0) => Rgb([40, 90, 200]),
                () if y > 360 => Rgb([90, if x / 20 % 2 == 0 { 160 } else { 120 }, 70]),
                () => Rgb([(x * 255 / 640) as u8, 180, (255 - y * 255 / 480) as u8]),
            }
        })
    }

    /// Runs a model on an image, on the CPU.
    ///
    /// # Errors
    /// If the model cannot be run or the image is too thin.
    pub fn of(model: &Model, image: &RgbImage) -> Result<Self> {
        let segmenter = Segmenter::builder(model.clone()).build()?;
        let prediction = segmenter.predict(image)?;
        let said = &prediction.logits;
        let [height, width] = said.mask_size;
        let mut best = vec![(f32::NEG_INFINITY, 0usize); height * width];
        for (query, mask) in said.mask_logits.chunks_exact(height * width).enumerate() {
            for (best, logit) in best.iter_mut().zip(mask) {
                if *logit > best.0 {
                    *best = (*logit, query);
                }
            }
        }
        let mut used = vec![false; said.queries];
        // FNV-1a.
        let mut checksum = 0x811c_9dc5_u32;
        for (_, query) in best {
            used[query] = true;
            checksum = (checksum ^ query as u32).wrapping_mul(0x0100_0193);
        }
        Ok(Self {
            image: [image.width(), image.height()],
            classes: moments(&said.class_logits),
            masks: moments(&said.mask_logits),
            assignment: (used.into_iter().filter(|used| *used).count(), checksum),
            segments: prediction.panoptic()?.segments.len(),
        })
    }
}

/// Mean and root mean square.
fn moments(values: &[f32]) -> [f64; 2] {
    let count = values.len().max(1) as f64;
    let sum = |of: fn(f64) -> f64| values.iter().map(|v| of(f64::from(*v))).sum::<f64>() / count;
    [sum(|v| v), sum(|v| v * v).sqrt()]
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image: [width, height], classes, masks, assignment: (queries, checksum), segments } = self;
        write!(
            f,
            "{width}x{height} class logits {:.5} rms {:.5}, mask logits {:.5} rms {:.5}, {queries} queries in use, \
             assignment {checksum:08x}, {segments} segments",
            classes[0], classes[1], masks[0], masks[1]
        )
    }
}

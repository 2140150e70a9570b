//! The training transform of the PyTorch implementation: large-scale jitter, colours, crop, flip, and copy-paste of a second image
//! (`PanoptickMaXDeepLabDatasetMapper`).

mod colour;

use image::RgbImage;
use kmax_masks::{LabelMap, Panoptic};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::draw::{Draw, below};
use crate::error::{Error, Result};
use crate::paste::{choose, paste};
use crate::sample::Sample;
use crate::{labels, pillow, size};

pub use colour::SsdColour;

/// Settings of its configurations.
#[derive(Clone, Debug, PartialEq)]
pub struct PytorchTrain {
    /// Height and width of the result (`INPUT.IMAGE_SIZE`).
    pub size: [usize; 2],
    /// The range of the scale (`INPUT.MIN_SCALE`, `INPUT.MAX_SCALE`); at 1 the image just fits.
    pub scale: [f64; 2],
}

/// What the second image's scale is multiplied by.
pub const PASTE_SCALE: f64 = 0.5;

/// An image with its segments, both of the size asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct PytorchExample {
    /// The image; padding is black.
    pub image: RgbImage,
    /// Whether a pixel shows an image, row by row; padding does not, and counts nowhere.
    pub real: Vec<bool>,
    /// The segments that are left, those of the image first. Padding is void.
    pub panoptic: Panoptic,
}

impl Default for PytorchTrain {
    /// COCO's.
    fn default() -> Self {
        Self { size: [1281; 2], scale: [0.2, 2.0] }
    }
}

/// Purposes of the draws of the image, the second image, and the choice of segments.
const TARGET: u64 = 24;
const SOURCE: u64 = 25;
const CHOICE: u64 = 26;

impl PytorchTrain {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the first that makes no sense.
    pub fn check(&self) -> Result<()> {
        size::check_crop(self.size)?;
        let [low, high] = self.scale;
        if !(low > 0.0 && low <= high && high <= 64.0) {
            return Err(Error::setting("scale", format!("must rise within (0, 64], found [{low}, {high}]")));
        }
        Ok(())
    }

    /// The example of an image and, for copy-paste, a second one. Every thing of the second is pasted, and of its stuff as
    /// much as is drawn; crowds are not. Pasted segments have ids that the image has not.
    ///
    /// # Errors
    /// If a setting makes no sense, or an image and its labels differ in size or are empty.
    pub fn apply(
        &self,
        target: &Sample,
        source: Option<&Sample>,
        is_thing: impl Fn(u32) -> bool,
        draw: Draw,
    ) -> Result<PytorchExample> {
        self.check()?;
        let mut out = self.one(target, 1.0, &mut draw.generator(TARGET))?;
        let Some(source) = source else { return Ok(out) };
        let pasted = self.one(source, PASTE_SCALE, &mut draw.generator(SOURCE))?;
        let chosen = choose(&source.panoptic, is_thing, &mut draw.generator(CHOICE));
        let (to, from) = (out.image.as_chunks_mut::<3>().0, pasted.image.as_chunks::<3>().0);
        paste(&mut out.panoptic, &pasted.panoptic, &chosen, |at| {
            to[at] = from[at];
            out.real[at] = true;
        });
        Ok(out)
    }

    /// Scales, colours, crops, flips and pads at the bottom and on the right.
    fn one(&self, sample: &Sample, factor: f64, random: &mut ChaCha8Rng) -> Result<PytorchExample> {
        let (width, height) = (sample.image.width() as usize, sample.image.height() as usize);
        if (width, height) != (sample.panoptic.map.width(), sample.panoptic.map.height()) {
            return Err(Error::setting("labels", "their size is not that of the image"));
        }
        let [low, high] = self.scale.map(|scale| scale * factor);
        let scale = low + (high - low) * random.random::<f64>();
        let resized = scaled([height, width], self.size, scale);
        let mut image = pillow::bilinear(&sample.image, resized)?;
        let map = pillow::nearest(&sample.panoptic.map, resized)?;
        SsdColour::draw(random).apply(&mut image);

        let crop = [0, 1].map(|axis| resized[axis].min(self.size[axis]));
        let corner = [0, 1].map(|axis| below(random, resized[axis] - crop[axis] + 1));
        let flip = random.random::<f64>() < 0.5;
        let mut map = labels::cropped(&map, crop, corner)?;
        let [top, left, rows, columns] = [corner[0], corner[1], crop[0], crop[1]].map(|length| length as u32);
        let mut part = image::imageops::crop_imm(&image, left, top, columns, rows).to_image();
        if flip {
            labels::flip(&mut map);
            image::imageops::flip_horizontal_in_place(&mut part);
        }
        let [height, width] = self.size;
        let mut padded = RgbImage::new(width as u32, height as u32);
        image::imageops::replace(&mut padded, &part, 0, 0);
        let real = (0..height * width).map(|at| at / width < crop[0] && at % width < crop[1]).collect();
        let map = labels::padded(&map, self.size, [0, 0], 0)?;
        Ok(PytorchExample { image: padded, real, panoptic: left_over(map, &sample.panoptic) })
    }
}

/// `[height, width]` after detectron2's `ResizeScale`, which rounds halves to even. A thin image keeps a pixel, where
/// detectron2 ends.
fn scaled([height, width]: [usize; 2], target: [usize; 2], scale: f64) -> [usize; 2] {
    let (h, w) = (height as f64, width as f64);
    let factor = (target[0] as f64 * scale / h).min(target[1] as f64 * scale / w);
    [h, w].map(|length| ((length * factor).round_ties_even() as usize).max(1))
}

/// The listed segments that a map still shows, in their order.
fn left_over(map: LabelMap, from: &Panoptic) -> Panoptic {
    let mut panoptic = Panoptic::new(map, from.segments.clone());
    panoptic.measure();
    panoptic.segments.retain(|segment| segment.area > 0);
    panoptic
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// Left half a person (1), right half grass (2); the image's red tells the half.
    fn sample(width: u32, height: u32, red: u8) -> Sample {
        let half = |x: u32| u32::from(x >= width / 2);
        let data = (0..width * height).map(|at| 1 + half(at % width)).collect();
        let map = LabelMap::new(width as usize, height as usize, data).expect("sizes fit");
        let image = RgbImage::from_fn(width, height, |x, _| Rgb([red + 40 * half(x) as u8, 90, 90]));
        let panoptic = Panoptic::from_map(map, |id| (id, false));
        Sample { image, panoptic, image_id: 1.into() }
    }

    fn draw(index: u64) -> Draw {
        Draw { seed: 3, epoch: 0, index, copy: 0 }
    }

    #[test]
    fn sizes_are_those_of_detectron2() {
        assert_eq!(scaled([480, 640], [1281, 1281], 1.0), [961, 1281]);
        assert_eq!(scaled([480, 640], [1281, 1281], 0.2), [192, 256]);
        assert_eq!(scaled([427, 640], [641, 641], 2.0), [855, 1282]);
        // 2.5 and 7.5 go to the even number.
        assert_eq!(scaled([1, 3], [5, 15], 0.5), [2, 8]);
    }

    #[test]
    fn examples_have_the_size_and_repeat() -> Result<()> {
        let transform = PytorchTrain { size: [33, 49], scale: [0.2, 2.0] };
        let (mut flipped, mut padded) = (0, 0);
        for index in 0..40 {
            let example = transform.apply(&sample(40, 30, 100), None, |_| true, draw(index))?;
            assert_eq!(example.image.dimensions(), (49, 33));
            assert_eq!(example, transform.apply(&sample(40, 30, 100), None, |_| true, draw(index))?);
            let shown = example.real.iter().filter(|&&real| real).count() as u64;
            assert_eq!(example.panoptic.segments.iter().map(|segment| segment.area).sum::<u64>(), shown);
            padded += usize::from(shown < 33 * 49);
            flipped += usize::from(example.panoptic.map.data()[0] == 2);
        }
        assert!((8..32).contains(&flipped) && padded > 10, "{flipped} {padded}");
        Ok(())
    }

    #[test]
    fn things_are_always_pasted_and_stuff_sometimes() -> Result<()> {
        let transform = PytorchTrain { size: [32, 32], scale: [1.0, 1.0] };
        let (mut stuff, mut things) = (0, 0);
        for index in 0..40 {
            let (target, source) = (sample(32, 32, 10), sample(32, 32, 200));
            let example = transform.apply(&target, Some(&source), |class| class == 1, draw(index))?;
            things += usize::from(example.panoptic.segment(3).is_some());
            stuff += usize::from(example.panoptic.segment(4).is_some());
            // The second image is half as large, and lies in the upper left corner.
            let of = |id: u32| example.panoptic.map.data().iter().filter(|&&found| found == id).count();
            assert_eq!(of(3), 16 * 8);
            let own: u64 = example.panoptic.segments.iter().map(|segment| segment.area).sum();
            assert_eq!(own, 32 * 32);
        }
        assert!(things == 40 && (5..35).contains(&stuff), "{things} {stuff}");
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let zero = PytorchTrain { scale: [0.0, 1.0], ..PytorchTrain::default() };
        assert!(zero.apply(&sample(8, 8, 0), None, |_| true, draw(0)).is_err());
        let mut torn = sample(8, 8, 0);
        torn.image = RgbImage::new(8, 9);
        assert!(PytorchTrain::default().apply(&torn, None, |_| true, draw(0)).is_err());
    }
}

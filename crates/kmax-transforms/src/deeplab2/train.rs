//! deeplab2's training transform: scale, AutoAugment, pad, crop, flip, copy-paste.

use rand_chacha::ChaCha8Rng;

use super::autoaugment::Policy;
use super::copy_paste::{self, CopyPaste, Pair};
use super::labels::Encoding;
use crate::draw::{Draw, below, unit};
use crate::error::{Error, Result};
use crate::planar::{PAD, Planar};
use crate::{labels, resize, size};

/// Settings of the official training configurations.
#[derive(Clone, Debug, PartialEq)]
pub struct Deeplab2Train {
    /// Height and width of a crop.
    pub crop: [usize; 2],
    /// The height and width that an image is enlarged to before anything is drawn, if at all.
    pub min: Option<[usize; 2]>,
    /// The height and width that an image is shrunk to before anything is drawn, if at all.
    pub max: Option<[usize; 2]>,
    /// The smallest and the largest scale.
    pub scale: [f32; 2],
    /// The distance between scales; 0 draws any between the two.
    pub step: f32,
    /// The AutoAugment policy.
    pub policy: Option<Policy>,
    /// How labels are encoded.
    pub encoding: Encoding,
    /// Which segments of a second image are laid over, if any.
    pub copy_paste: Option<CopyPaste>,
    /// What the scale is multiplied by for the second image.
    pub copy_paste_scale: f32,
}

/// The probability of a horizontal flip.
const FLIP: f32 = 0.5;

/// The purposes of the draws of the two images.
const TARGET: u64 = 16;
const SOURCE: u64 = 17;

/// The scales that [`Deeplab2Train::step`] leaves to choose from, spread evenly, in float32.
pub fn scales([low, high]: [f32; 2], step: f32) -> Vec<f32> {
    // The count comes from Python's doubles of the float32 settings.
    let steps = ((f64::from(high) - f64::from(low)) / f64::from(step)) as usize + 1;
    let delta = if steps > 1 { (high - low) / (steps - 1) as f32 } else { 0.0 };
    let spread = |place| if place + 1 == steps && steps > 1 { high } else { low + delta * place as f32 };
    (0..steps).map(spread).collect()
}

impl Deeplab2Train {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the first that makes no sense.
    pub fn check(&self) -> Result<()> {
        size::check_crop(self.crop)?;
        if [self.min, self.max].iter().flatten().flatten().any(|length| *length == 0) {
            let reason = "height and width are at least 1 where an image is resized first";
            return Err(Error::setting("min, max", reason));
        }
        self.range(1.0)?;
        self.range(self.copy_paste.map_or(1.0, |_| self.copy_paste_scale))?;
        self.encoding.check()
    }

    /// The training pair of an image and, for copy-paste, a second image.
    ///
    /// # Errors
    /// If settings make no sense, an image and its labels differ in size, or there are more instances of a class than labels
    /// can tell apart.
    pub fn apply(&self, target: &Pair, source: Option<&Pair>, draw: Draw) -> Result<Pair> {
        self.check()?;
        let random = &mut draw.generator(TARGET);
        let out = self.one(target, 1.0, self.encoding.void(), random)?;
        let (Some(source), Some(paste)) = (source, &self.copy_paste) else { return Ok(out) };
        let random = &mut draw.generator(SOURCE);
        let source = self.one(source, self.copy_paste_scale, self.encoding.void() + 1, random)?;
        let count = copy_paste::labels_in_order(&source.labels).len();
        paste.apply(&out, &source, &self.encoding, &copy_paste::draw(count, random))
    }

    fn one(&self, pair: &Pair, factor: f32, pad: u32, random: &mut ChaCha8Rng) -> Result<Pair> {
        let mut pair = pair.clone();
        if (pair.image.width, pair.image.height) != (pair.labels.width(), pair.labels.height()) {
            return Err(Error::setting("labels", "their size is not that of the image"));
        }
        if self.min.is_some() || self.max.is_some() {
            let size = [pair.image.height, pair.image.width];
            pair = resized(&pair, size::resize_to_range(size, self.min, self.max, None))?;
        }
        let scale = self.draw_scale(factor, random)?;
        if scale != 1.0 {
            pair = resized(&pair, size::randomly_scaled([pair.image.height, pair.image.width], scale))?;
        }
        if let Some(policy) = self.policy {
            pair.image = Planar::from_rgb(&policy.apply(pair.image.to_rgb(), random));
        }
        let size = [pair.image.height, pair.image.width];
        // A margin of m leaves m offsets, not m + 1, as in deeplab2.
        let offset = [0, 1].map(|axis| below(random, self.crop[axis].saturating_sub(size[axis]).max(1)));
        let whole = [0, 1].map(|axis| size[axis].max(self.crop[axis]));
        let image = pair.image.padded(whole, offset, PAD)?;
        let map = labels::padded(&pair.labels, whole, offset, pad)?;
        let corner = [0, 1].map(|axis| below(random, whole[axis] - self.crop[axis] + 1));
        let mut out = Pair {
            image: image.cropped(self.crop, corner)?,
            labels: labels::cropped(&map, self.crop, corner)?,
        };
        if unit(random) <= FLIP {
            out.image.flip();
            labels::flip(&mut out.labels);
        }
        Ok(out)
    }

    /// The smallest and the largest scale, multiplied by a factor.
    fn range(&self, factor: f32) -> Result<[f32; 2]> {
        let [low, high] = self.scale.map(|scale| scale * factor);
        let steps = (high - low) / self.step;
        if !(low > 0.0 && low <= high && high <= 64.0 && self.step >= 0.0) || self.step > 0.0 && steps > 1e6 {
            let reason = format!("[{low}, {high}] by {} is no range within (0, 64]", self.step);
            return Err(Error::setting("scale", reason));
        }
        Ok([low, high])
    }

    fn draw_scale(&self, factor: f32, random: &mut ChaCha8Rng) -> Result<f32> {
        let [low, high] = self.range(factor)?;
        let drawn = unit(random);
        if low == high {
            return Ok(low);
        }
        if self.step == 0.0 {
            return Ok(low + drawn * (high - low));
        }
        let all = scales([low, high], self.step);
        Ok(all[((drawn * all.len() as f32) as usize).min(all.len() - 1)])
    }
}

/// A thin image keeps a pixel, where deeplab2 ends.
fn resized(pair: &Pair, size: [usize; 2]) -> Result<Pair> {
    let size = size.map(|length| length.max(1));
    Ok(Pair { image: resize::bilinear(&pair.image, size)?, labels: resize::nearest(&pair.labels, size)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;
    use kmax_masks::LabelMap;

    fn pair(width: u32, height: u32) -> Pair {
        let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 3) as u8, (y * 3) as u8, 50]));
        let labels = (0..width * height).map(|at| 256 + at % 3).collect();
        let labels = LabelMap::new(width as usize, height as usize, labels).expect("sizes fit");
        Pair { image: Planar::from_rgb(&image), labels }
    }

    fn settings() -> Deeplab2Train {
        Deeplab2Train {
            crop: [33, 49],
            min: None,
            max: None,
            scale: [0.3, 1.7],
            step: 0.1,
            policy: Some(Policy::SimpleClassificationFifth),
            encoding: Encoding { divisor: 256, ignore: 0, things: vec![1], classes: 3 },
            copy_paste: Some(CopyPaste::default()),
            copy_paste_scale: 0.5,
        }
    }

    #[test]
    fn crops_have_the_size_asked_for_and_repeat() -> Result<()> {
        let (target, source) = (pair(60, 40), pair(30, 50));
        for index in 0..20 {
            let draw = Draw { seed: 2, epoch: 0, index, copy: 0 };
            let out = settings().apply(&target, Some(&source), draw)?;
            assert_eq!((out.image.height, out.image.width, out.labels.data().len()), (33, 49, 33 * 49));
            assert!(out.labels.data().iter().all(|&label| label != 1), "padding of the second image");
            assert_eq!(out, settings().apply(&target, Some(&source), draw)?);
        }
        Ok(())
    }

    #[test]
    fn wrong_settings_are_refused() {
        let draw = Draw { seed: 2, epoch: 0, index: 0, copy: 0 };
        for scale in [[0.0, 1.0], [2.0, 1.0], [f32::NAN, 1.0], [1.0, 1e9]] {
            assert!(Deeplab2Train { scale, ..settings() }.apply(&pair(9, 9), None, draw).is_err());
        }
        assert!(Deeplab2Train { min: Some([0, 5]), ..settings() }.check().is_err());
        assert!(Deeplab2Train { copy_paste_scale: 0.0, ..settings() }.check().is_err());
        let unpasted = Deeplab2Train { copy_paste: None, copy_paste_scale: 0.0, ..settings() };
        assert!(unpasted.check().is_ok());
        let torn = Pair { image: pair(9, 9).image, labels: pair(9, 8).labels };
        assert!(settings().apply(&torn, None, draw).is_err());
    }
}

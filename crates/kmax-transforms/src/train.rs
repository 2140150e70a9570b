//! Our trainer's augmentation: scale, crop, flip, colour.

use image::RgbImage;
use kmax_masks::{LabelMap, Panoptic, Segment};
use rand_chacha::ChaCha8Rng;

use crate::colour::Jitter;
use crate::draw::{AUGMENT, Draw, below, unit};
use crate::error::{Error, Result};
use crate::resample::{self, Window};
use crate::sample::Sample;
use crate::size;

pub use crate::example::TrainingExample;

/// Random changes of a sample, in the order: scale, crop, flip, colour.
///
/// Image and labels are resized straight to the crop: the image bilinearly (averaging where it shrinks), the
/// labels by nearest pixel. A resized image that is smaller than the crop lies in its upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainTransform {
    /// Height and width of the crop in pixels.
    pub crop: [usize; 2],
    /// The range of the scale; at 1 the whole image just fits the crop.
    pub scale: [f32; 2],
    /// The probability of a horizontal flip.
    pub flip: f32,
    /// The largest relative changes of brightness, contrast and saturation, each in 0..1.
    pub jitter: [f32; 3],
    /// The value of padded pixels, in 0..255.
    pub pad: f32,
}

impl Default for TrainTransform {
    fn default() -> Self {
        Self { crop: [641, 641], scale: [0.5, 2.0], flip: 0.5, jitter: [0.2; 3], pad: 127.5 }
    }
}

impl TrainTransform {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the first that makes no sense.
    pub fn check(&self) -> Result<()> {
        size::check_crop(self.crop)?;
        let [low, high] = self.scale;
        if !(low > 0.0 && low <= high && high <= 64.0) {
            return Err(Error::setting("scale", format!("must rise within (0, 64], found [{low}, {high}]")));
        }
        if !(0.0..=1.0).contains(&self.flip) {
            return Err(Error::setting("flip", format!("must lie in 0..1, found {}", self.flip)));
        }
        if self.jitter.iter().any(|change| !(0.0..=1.0).contains(change)) {
            return Err(Error::setting("jitter", format!("each must lie in 0..1, found {:?}", self.jitter)));
        }
        if !(0.0..=255.0).contains(&self.pad) {
            return Err(Error::setting("pad", format!("must lie in 0..255, found {}", self.pad)));
        }
        Ok(())
    }

    /// The example that `draw` makes of a sample.
    ///
    /// # Errors
    /// If a setting makes no sense, or image and labels differ in size or are empty.
    pub fn apply(&self, sample: &Sample, draw: Draw) -> Result<TrainingExample> {
        self.check()?;
        self.one(&sample.image, sample, 1.0, &mut draw.generator(AUGMENT))
    }

    /// The example of a sample whose image is `image` instead of its own, with the scale multiplied by `factor`.
    pub(crate) fn one(
        &self,
        image: &RgbImage,
        sample: &Sample,
        factor: f32,
        random: &mut ChaCha8Rng,
    ) -> Result<TrainingExample> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let map = &sample.panoptic.map;
        if (width, height) != (map.width(), map.height()) || width == 0 || height == 0 {
            let labels = format!("labels of {} x {}", map.width(), map.height());
            return Err(Error::setting(
                "sample",
                format!("an image of {width} x {height} and {labels} pixels"),
            ));
        }
        // All numbers are drawn always and in this order, so that one setting does not shift another's draws.
        let [crop_height, crop_width] = self.crop;
        let fit = (crop_height as f64 / height as f64).min(crop_width as f64 / width as f64);
        let scale = fit * f64::from(between(self.scale, random) * factor);
        let y = window(height, scale, crop_height, random);
        let x = window(width, scale, crop_width, random);
        let flip = unit(random) < self.flip;
        let [brightness, contrast, saturation] =
            self.jitter.map(|change| between([1.0 - change, 1.0 + change], random));

        let [mut red, mut green, mut blue] = resample::bilinear(image, x, y);
        Jitter { brightness, contrast, saturation }.apply(&mut red, &mut green, &mut blue);
        let labels = resample::nearest(map, x, y);

        let mut image = vec![self.pad; 3 * crop_height * crop_width];
        for (plane, out) in
            [red, green, blue].iter_mut().zip(image.chunks_exact_mut(crop_height * crop_width))
        {
            place(plane, out, x.len, crop_width, flip);
        }
        let mut padded = vec![0; crop_height * crop_width];
        place(&mut { labels }, &mut padded, x.len, crop_width, flip);
        let labels = LabelMap::new(crop_width, crop_height, padded)
            .map_err(|error| Error::setting("crop", error.to_string()))?;
        let panoptic = keep_listed(labels, &sample.panoptic.segments);
        Ok(TrainingExample {
            image,
            labels: panoptic.map,
            segments: panoptic.segments,
            height: crop_height,
            width: crop_width,
            real_height: y.len,
            real_width: x.len,
            real: None,
            image_id: sample.image_id.clone(),
        })
    }
}

fn between([low, high]: [f32; 2], random: &mut ChaCha8Rng) -> f32 {
    low + unit(random) * (high - low)
}

/// Where the crop lies along one axis of the image, of `length` pixels and resized by `scale`.
fn window(length: usize, scale: f64, crop: usize, random: &mut ChaCha8Rng) -> Window {
    let resized = ((length as f64 * scale).round() as usize).max(1);
    let len = resized.min(crop);
    Window { resized, start: below(random, resized - len + 1), len }
}

/// Copies rows of `len` values to the left end of rows of `width`, mirrored if `flip`.
fn place<T: Copy>(rows: &mut [T], out: &mut [T], len: usize, width: usize, flip: bool) {
    for (row, out) in rows.chunks_exact_mut(len).zip(out.chunks_exact_mut(width)) {
        if flip {
            row.reverse();
        }
        out[..len].copy_from_slice(row);
    }
}

/// The segments that a map still shows; ids that nobody listed become void.
fn keep_listed(map: LabelMap, segments: &[Segment]) -> Panoptic {
    let find = |id: u32| segments.iter().find(|segment| segment.id == id);
    let map = map.map(|id| if find(id).is_some() { id } else { 0 });
    let mut panoptic = Panoptic::from_map(map, |id| {
        find(id).map_or((0, false), |segment| (segment.category_id, segment.iscrowd))
    });
    for segment in &mut panoptic.segments {
        segment.score = find(segment.id).and_then(|listed| listed.score);
    }
    panoptic
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use kmax_masks::ImageId;

    /// Left half segment 1, right half segment 2; red and green tell where a pixel came from.
    fn sample(width: u32, height: u32) -> Sample {
        let data = (0..width * height).map(|at| if at % width < width / 2 { 1 } else { 2 }).collect();
        let map = LabelMap::new(width as usize, height as usize, data).expect("sizes fit");
        let image = RgbImage::from_fn(width, height, |x, y| {
            Rgb([(x * 200 / width) as u8, (y * 200 / height) as u8, if x < width / 2 { 0 } else { 200 }])
        });
        Sample {
            image,
            panoptic: Panoptic::from_map(map, |id| (id + 10, false)),
            image_id: ImageId::Number(3),
        }
    }

    fn draw(index: u64) -> Draw {
        Draw { seed: 5, epoch: 1, index, copy: 0 }
    }

    fn plain() -> TrainTransform {
        TrainTransform { crop: [48, 64], scale: [1.0, 1.0], flip: 0.0, jitter: [0.0; 3], pad: 99.0 }
    }

    #[test]
    fn at_scale_one_the_whole_image_fits_and_the_rest_is_padding() -> Result<()> {
        let example = plain().apply(&sample(40, 60), draw(0))?;
        assert_eq!((example.real_height, example.real_width), (48, 32));
        assert_eq!(example.image.len(), 3 * 48 * 64);
        assert_eq!((example.image[47 * 64 + 32], example.labels.get(32, 47)), (99.0, Some(0)));
        assert_ne!(example.image[47 * 64 + 31], 99.0);
        let segments: Vec<_> =
            example.segments.iter().map(|s| (s.id, s.category_id, s.area, s.bbox)).collect();
        assert_eq!(segments, [(1, 11, 16 * 48, [0, 0, 16, 48]), (2, 12, 16 * 48, [16, 0, 16, 48])]);
        Ok(())
    }

    #[test]
    fn labels_follow_the_image_whatever_is_drawn() -> Result<()> {
        let transform = TrainTransform { scale: [0.4, 3.0], flip: 0.5, ..plain() };
        let (mut flipped, mut padded, mut cropped) = (0, 0, 0);
        for index in 0..60 {
            let example = transform.apply(&sample(90, 70), draw(index))?;
            let (plane, mut wrong) = (48 * 64, 0);
            for at in (0..plane).filter(|at| at % 64 < example.real_width && at / 64 < example.real_height) {
                // Blue is 0 over segment 1 and 200 over segment 2, mixed at the border only.
                let blue = example.image[2 * plane + at];
                let expected = if blue < 100.0 { 1 } else { 2 };
                wrong +=
                    usize::from(example.labels.data()[at] != expected && !(50.0..=150.0).contains(&blue));
            }
            assert_eq!(wrong, 0);
            let red = |x: usize| example.image[x];
            flipped += usize::from(red(0) > red(example.real_width - 1));
            padded += usize::from(example.real_width < 64);
            cropped += usize::from(example.segments.len() == 1 || red(0).min(red(63)) > 5.0);
            let areas: u64 = example.segments.iter().map(|segment| segment.area).sum();
            assert_eq!(areas, (example.real_height * example.real_width) as u64);
        }
        assert!((15..45).contains(&flipped) && padded > 5 && cropped > 5, "{flipped} {padded} {cropped}");
        Ok(())
    }

    #[test]
    fn equal_draws_give_equal_examples() -> Result<()> {
        let transform = TrainTransform { crop: [33, 33], ..TrainTransform::default() };
        let image = sample(50, 40);
        let first = transform.apply(&image, draw(7))?;
        assert_eq!(first, transform.apply(&image, draw(7))?);
        assert_ne!(first, transform.apply(&image, draw(8))?);
        assert_ne!(first, transform.apply(&image, Draw { epoch: 2, ..draw(7) })?);
        assert!(first.image.iter().all(|value| (0.0..=255.0).contains(value)));
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let cases = [
            (TrainTransform { crop: [0, 5], ..plain() }, "crop"),
            (TrainTransform { crop: [5, 1 << 20], ..plain() }, "crop"),
            (TrainTransform { scale: [2.0, 1.0], ..plain() }, "scale"),
            (TrainTransform { scale: [f32::NAN, 1.0], ..plain() }, "scale"),
            (TrainTransform { flip: 1.5, ..plain() }, "flip"),
            (TrainTransform { jitter: [0.0, -1.0, 0.0], ..plain() }, "jitter"),
            (TrainTransform { pad: f32::INFINITY, ..plain() }, "pad"),
        ];
        for (transform, name) in cases {
            let message = transform.apply(&sample(8, 8), draw(0)).expect_err(name).to_string();
            assert!(message.starts_with(name), "{message}");
        }
        let mut torn = sample(8, 8);
        torn.image = RgbImage::new(8, 9);
        assert!(plain().apply(&torn, draw(0)).is_err());
    }

    /// A run that was begun with an older build goes on with the same examples: this digest is that of the first.
    #[test]
    fn examples_are_those_of_every_build_before() -> Result<()> {
        let mut digest = 0xcbf2_9ce4_8422_2325_u64;
        let mut hash = |number: u64| digest = (digest ^ number).wrapping_mul(0x100_0000_01b3);
        for index in 0..12 {
            let transform = TrainTransform { crop: [33, 49], ..TrainTransform::default() };
            let example = transform.apply(&sample(50 + index, 40), draw(u64::from(index)))?;
            example.image.iter().for_each(|value| hash(u64::from(value.to_bits())));
            example.labels.data().iter().for_each(|id| hash(u64::from(*id)));
            let segments = example.segments.iter().flat_map(|s| [u64::from(s.id), s.area]);
            segments.chain([example.real_height as u64, example.real_width as u64]).for_each(&mut hash);
        }
        assert_eq!(digest, 0x7a06_f6bc_348f_e0e1, "{digest:#x}");
        Ok(())
    }
}

//! Our own augmentation with what it takes from the originals: AutoAugment and copy-paste.

use kmax_masks::{Categories, Panoptic};

use crate::deeplab2::autoaugment::Policy;
use crate::draw::{AUGMENT, AUGMENT_SECOND, CHOICE, Draw, POLICY, POLICY_SECOND};
use crate::error::Result;
use crate::example::TrainingExample;
use crate::paste::{choose, paste};
use crate::pytorch::PASTE_SCALE;
use crate::sample::Sample;
use crate::train::TrainTransform;

/// [`TrainTransform`] with parts of the originals' augmentations. Neither part changes what is drawn for the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// Scale, crop, flip and colours.
    pub transform: TrainTransform,
    /// An AutoAugment policy for the whole 8-bit image, before anything else. (deeplab2 applies it after scaling; before,
    /// what it does to an image depends on neither scale nor crop.)
    pub policy: Option<Policy>,
    /// Whether a second image is changed in the same way at half the scale ([`PASTE_SCALE`]), and its things, and as much of its stuff
    /// as is drawn, laid over.
    pub copy_paste: bool,
}

impl Fitted {
    /// The example of an image and, if there is one, a second.
    pub(super) fn apply(
        &self,
        target: &Sample,
        second: Option<&Sample>,
        categories: &Categories,
        draw: Draw,
    ) -> Result<TrainingExample> {
        self.transform.check()?;
        let made = self.one(target, 1.0, draw, [AUGMENT, POLICY])?;
        let Some(second) = second else { return Ok(made) };
        let over = self.one(second, PASTE_SCALE as f32, draw, [AUGMENT_SECOND, POLICY_SECOND])?;
        let is_thing = |id| categories.is_thing(id);
        let chosen = choose(&second.panoptic, is_thing, &mut draw.generator(CHOICE));

        let pixels = made.height * made.width;
        let mut real: Vec<bool> = (0..pixels).map(|pixel| made.is_real(pixel)).collect();
        let mut image = made.image;
        let mut panoptic = Panoptic::new(made.labels, made.segments);
        paste(&mut panoptic, &Panoptic::new(over.labels, over.segments), &chosen, |at| {
            real[at] = true;
            for value in [at, at + pixels, at + 2 * pixels] {
                image[value] = over.image[value];
            }
        });
        Ok(TrainingExample::new(image, panoptic, real, made.image_id))
    }

    /// The example of one image, with the scale multiplied by `factor`, and the purposes of the draws for it and for the policy.
    fn one(
        &self,
        sample: &Sample,
        factor: f32,
        draw: Draw,
        [own, policy]: [u64; 2],
    ) -> Result<TrainingExample> {
        let random = &mut draw.generator(own);
        match self.policy {
            None => self.transform.one(&sample.image, sample, factor, random),
            Some(chosen) => {
                let image = chosen.apply(sample.image.clone(), &mut draw.generator(policy));
                self.transform.one(&image, sample, factor, random)
            }
        }
    }
}

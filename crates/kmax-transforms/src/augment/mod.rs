//! What is done to a labelled image in training: our own augmentation, or that of either reference implementation.
//!
//! | | [`Fitted`] | PyTorch implementation | deeplab2 |
//! | --- | --- | --- | --- |
//! | scale | any in a range; at 1 the image fits | the same | steps of a range, after resizing to a range |
//! | smaller images lie | at the upper left | at the upper left | at random |
//! | padding | zero after normalising | zero after normalising | 127.5, counts as image |
//! | horizontal flip | with any probability | half of the images | half of the images |
//! | colours | jitter, optionally AutoAugment before | brightness, contrast, saturation, hue | AutoAugment |
//! | copy-paste | optional, as the PyTorch implementation | optional | optional |
//! | a crowd of a second image | is not pasted | is not pasted | is pasted with the things |
//!
//! Both originals mirror half of the images. For classes that tell left from right, or for text, take [`Fitted`] with a `flip` of 0.

mod deeplab2;
mod fitted;

pub use fitted::Fitted;

use kmax_masks::Categories;

use crate::deeplab2::train::Deeplab2Train;
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::example::TrainingExample;
use crate::planar::Planar;
use crate::pytorch::PytorchTrain;
use crate::sample::Sample;
use crate::train::TrainTransform;

/// What is done to a labelled image, and to a second one that may be laid over, before a network is trained on it.
#[derive(Clone, Debug, PartialEq)]
pub enum Augmentation {
    /// Ours: scale relative to fit, crop, flip, jitter, and what [`Fitted`] adds.
    Fitted(Fitted),
    /// The PyTorch implementation's `PanoptickMaXDeepLabDatasetMapper`.
    Pytorch {
        /// Scale, colours, crop and flip.
        transform: PytorchTrain,
        /// Whether things and some stuff of a second image are laid over.
        copy_paste: bool,
    },
    /// deeplab2's `PanopticSampleGenerator`, without the larger weights that it can give to small instances.
    Deeplab2 {
        /// All its settings. The encoding is that of the dataset's classes:
        /// [`Encoding::of`](crate::deeplab2::labels::Encoding::of).
        transform: Deeplab2Train,
    },
}

impl From<TrainTransform> for Augmentation {
    fn from(transform: TrainTransform) -> Self {
        Self::Fitted(Fitted { transform, policy: None, copy_paste: false })
    }
}

impl Augmentation {
    /// Height and width of the examples in pixels.
    pub fn crop(&self) -> [usize; 2] {
        match self {
            Self::Fitted(fitted) => fitted.transform.crop,
            Self::Pytorch { transform, .. } => transform.size,
            Self::Deeplab2 { transform } => transform.crop,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the first that makes no sense.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Fitted(fitted) => fitted.transform.check(),
            Self::Pytorch { transform, .. } => transform.check(),
            Self::Deeplab2 { transform } => transform.check(),
        }
    }

    /// Whether a second image is laid over.
    pub fn needs_second(&self) -> bool {
        match self {
            Self::Fitted(fitted) => fitted.copy_paste,
            Self::Pytorch { copy_paste, .. } => *copy_paste,
            Self::Deeplab2 { transform } => transform.copy_paste.is_some(),
        }
    }

    /// The example that `draw` makes of an image and, where [`Self::needs_second`], a second one, which otherwise does not
    /// count. `categories` are those of both.
    ///
    /// # Errors
    /// If a setting makes no sense, the second image is missing, an image and its labels differ in size or are empty, or a segment
    /// has a category that is none of `categories`.
    pub fn apply(
        &self,
        target: &Sample,
        second: Option<&Sample>,
        categories: &Categories,
        draw: Draw,
    ) -> Result<TrainingExample> {
        let second = second.filter(|_| self.needs_second());
        if self.needs_second() && second.is_none() {
            return Err(Error::setting("second", "copy-paste needs a second image, and there is none"));
        }
        known(target, categories)?;
        second.map_or(Ok(()), |second| known(second, categories))?;
        match self {
            Self::Fitted(fitted) => fitted.apply(target, second, categories, draw),
            Self::Pytorch { transform, .. } => {
                let made = transform.apply(target, second, |id| categories.is_thing(id), draw)?;
                let mut panoptic = made.panoptic;
                panoptic.map = panoptic.map.map(|id| if panoptic.segment(id).is_some() { id } else { 0 });
                let image = Planar::from_rgb(&made.image).data;
                Ok(TrainingExample::new(image, panoptic, made.real, target.image_id.clone()))
            }
            Self::Deeplab2 { transform } => deeplab2::apply(transform, target, second, categories, draw),
        }
    }
}

/// `Ok` if every segment of a sample has a known category: what has none would be void without a word.
fn known(sample: &Sample, categories: &Categories) -> Result<()> {
    let unknown = |id: u32| categories.index_of(id).is_none();
    match sample.panoptic.segments.iter().find(|segment| unknown(segment.category_id)) {
        None => Ok(()),
        Some(segment) => {
            let (image, id, category) = (&sample.image_id, segment.id, segment.category_id);
            let reason = format!("segment {id} of image {image} has the unknown category {category}");
            Err(Error::setting("sample", reason))
        }
    }
}

#[cfg(test)]
mod tests;

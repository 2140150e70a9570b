//! Random changes of the training images.

use crate::recipe::Recipe;
use kmax_datasets::kmax_transforms::augment::{Augmentation, Fitted};
use kmax_datasets::kmax_transforms::deeplab2::autoaugment::Policy;
use kmax_datasets::kmax_transforms::deeplab2::copy_paste::CopyPaste;
use kmax_datasets::kmax_transforms::deeplab2::labels::Encoding;
use kmax_datasets::kmax_transforms::deeplab2::train::Deeplab2Train;
use kmax_datasets::kmax_transforms::pytorch::PytorchTrain;
use kmax_datasets::kmax_transforms::train::TrainTransform;
use kmax_masks::Categories;
use serde::{Deserialize, Serialize};

/// Random changes of a training image. What they mean in detail is the recipe's: see [`Recipe`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Height and width of a training crop, in pixels.
    pub crop: [usize; 2],
    /// Range of the scale: relative to the size at which the whole image just fits the crop, with the recipe `deeplab2`
    /// relative to the image, after `resize`.
    pub scale: [f64; 2],
    /// With the recipe `deeplab2`, the distance between the scales that are drawn from; 0 draws any.
    pub scale_step: f64,
    /// With the recipe `deeplab2`, height and width that images are resized to before, at the same ratio of their edges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<[usize; 2]>,
    /// Probability of a horizontal flip. Both originals flip half of the images.
    pub flip: f32,
    /// Largest relative change of brightness, contrast and saturation, with the recipe `small`. The recipe `pytorch` has colour
    /// changes of its own, and `deeplab2` has AutoAugment.
    pub jitter: [f32; 3],
    /// AutoAugment: the name of a policy of deeplab2's configurations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_augment: Option<String>,
    /// Whether the things of a second image are pasted over.
    pub copy_paste: bool,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            crop: [385, 257],
            scale: [0.7, 1.6],
            scale_step: 0.0,
            resize: None,
            flip: 0.5,
            jitter: [0.2, 0.2, 0.2],
            auto_augment: None,
            copy_paste: false,
        }
    }
}

impl AugmentConfig {
    /// The transform, for a dataset of these classes.
    pub(crate) fn augmentation(&self, recipe: Recipe, categories: &Categories) -> Augmentation {
        // `check` made sure that there is such a policy.
        let policy = self.auto_augment.as_deref().and_then(Policy::by_name);
        match recipe {
            Recipe::Small => Augmentation::Fitted(Fitted {
                transform: TrainTransform {
                    crop: self.crop,
                    scale: self.scale.map(|scale| scale as f32),
                    flip: self.flip,
                    jitter: self.jitter,
                    pad: 0.0,
                },
                policy,
                copy_paste: self.copy_paste,
            }),
            Recipe::Pytorch => Augmentation::Pytorch {
                transform: PytorchTrain { size: self.crop, scale: self.scale },
                copy_paste: self.copy_paste,
            },
            Recipe::Deeplab2 => Augmentation::Deeplab2 {
                transform: Deeplab2Train {
                    crop: self.crop,
                    min: self.resize,
                    max: self.resize,
                    scale: self.scale.map(|scale| scale as f32),
                    step: self.scale_step as f32,
                    policy,
                    encoding: Encoding::of(categories),
                    copy_paste: self.copy_paste.then(CopyPaste::default),
                    copy_paste_scale: 0.5,
                },
            },
        }
    }

    pub(super) fn check(&self, recipe: Recipe) -> Result<(), String> {
        for (axis, length) in self.crop.into_iter().enumerate() {
            if length < 32 || length % 32 > 1 {
                return Err(format!(
                    "augment.crop[{axis}] must be 32 k + 1 or a multiple of 32, not {length}"
                ));
            }
        }
        let [low, high] = self.scale;
        if !(low > 0.0 && low <= high && high <= 16.0) {
            return Err(format!("augment.scale must rise within (0, 16], not [{low}, {high}]"));
        }
        if let Some(name) = self.auto_augment.as_deref()
            && Policy::by_name(name).is_none()
        {
            return Err(format!("augment.auto_augment: {name:?} is no policy of deeplab2's"));
        }
        // What a recipe has no use for is not left unsaid.
        let plain = Self::default();
        let only = |name: &str, for_whom: &str| {
            Err(format!("augment.{name} goes with the recipe `{for_whom}`, not `{}`", recipe.name()))
        };
        if recipe != Recipe::Deeplab2 && self.scale_step != 0.0 {
            return only("scale_step", "deeplab2");
        }
        if recipe != Recipe::Deeplab2 && self.resize.is_some() {
            return only("resize", "deeplab2");
        }
        if recipe != Recipe::Small && self.flip != plain.flip {
            return only("flip", "small");
        }
        if recipe != Recipe::Small && self.jitter != plain.jitter {
            return only("jitter", "small");
        }
        if recipe == Recipe::Pytorch && self.auto_augment.is_some() {
            return only("auto_augment", "small` or `deeplab2");
        }
        Ok(())
    }
}

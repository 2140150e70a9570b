//! Settings of the criterion: one field for each weight, and one for each place where the reference implementations differ.

use crate::error::{Error, Result};
use kmax_base::limits;
use serde::{Deserialize, Serialize};

/// What pixels of a crowd region are: they belong to no target, yet their class is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrowdPixels {
    /// Void like all pixels without a target: nothing is learnt there (PyTorch).
    Void,
    /// Not void: they weigh in the matching and the class weights, are sampled first of all, and teach the semantic
    /// head (deeplab2).
    Labelled,
}

/// What becomes of targets that found no query because there are more targets than queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnmatchedTargets {
    /// Their pixels become void (PyTorch).
    Void,
    /// They are matched to padding queries whose mask logits are all -99999 (deeplab2).
    Padding,
}

/// Settings of [`crate::Criterion`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LossConfig {
    /// Weight of the class term of the PQ-style loss (MaX-DeepLab, eq. 10).
    pub class_weight: f64,
    /// Weight of the dice term of the PQ-style loss.
    pub dice_weight: f64,
    /// Weight of the mask-id cross entropy.
    pub mask_weight: f64,
    /// Weight of the pixel instance discrimination; 0 leaves it out.
    pub pixel_weight: f64,
    /// Weight of the auxiliary semantic loss; 0 leaves it out.
    pub semantic_weight: f64,
    /// Whether the predictions of every decoder layer are taught, not the last ones only.
    pub deep_supervision: bool,
    /// Whether all layers use the matching of the last one.
    pub shared_matching: bool,
    /// Lower bound of the weights that a match gives to its class and dice terms.
    pub weight_floor: f64,
    /// Weight of matched queries in the class term (and of all in the dice term); the others get one minus it.
    pub focal_alpha: f64,
    /// Whether void pixels are left out of the dice term.
    pub mask_void_pixels: bool,
    /// What crowd pixels are.
    pub crowd_pixels: CrowdPixels,
    /// What targets without a query become.
    pub unmatched_targets: UnmatchedTargets,
    /// Whether a softmax whose target is all zeros (a crowd pixel, or a void pixel that was sampled) has the gradient
    /// of TensorFlow's fused cross entropy, the softmax itself, though its loss is constant zero. Without it there is
    /// no gradient, as differentiation says.
    pub blank_targets_push: bool,
    /// Pixels sampled for the instance discrimination (no more than there are).
    pub pixel_samples: usize,
    /// How much the sampling favours small segments; 1 makes segments equally likely.
    pub pixel_sample_temperature: f64,
    /// Temperature of the similarities of pixels.
    pub pixel_temperature: f64,
    /// Pixels sampled for the semantic loss; 0 takes all.
    pub semantic_samples: usize,
    /// How much that sampling favours small segments.
    pub semantic_sample_temperature: f64,
    /// Share of the pixels with the largest semantic loss that counts, within (0, 1].
    pub semantic_top_k: f64,
}

impl LossConfig {
    /// The PyTorch implementation's COCO settings.
    pub fn pytorch() -> Self {
        Self {
            class_weight: 3.0,
            dice_weight: 3.0,
            mask_weight: 0.3,
            pixel_weight: 1.0,
            semantic_weight: 1.0,
            deep_supervision: true,
            shared_matching: true,
            weight_floor: 1e-5,
            focal_alpha: 0.75,
            mask_void_pixels: true,
            crowd_pixels: CrowdPixels::Void,
            unmatched_targets: UnmatchedTargets::Void,
            blank_targets_push: false,
            pixel_samples: 4096,
            pixel_sample_temperature: 1.5,
            pixel_temperature: 0.3,
            semantic_samples: 4096,
            semantic_sample_temperature: 2.0,
            semantic_top_k: 1.0,
        }
    }

    /// deeplab2's COCO settings. Its protos ask for 4096 semantic samples, but that number never reaches its loss.
    pub fn deeplab2() -> Self {
        Self {
            crowd_pixels: CrowdPixels::Labelled,
            unmatched_targets: UnmatchedTargets::Padding,
            blank_targets_push: true,
            semantic_samples: 0,
            ..Self::pytorch()
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field.
    pub fn check(&self) -> Result<()> {
        let not_negative = [
            ("class_weight", self.class_weight),
            ("dice_weight", self.dice_weight),
            ("mask_weight", self.mask_weight),
            ("pixel_weight", self.pixel_weight),
            ("semantic_weight", self.semantic_weight),
            ("weight_floor", self.weight_floor),
            ("pixel_sample_temperature", self.pixel_sample_temperature),
            ("semantic_sample_temperature", self.semantic_sample_temperature),
        ];
        if let Some((name, value)) = not_negative.iter().find(|(_, v)| !(v.is_finite() && *v >= 0.0)) {
            return Err(Error::Config(format!("{name} must be a number not below 0, not {value}")));
        }
        let fail = |name: &str, range: &str, value: f64| {
            Err(Error::Config(format!("{name} must lie within {range}, not be {value}")))
        };
        if !(0.0..=1.0).contains(&self.focal_alpha) {
            return fail("focal_alpha", "[0, 1]", self.focal_alpha);
        }
        if !(self.semantic_top_k > 0.0 && self.semantic_top_k <= 1.0) {
            return fail("semantic_top_k", "(0, 1]", self.semantic_top_k);
        }
        if !(self.pixel_temperature > 0.0 && self.pixel_temperature.is_finite()) {
            return fail("pixel_temperature", "(0, inf)", self.pixel_temperature);
        }
        if self.pixel_weight > 0.0 && self.pixel_samples == 0 {
            return Err(Error::Config("pixel_samples must be at least 1, or pixel_weight 0".into()));
        }
        for (name, value, most) in [
            ("pixel_samples", self.pixel_samples, limits::PIXEL_SAMPLES),
            ("semantic_samples", self.semantic_samples, limits::SEMANTIC_SAMPLES),
        ] {
            if value > most {
                return Err(Error::Config(format!("{name} must be at most {most}, not {value}")));
            }
        }
        Ok(())
    }
}

impl Default for LossConfig {
    fn default() -> Self {
        Self::pytorch()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_mistakes_are_named() {
        assert!(LossConfig::pytorch().check().is_ok() && LossConfig::deeplab2().check().is_ok());
        let broken = [
            (LossConfig { class_weight: f64::NAN, ..LossConfig::pytorch() }, "class_weight"),
            (LossConfig { semantic_top_k: 0.0, ..LossConfig::pytorch() }, "semantic_top_k"),
            (LossConfig { pixel_samples: 0, ..LossConfig::pytorch() }, "pixel_samples"),
            (LossConfig { pixel_samples: 1 << 61, ..LossConfig::pytorch() }, "pixel_samples"),
            (LossConfig { semantic_samples: 1 << 61, ..LossConfig::pytorch() }, "semantic_samples"),
            (LossConfig { pixel_temperature: 0.0, ..LossConfig::pytorch() }, "pixel_temperature"),
            (LossConfig { focal_alpha: 1.5, ..LossConfig::pytorch() }, "focal_alpha"),
        ];
        for (config, name) in broken {
            let message = config.check().expect_err(name).to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}

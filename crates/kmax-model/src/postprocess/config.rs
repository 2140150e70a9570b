//! Settings of the last step.

use crate::error::{Error, Result};
use kmax_base::limits;
use serde::{Deserialize, Serialize};

/// Which reference implementation's arithmetic turns logits into masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    /// deeplab2: at the size of the network's input, padding included; a class at its threshold passes; small segments
    /// are dropped; the finished map is cut to the image and resized by nearest pixel with aligned corners.
    #[default]
    Deeplab2,
    /// The PyTorch port: masks are resized to the image first; a class must exceed its threshold; no area limits.
    #[serde(alias = "port")]
    Pytorch,
}

/// How pixels get their segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Masks are laid down from the most confident to the least, each where no other is yet.
    #[default]
    Maskwise,
    /// Each pixel takes its most probable query (MaX-DeepLab). [`Convention::Deeplab2`] only.
    Pixelwise,
}

/// Settings that turn class and mask logits into segments. The defaults are deeplab2's for COCO.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PostprocessConfig {
    /// Whose arithmetic.
    #[serde(rename = "manner")]
    pub convention: Convention,
    /// How pixels get their segment.
    pub method: Method,
    /// Class probability that a thing needs.
    pub class_threshold_thing: f32,
    /// Class probability that stuff needs.
    pub class_threshold_stuff: f32,
    /// Probability among all queries that a mask must exceed at a pixel to hold it.
    pub pixel_threshold: f32,
    /// Share of its pixels that must still be free when a mask is laid down; below it the mask is dropped.
    pub overlap_threshold: f32,
    /// Exponent of the class probability in the order of the masks.
    pub reorder_class_weight: f32,
    /// Exponent of the mask's mean probability in the order of the masks.
    pub reorder_mask_weight: f32,
    /// Pixels of the network's input that a thing needs ([`Convention::Deeplab2`]).
    pub thing_area_limit: u32,
    /// Pixels of the network's input that a stuff class needs ([`Convention::Deeplab2`]).
    pub stuff_area_limit: u32,
    /// Pairs of query and class that instance results are made of.
    pub max_instances: usize,
    /// Whether a pixel of semantic results has the class of its most probable query (COCONut, and deeplab2 anyhow), and not of
    /// the largest sum over all queries ([`Convention::Pytorch`]).
    pub semantic_by_best_query: bool,
    /// Whether void takes no part in the class probabilities of instance results (COCONut).
    pub instances_without_void: bool,
}

impl Default for PostprocessConfig {
    fn default() -> Self {
        Self::coco()
    }
}

impl PostprocessConfig {
    /// deeplab2's settings for COCO at an input of 1281 x 1281.
    pub fn coco() -> Self {
        Self {
            convention: Convention::Deeplab2,
            method: Method::Maskwise,
            class_threshold_thing: 0.7,
            class_threshold_stuff: 0.5,
            pixel_threshold: 0.4,
            overlap_threshold: 0.8,
            reorder_class_weight: 1.0,
            reorder_mask_weight: 1.0,
            thing_area_limit: 400,
            stuff_area_limit: 6400,
            max_instances: 100,
            semantic_by_best_query: false,
            instances_without_void: false,
        }
    }

    /// deeplab2's settings for Cityscapes.
    pub fn cityscapes() -> Self {
        Self {
            class_threshold_thing: 0.5,
            class_threshold_stuff: 0.3,
            overlap_threshold: 0.9,
            reorder_mask_weight: 0.0,
            thing_area_limit: 256,
            stuff_area_limit: 2048,
            ..Self::coco()
        }
    }

    /// deeplab2's settings for ADE20K.
    pub fn ade20k() -> Self {
        Self {
            class_threshold_thing: 0.4,
            class_threshold_stuff: 0.4,
            thing_area_limit: 0,
            stuff_area_limit: 0,
            ..Self::coco()
        }
    }

    /// The same by the PyTorch convention, which has no area limits.
    #[must_use]
    pub fn pytorch(self) -> Self {
        Self { convention: Convention::Pytorch, thing_area_limit: 0, stuff_area_limit: 0, ..self }
    }

    /// The settings of COCONut's code for COCO: the PyTorch convention with a lower threshold for stuff, and other
    /// semantic and instance results.
    #[must_use]
    pub fn coconut(self) -> Self {
        Self {
            class_threshold_stuff: 0.2,
            semantic_by_best_query: true,
            instances_without_void: true,
            ..self.pytorch()
        }
    }

    /// Checks ranges.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field.
    pub fn validate(&self) -> Result<()> {
        let fail = |field: &str, reason: String| {
            Err(Error::Config { field: format!("postprocess.{field}"), reason })
        };
        let shares = [
            ("class_threshold_thing", self.class_threshold_thing),
            ("class_threshold_stuff", self.class_threshold_stuff),
            ("pixel_threshold", self.pixel_threshold),
            ("overlap_threshold", self.overlap_threshold),
        ];
        if let Some((name, value)) = shares.iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            return fail(name, format!("must lie between 0 and 1, not be {value}"));
        }
        let weights = [
            ("reorder_class_weight", self.reorder_class_weight),
            ("reorder_mask_weight", self.reorder_mask_weight),
        ];
        if let Some((name, value)) = weights.iter().find(|(_, value)| !(0.0..=100.0).contains(value)) {
            return fail(name, format!("must lie between 0 and 100, not be {value}"));
        }
        if self.max_instances > limits::INSTANCES {
            let most = limits::INSTANCES;
            return fail("max_instances", format!("must be at most {most}, not {}", self.max_instances));
        }
        if self.convention == Convention::Pytorch && self.method == Method::Pixelwise {
            return fail("method", "the PyTorch convention has no pixelwise method; choose deeplab2".into());
        }
        if self.convention == Convention::Pytorch && (self.thing_area_limit, self.stuff_area_limit) != (0, 0)
        {
            return fail(
                "thing_area_limit",
                "the PyTorch convention knows no area limits; leave both at 0".into(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_settings_are_valid_and_survive_json() -> Result<()> {
        for config in
            [PostprocessConfig::coco(), PostprocessConfig::cityscapes(), PostprocessConfig::ade20k()]
        {
            for config in [config, config.pytorch(), config.coconut()] {
                config.validate()?;
                let text = serde_json::to_string(&config).expect("JSON");
                assert_eq!(serde_json::from_str::<PostprocessConfig>(&text).expect("JSON"), config);
            }
        }
        let some: PostprocessConfig = serde_json::from_str(r#"{"pixel_threshold": 0.3}"#).expect("JSON");
        assert_eq!(some, PostprocessConfig { pixel_threshold: 0.3, ..PostprocessConfig::coco() });
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        let base = PostprocessConfig::coco();
        let pytorch = base.pytorch();
        for (config, field) in [
            (PostprocessConfig { pixel_threshold: 1.5, ..base }, "postprocess.pixel_threshold"),
            (PostprocessConfig { overlap_threshold: f32::NAN, ..base }, "postprocess.overlap_threshold"),
            (PostprocessConfig { reorder_mask_weight: -1.0, ..base }, "postprocess.reorder_mask_weight"),
            (PostprocessConfig { method: Method::Pixelwise, ..pytorch }, "postprocess.method"),
            (PostprocessConfig { thing_area_limit: 1, ..pytorch }, "postprocess.thing_area_limit"),
        ] {
            let message = config.validate().expect_err(field).to_string();
            assert!(message.contains(field), "{message}");
        }
    }
}

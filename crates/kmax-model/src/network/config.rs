//! Shape of a whole network.

use crate::error::{Error, Result};
use crate::network::KMaxDeepLab;
use kmax_attention::DecoderConfig;
use kmax_backbones::{BackboneConfig, Level};
use kmax_base::limits;
use kmax_heads::SemanticKind;
use kmax_nn::Params;
use kmax_nn::layers::RunningVariance;
use kmax_pixel_decoder::{PixelDecoderConfig, ResizeRule};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The auxiliary semantic head and what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SemanticHeadConfig {
    /// Which head.
    pub kind: SemanticKind,
    /// Channels of its output: the classes, and one for void with [`SemanticKind::Decoder`].
    pub outputs: usize,
    /// Whether the maps at strides 8 and 4 are activated first (deeplab2) or read as the pixel decoder reads them.
    pub activated_low_level: bool,
}

/// Every number that shapes a network; what it means (classes, thresholds) stands elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// The backbone.
    pub backbone: BackboneConfig,
    /// Which of its maps the pixel decoder reads, coarsest first, one per stage.
    pub levels: Vec<Level>,
    /// The pixel decoder.
    pub pixel_decoder: PixelDecoderConfig,
    /// The k-means decoder.
    pub decoder: DecoderConfig,
    /// Classes, void not counted.
    pub classes: usize,
    /// The auxiliary semantic head, which runs in training only.
    pub semantic_head: SemanticHeadConfig,
    /// Sample positions of every resize.
    pub resize: ResizeRule,
}

impl NetworkConfig {
    /// A network with the published decoders in deeplab2's form.
    pub fn deeplab2(backbone: BackboneConfig, classes: usize) -> Self {
        let decoder = DecoderConfig { running_variance: RunningVariance::Biased, ..DecoderConfig::default() };
        Self {
            backbone,
            levels: vec![Level::Res5, Level::Res4, Level::Res3, Level::Res2],
            pixel_decoder: PixelDecoderConfig::deeplab2(),
            decoder,
            classes,
            semantic_head: SemanticHeadConfig {
                kind: SemanticKind::Decoder,
                outputs: classes + 1,
                activated_low_level: true,
            },
            resize: ResizeRule::Corners,
        }
    }

    /// A network with the published decoders in the PyTorch form.
    pub fn pytorch(backbone: BackboneConfig, classes: usize) -> Self {
        let semantic_head = SemanticHeadConfig {
            kind: SemanticKind::Decoder,
            outputs: classes + 1,
            activated_low_level: false,
        };
        Self {
            pixel_decoder: PixelDecoderConfig::pytorch(),
            decoder: DecoderConfig::default(),
            semantic_head,
            resize: ResizeRule::Parity,
            ..Self::deeplab2(backbone, classes)
        }
    }

    /// A small network: EfficientNet-Lite0 with light decoders.
    pub fn small(classes: usize) -> Self {
        Self {
            pixel_decoder: PixelDecoderConfig::small(),
            decoder: DecoderConfig::small(),
            semantic_head: SemanticHeadConfig {
                kind: SemanticKind::Flat,
                outputs: classes,
                activated_low_level: false,
            },
            ..Self::pytorch(BackboneConfig::efficientnet_lite0(), classes)
        }
    }

    /// As configured for Cityscapes: one more stage at the stem's map, and the flat semantic head.
    #[must_use]
    pub fn for_cityscapes(mut self) -> Self {
        self.levels.push(Level::Stem);
        self.pixel_decoder = self.pixel_decoder.with_fine_stage();
        self.semantic_head.kind = SemanticKind::Flat;
        self.semantic_head.outputs = self.classes;
        self
    }

    /// Stride of the mask logits.
    pub fn mask_stride(&self) -> usize {
        self.levels.last().map_or(4, |level| self.backbone.stride(*level))
    }

    /// Names and shapes of the network's parameters, with or without those of the auxiliary semantic head.
    ///
    /// # Errors
    /// If a field is out of its range.
    pub fn shapes(&self, semantic_head: bool) -> Result<BTreeMap<String, Vec<usize>>> {
        let params = Params::probe();
        KMaxDeepLab::build(self, &params, semantic_head)?;
        Ok(params.shapes())
    }

    /// Checks the parts against each other.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field.
    pub fn validate(&self) -> Result<()> {
        self.validate_fields()?;
        // Fields within their limits may still make more together than there can be.
        self.shapes(true).map(drop).map_err(|error| match error {
            Error::Config { .. } => error,
            error => Error::Config { field: "parameters".into(), reason: error.to_string() },
        })
    }

    /// As [`Self::validate`], without the size of the whole.
    pub(super) fn validate_fields(&self) -> Result<()> {
        let fail = |field: &str, reason: String| Err(Error::Config { field: field.into(), reason });
        match self.backbone.validate() {
            Err(kmax_backbones::Error::Config { field, found, expected }) => {
                return fail(&format!("backbone.{field}"), format!("is {found}, expected {expected}"));
            }
            checked => checked?,
        }
        match self.pixel_decoder.validate() {
            Err(kmax_pixel_decoder::Error::Config { field, reason }) => {
                return fail(&format!("pixel_decoder.{field}"), reason);
            }
            checked => checked?,
        }
        match self.decoder.validate() {
            Err(kmax_attention::Error::Config { field, reason }) => {
                return fail(&format!("decoder.{field}"), reason);
            }
            checked => checked?,
        }
        if self.levels.len() != self.pixel_decoder.stages.len() {
            let (levels, stages) = (self.levels.len(), self.pixel_decoder.stages.len());
            return fail("levels", format!("{levels} maps for {stages} stages of the pixel decoder"));
        }
        if self.levels[..3] != [Level::Res5, Level::Res4, Level::Res3] {
            return fail("levels", "must begin with res5, res4, res3".into());
        }
        let stride = |level: &Level| self.backbone.stride(*level);
        if !self.levels.is_sorted_by(|a, b| a != b && stride(a) >= stride(b)) {
            return fail("levels", "must go from coarse to fine, each once".into());
        }
        if self.classes == 0 || self.classes > limits::CLASSES {
            return fail(
                "classes",
                format!("must lie between 1 and {}, not be {}", limits::CLASSES, self.classes),
            );
        }
        if self.semantic_head.kind != SemanticKind::None && self.semantic_head.outputs < self.classes {
            return fail("semantic_head.outputs", format!("must be at least the {} classes", self.classes));
        }
        if self.semantic_head.outputs > limits::CHANNELS {
            let (most, found) = (limits::CHANNELS, self.semantic_head.outputs);
            return fail("semantic_head.outputs", format!("must be at most {most}, not {found}"));
        }
        Ok(())
    }
}

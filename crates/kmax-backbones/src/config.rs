//! Which backbone, by which reference implementation's conventions.

use crate::convnext::{ConvNeXtConfig, ConvNeXtSize};
use crate::efficientnet::EfficientNetLiteConfig;
use crate::error::Result;
use crate::features::Level;
use crate::resnet::ResNetConfig;
use serde::{Deserialize, Serialize};

/// Any backbone. In JSON an object whose `kind` is `resnet`, `convnext` or `efficientnet_lite`.
///
/// The reference implementations are `deeplab2`, whose checkpoints the paper published, `pytorch`, its re-implementation, and
/// `coconut`, which derives from that one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BackboneConfig {
    /// ResNet-50 and MaX-S.
    #[serde(rename = "resnet")]
    ResNet(ResNetConfig),
    /// ConvNeXt.
    #[serde(rename = "convnext")]
    ConvNeXt(ConvNeXtConfig),
    /// EfficientNet-Lite0.
    #[serde(rename = "efficientnet_lite")]
    EfficientNetLite(EfficientNetLiteConfig),
}

impl BackboneConfig {
    /// ResNet-50 of deeplab2 (`kmax_resnet50`).
    pub fn resnet50_deeplab2() -> Self {
        Self::ResNet(ResNetConfig::resnet50_deeplab2())
    }

    /// ResNet-50 of the PyTorch implementation (`custom_bn_build_resnet_backbone`).
    pub fn resnet50_pytorch() -> Self {
        Self::ResNet(ResNetConfig::resnet50_pytorch())
    }

    /// ResNet-50 of COCONut's code in deeplab2's form (`kmax_r50_tf.yaml`).
    pub fn resnet50_coconut() -> Self {
        Self::ResNet(ResNetConfig::resnet50_coconut())
    }

    /// ResNet-50 of COCONut's code in detectron2's own form (`kmax_r50_torch.yaml`).
    pub fn resnet50_detectron2() -> Self {
        Self::ResNet(ResNetConfig::resnet50_detectron2())
    }

    /// MaX-S, an axial ResNet-50 with an Inception stem (`kmax_axial_resnet50`). Only deeplab2 has it.
    pub fn max_s() -> Self {
        Self::ResNet(ResNetConfig::max_s())
    }

    /// Sets the probability of dropping the residual branch of the last block; earlier blocks have proportionally less.
    pub fn set_drop_path(&mut self, drop_path: f64) {
        match self {
            Self::ResNet(config) => config.drop_path = drop_path,
            Self::ConvNeXt(config) => config.drop_path = drop_path,
            Self::EfficientNetLite(config) => config.drop_path = drop_path,
        }
    }

    /// ConvNeXt as in both reference implementations, with the stochastic depth of the training recipe: in deeplab2 0.3, 0.4, 0.5, 0.6
    /// from tiny to large on COCO, 0.2, 0.3, 0.4, 0.6 on Cityscapes, 0.7 for large on ADE20K.
    pub fn convnext(size: ConvNeXtSize, drop_path: f64) -> Self {
        Self::ConvNeXt(ConvNeXtConfig::new(size, drop_path))
    }

    /// EfficientNet-Lite0.
    pub fn efficientnet_lite0() -> Self {
        Self::EfficientNetLite(EfficientNetLiteConfig::default())
    }

    /// Channels of the map at `level`.
    pub fn channels(&self, level: Level) -> usize {
        match self {
            Self::ResNet(config) => config.channels(level),
            Self::ConvNeXt(config) => config.channels(level),
            Self::EfficientNetLite(config) => config.channels(level),
        }
    }

    /// Pixels of the image per pixel of the map at `level`, along each axis.
    pub fn stride(&self, level: Level) -> usize {
        match level {
            Level::Stem => match self {
                Self::ResNet(config) => config.stem_stride(),
                Self::ConvNeXt(_) => 4,
                Self::EfficientNetLite(_) => 2,
            },
            deeper => 2 << deeper.index(),
        }
    }

    /// Mean and standard deviation of each pixel channel (RGB, 0 to 255) that the published weights expect.
    pub fn normalization(&self) -> (f64, f64) {
        match self {
            Self::ResNet(_) | Self::ConvNeXt(_) => (127.5, 127.5),
            Self::EfficientNetLite(_) => (127.0, 128.0),
        }
    }

    /// Checks the ranges of all fields.
    ///
    /// # Errors
    /// [`crate::Error::Config`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::ResNet(config) => config.validate(),
            Self::ConvNeXt(config) => config.validate(),
            Self::EfficientNetLite(config) => config.validate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_strides_are_those_of_the_papers() {
        let table = |config: BackboneConfig| Level::ALL.map(|l| (config.channels(l), config.stride(l)));
        let deep = |stem, c: [usize; 4]| [stem, (c[0], 4), (c[1], 8), (c[2], 16), (c[3], 32)];
        let resnet = [256, 512, 1024, 2048];
        assert_eq!(table(BackboneConfig::resnet50_deeplab2()), deep((64, 2), resnet));
        assert_eq!(table(BackboneConfig::resnet50_pytorch()), deep((64, 4), resnet));
        assert_eq!(table(BackboneConfig::max_s()), deep((128, 2), resnet));
        let large = BackboneConfig::convnext(ConvNeXtSize::Large, 0.6);
        assert_eq!(table(large), deep((192, 4), [192, 384, 768, 1536]));
        assert_eq!(table(BackboneConfig::efficientnet_lite0()), deep((16, 2), [24, 40, 112, 320]));
    }

    #[test]
    fn every_published_variant_survives_json() -> serde_json::Result<()> {
        use ConvNeXtSize::{Base, Large, Small, Tiny};
        let convnext = [(Tiny, 0.3), (Small, 0.4), (Base, 0.5), (Large, 0.6)]
            .map(|(size, drop_path)| BackboneConfig::convnext(size, drop_path));
        let others = [
            BackboneConfig::resnet50_deeplab2(),
            BackboneConfig::resnet50_pytorch(),
            BackboneConfig::resnet50_coconut(),
            BackboneConfig::resnet50_detectron2(),
            BackboneConfig::max_s(),
            BackboneConfig::efficientnet_lite0(),
        ];
        for config in convnext.into_iter().chain(others) {
            assert!(config.validate().is_ok());
            let text = serde_json::to_string(&config)?;
            assert_eq!(serde_json::from_str::<BackboneConfig>(&text)?, config, "{text}");
        }
        let short: BackboneConfig = serde_json::from_str(r#"{"kind": "efficientnet_lite"}"#)?;
        assert_eq!(short, BackboneConfig::efficientnet_lite0());
        assert!(serde_json::from_str::<BackboneConfig>(r#"{"kind": "resnet", "width": 64}"#).is_err());
        Ok(())
    }

    #[test]
    fn bad_fields_are_named() {
        let mut config = ResNetConfig::resnet50_deeplab2();
        config.drop_path = 1.0;
        let error = BackboneConfig::ResNet(config).validate().err().map(|e| e.to_string());
        assert!(error.is_some_and(|e| e.contains("drop_path")));
        let mut config = ConvNeXtConfig::new(ConvNeXtSize::Tiny, 0.0);
        config.depths[2] = 0;
        assert!(BackboneConfig::ConvNeXt(config).validate().is_err());
    }
}

//! Class and mask logits from queries and pixels.

use crate::error::Result;
use candle_core::{Device, Tensor};
use kmax_kernels::l2_normalize;
use kmax_nn::layers::{MaskProduct, Pointwise1d};
use kmax_nn::{Activation, BatchNormConfig, Chain, ConvConfig, ConvNorm, Init, Mode, Params};

/// Shape of a [`Predictor`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictorConfig {
    /// Channels of the pixel feature.
    pub pixel: usize,
    /// Channels of the queries' mask and class embeddings.
    pub query: usize,
    /// Channels between the two 1x1 convolutions of the pixel head; 256 in both reference implementations.
    pub hidden: usize,
    /// Length of a pixel's normalised feature and of a mask kernel; 128 in both reference implementations.
    pub embedding: usize,
    /// Classes, void not counted.
    pub classes: usize,
    /// Batch norms.
    pub norm: BatchNormConfig,
}

/// What a predictor says.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// `[b, queries, classes + 1]`, void last; `None` where only masks were asked for.
    pub class_logits: Option<Tensor>,
    /// `[b, queries, h, w]`.
    pub mask_logits: Tensor,
    /// Each pixel's feature, of length 1: `[b, embedding, h, w]`.
    pub pixel_feature: Tensor,
}

/// The head that every decoder layer and the whole model end in (`kMaXPredictor` of both reference implementations).
///
/// Pixels: depthwise 5x5, 1x1, 1x1 with bias, each with batch norm, then L2 normalisation. Mask logits are their product with
/// the queries' mask kernels, through a batch norm with a single channel.
///
/// Parameters: `pixel.{depthwise,conv1,conv2}`, `mask`, `class`, `mask_norm`.
#[derive(Debug, Clone)]
pub struct Predictor {
    depthwise: ConvNorm,
    conv1: ConvNorm,
    conv2: ConvNorm,
    mask: Pointwise1d,
    class: Pointwise1d,
    masks: MaskProduct,
}

/// Prior probability of void that the class bias expresses (MaX-DeepLab's `add_bias_towards_void`).
const VOID_PRIOR: f64 = 0.9;

/// What is added to the void logit of a head of so many classes, void not counted, so that untrained it says void with a probability of
/// 0.9.
pub fn towards_void(classes: usize) -> f64 {
    (classes as f64 * VOID_PRIOR / (1.0 - VOID_PRIOR)).ln()
}

impl Predictor {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: PredictorConfig, params: &Params) -> Result<Self> {
        let PredictorConfig { pixel, query, hidden, embedding, classes, norm } = config;
        let inner = params.pp("pixel");
        let conv = |shape: ConvConfig, init, activation, name: &str| {
            ConvNorm::new(shape, init, norm, activation, &inner.pp(name))
        };
        // Glorot's uniform bound; both fans of a depthwise kernel are its 25 weights times one channel in and all out.
        let glorot = Init::Uniform { bound: (6.0 / (25.0 + 25.0 * pixel as f64)).sqrt() };
        let he = |input: usize| Init::TruncatedNormal { std: (2.0 / input as f64).sqrt() };
        let last = Init::TruncatedNormal { std: 0.01 };
        let mask_norm = norm.with_gain(0.1);
        let mut towards_void = vec![0.0; classes + 1];
        towards_void[classes] = self::towards_void(classes);
        let towards_void = Tensor::from_vec(towards_void, classes + 1, &Device::Cpu)?;
        Ok(Self {
            depthwise: conv(ConvConfig::depthwise(pixel, 5), glorot, Activation::Gelu, "depthwise")?,
            conv1: conv(ConvConfig::new(pixel, hidden, 1), he(pixel), Activation::Gelu, "conv1")?,
            conv2: conv(
                // What the mask logits are products of.
                ConvConfig::new(hidden, embedding, 1).with_bias().in_float32(),
                last,
                Activation::Identity,
                "conv2",
            )?,
            mask: Pointwise1d::normed(
                query,
                embedding,
                he(query),
                norm,
                Activation::Identity,
                &params.pp("mask"),
            )?,
            class: Pointwise1d::biased(query, classes + 1, last, towards_void, &params.pp("class"))?,
            masks: MaskProduct::new(mask_norm, &params.pp("mask_norm"))?,
        })
    }

    /// Predicts from `pixels` `[b, pixel, h, w]` and the queries' embeddings `[b, query, queries]`. Without
    /// `class_embedding`, only masks.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(
        &self,
        pixels: &Tensor,
        mask_embedding: &Tensor,
        class_embedding: Option<&Tensor>,
        mode: &Mode,
    ) -> Result<Prediction> {
        let pixel_head = Chain::new(&self.depthwise).then(&self.conv1).then(&self.conv2);
        let x = pixel_head.forward(pixels, mode)?;
        // PyTorch's and TensorFlow's guard against a division by zero.
        let pixel_feature = l2_normalize(&x, 1, 1e-12)?;
        let kernels = self.mask.forward(mask_embedding, mode)?;
        let mask_logits = self.masks.forward(&kernels, &pixel_feature, mode)?;
        let logits = |embedding| self.class.forward_transposed(embedding, mode);
        let class_logits = class_embedding.map(logits).transpose()?;
        Ok(Prediction { class_logits, mask_logits, pixel_feature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    #[test]
    fn shapes_and_the_bias_towards_void() -> Result<()> {
        let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
        let norm = BatchNormConfig::default();
        let config = PredictorConfig { pixel: 6, query: 4, hidden: 8, embedding: 5, classes: 9, norm };
        let predictor = Predictor::new(config, &params)?;
        let pixels = Tensor::ones((2, 6, 3, 7), DType::F32, &Device::Cpu)?;
        let queries = Tensor::zeros((2, 4, 11), DType::F32, &Device::Cpu)?;
        let said = predictor.forward(&pixels, &queries, Some(&queries), &Mode::train(0))?;
        assert_eq!(said.mask_logits.dims(), [2, 11, 3, 7]);
        assert_eq!(said.pixel_feature.dims(), [2, 5, 3, 7]);
        let logits = said.class_logits.expect("asked for").to_vec3::<f32>()?;
        // With zero embeddings only the bias is left: void has a probability of 0.9.
        assert!((f64::from(logits[1][10][9]) - 81f64.ln()).abs() < 1e-6 && logits[0][0][..9] == [0.0; 9]);
        assert!(predictor.forward(&pixels, &queries, None, &Mode::train(0))?.class_logits.is_none());
        Ok(())
    }
}

//! Layers before the first stage.

use super::config::{FeatureTap, ResNetConfig, StemKind};
use crate::error::Result;
use candle_core::Tensor;
use kmax_kernels::max_pool2d;
use kmax_nn::{Activation, ConvConfig, ConvNorm, Mode, Params};

/// The stem: `BasicStem` of the PyTorch implementation, or of deeplab2 the single convolution `stem` or `InceptionSTEM`.
#[derive(Debug)]
pub struct Stem {
    convs: Vec<ConvNorm>,
    max_pool: bool,
}

impl Stem {
    /// Reads the parameters `conv1`, in the Inception stem `conv2` and `conv3` as well.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: &ResNetConfig, params: &Params) -> Result<Self> {
        let width = config.width;
        let shapes = match config.stem {
            StemKind::Conv7 => vec![ConvConfig::new(3, width, 7).stride(2)],
            StemKind::Inception => vec![
                ConvConfig::new(3, width, 3).stride(2),
                ConvConfig::new(width, width, 3),
                ConvConfig::new(width, 2 * width, 3),
            ],
        };
        let last = shapes.len();
        let layers = (1..).zip(shapes).map(|(n, shape)| {
            let activation = match config.features {
                FeatureTap::BeforeActivation if n == last => Activation::Identity,
                _ => config.activation,
            };
            let init = config.kernel_init.init(shape.input, shape.output, shape.kernel.0);
            ConvNorm::new(shape, init, config.norm(), activation, &params.pp(format!("conv{n}")))
        });
        Ok(Self { convs: layers.collect::<kmax_nn::Result<_>>()?, max_pool: config.max_pool })
    }

    /// From the image `[b, 3, h, w]` to the stem's map at stride 2, or 4 with the max pool.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded network is asked to train.
    pub fn forward(&self, image: &Tensor, mode: &Mode) -> Result<Tensor> {
        let mut x = image.clone();
        for conv in &self.convs {
            x = conv.forward(&x, mode)?;
        }
        Ok(if self.max_pool { max_pool2d(&x, 3, 2, 1)? } else { x })
    }
}

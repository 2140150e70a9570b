//! Joining a coarse map with the next finer one.

use crate::block::he_normal;
use crate::config::PixelDecoderConfig;
use crate::error::Result;
use candle_core::Tensor;
use kmax_kernels::{Alignment, add_maps, resize_bilinear};
use kmax_nn::{Activation, Chain, ConvConfig, ConvNorm, DropPath, Mode, Params};

/// Which sample positions a resize uses.
///
/// deeplab2 always aligns corners; the PyTorch implementation does so for odd widths of the map it starts from. At the sizes
/// both allow (`32 k + 1`, or multiples of 32) this rule gives each what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeRule {
    /// Corners for an odd width, borders for an even one (PyTorch).
    #[default]
    Parity,
    /// Corners always (deeplab2).
    Corners,
}

impl ResizeRule {
    /// The alignment for a map of that width.
    pub fn alignment(self, width: usize) -> Alignment {
        match self {
            Self::Parity if width.is_multiple_of(2) => Alignment::Borders,
            _ => Alignment::Corners,
        }
    }
}

/// Resized fuse (deeplab2's `ResizedFuse`): the coarse map, projected where channels differ, resized and added to the
/// fine one, which is projected likewise. Each projection is GELU, 1x1 convolution, batch norm.
///
/// Parameters: `low` and `high`, where there are projections.
#[derive(Debug, Clone)]
pub struct ResizedFuse {
    low: Option<ConvNorm>,
    high: Option<ConvNorm>,
    resize: ResizeRule,
}

impl ResizedFuse {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(
        low: usize,
        high: usize,
        output: usize,
        resize: ResizeRule,
        decoder: &PixelDecoderConfig,
        params: &Params,
    ) -> Result<Self> {
        let project = |input: usize, name: &str| -> Result<Option<ConvNorm>> {
            if input == output {
                return Ok(None);
            }
            let (shape, init) = (ConvConfig::new(input, output, 1), he_normal(input));
            Ok(Some(ConvNorm::new(shape, init, decoder.norm(), Activation::Identity, &params.pp(name))?))
        };
        Ok(Self { low: project(low, "low")?, high: project(high, "high")?, resize })
    }

    /// Joins `low` `[b, low, h, w]` and `high` `[b, high, H, W]`; gives `[b, output, H, W]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, low: &Tensor, high: &Tensor, mode: &Mode) -> Result<Tensor> {
        let (_, _, height, width) = high.dims4()?;
        let alignment = self.resize.alignment(low.dim(3)?);
        let low = match &self.low {
            Some(conv) => Chain::new(conv).before(Activation::Gelu).forward(low, mode)?,
            None => low.clone(),
        };
        let low = resize_bilinear(&low, height, width, alignment)?;
        Ok(match &self.high {
            Some(conv) => {
                let chain = Chain::new(conv).before(Activation::Gelu).plus(&low, DropPath::default());
                chain.forward(high, mode)?
            }
            None => add_maps(&low, high)?,
        })
    }
}

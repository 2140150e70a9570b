//! Products of one kernel per query with every pixel.

use super::batch_norm::{BatchNorm, BatchNormConfig};
use crate::error::Result;
use crate::mode::Mode;
use crate::params::Params;
use candle_core::Tensor;
use kmax_kernels::{ConvParams, Epilogue, Factors, Prepared, has_gpu_kernels, has_kernel, profile};

/// Kernels that are themselves computed, times the features of every pixel, through a batch norm with a single channel.
///
/// In inference the products are 1x1 convolutions into whose kernels the norm is folded; their factors are never rounded: an argmax
/// follows. Parameters: those of
/// [`BatchNorm`] directly.
#[derive(Debug, Clone)]
pub struct MaskProduct {
    norm: BatchNorm,
}

impl MaskProduct {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(norm: BatchNormConfig, params: &Params) -> Result<Self> {
        Ok(Self { norm: BatchNorm::new(1, norm, params)? })
    }

    /// From `kernels` `[b, embedding, queries]` and `features` `[b, embedding, h, w]` to `[b, queries, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, kernels: &Tensor, features: &Tensor, mode: &Mode) -> Result<Tensor> {
        let mut kernels = kernels.transpose(1, 2)?;
        // Products on GPUs read it as it is.
        if !has_gpu_kernels(features.device()) {
            kernels = kernels.contiguous()?;
        }
        if let Some(products) = self.convolved(&kernels, features, mode)? {
            return Ok(products);
        }
        let (batch, _, height, width) = features.dims4()?;
        let products = profile::matmul(&kernels, &features.flatten_from(2)?)?;
        let products = self.norm.forward(&products.unsqueeze(1)?, mode)?.squeeze(1)?;
        Ok(products.reshape((batch, (), height, width))?)
    }

    /// As convolutions, where no gradient is asked for and the device has a kernel.
    fn convolved(&self, kernels: &Tensor, features: &Tensor, mode: &Mode) -> Result<Option<Tensor>> {
        if mode.is_train() || !has_kernel(features) || features.track_op() || kernels.track_op() {
            return Ok(None);
        }
        let (batch, queries, embedding) = kernels.dims3()?;
        let (scale, offset) = self.norm.affine()?;
        let kernels = kernels.broadcast_mul(&scale)?.reshape((batch, queries, embedding, 1, 1))?;
        let bias = offset.broadcast_as(queries)?.contiguous()?;
        let epilogue = Epilogue { bias: Some(&bias), ..Default::default() };
        let mut products = Vec::with_capacity(batch);
        for image in 0..batch {
            let Some(kernel) = Prepared::new(&kernels.get(image)?, ConvParams::default(), Factors::Exact)?
            else {
                return Ok(None);
            };
            products.push(kernel.conv2d_epilogue(&features.narrow(0, image, 1)?, epilogue)?);
        }
        Ok(match products.as_slice() {
            [one] => Some(one.clone()),
            _ => Some(Tensor::cat(&products, 0)?),
        })
    }
}

//! Axial attention: self-attention along one axis of a map at a time, with learned relative positions.

use super::batch_norm::{BatchNorm, BatchNormConfig};
use super::pointwise::Pointwise1d;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::mode::Mode;
use crate::params::{Params, Role};
use candle_core::{D, DType, Device, Tensor};
use kmax_kernels as kernels;
use kmax_kernels::Activation;

/// Longest sequence that the position tables reach over: they hold one row per distance, `2 * 255 - 1`.
pub const MAX_SPAN: usize = 255;

/// Settings of [`AxialAttention`] and [`AxialAttention2d`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxialConfig {
    /// Input channels.
    pub input: usize,
    /// Channels of all heads' queries, and of their keys.
    pub key_depth: usize,
    /// Channels of all heads' values: the output channels.
    pub value_depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Batch norms.
    pub norm: BatchNormConfig,
}

impl AxialConfig {
    /// Key expansion 1 and value expansion 2 over `filters`, eight heads, as in both reference implementations.
    pub fn new(input: usize, filters: usize, norm: BatchNormConfig) -> Self {
        Self { input, key_depth: filters, value_depth: 2 * filters, heads: 8, norm }
    }
}

/// Attention along a sequence `[batch, channels, length]` (deeplab2's `AxialAttention`; arXiv 2003.07853, eq. 4).
///
/// There is no `1/sqrt(d)`: a batch norm over the three kinds of similarity (content, query position, key position)
/// scales them before they are summed. Parameters: `qkv.{weight,norm}`, `{query,key,value}_position`,
/// `similarity_norm`, `retrieved_norm`.
#[derive(Debug, Clone)]
pub struct AxialAttention {
    qkv: Pointwise1d,
    query_position: Tensor,
    key_position: Tensor,
    value_position: Tensor,
    similarity_norm: BatchNorm,
    retrieved_norm: BatchNorm,
    config: AxialConfig,
    /// What inference needs where there is a kernel.
    tables: Option<kernels::AxialTables>,
}

impl AxialAttention {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen, or if the heads do not divide the depths.
    pub fn new(config: AxialConfig, params: &Params) -> Result<Self> {
        let AxialConfig { input, key_depth, value_depth, heads, norm } = config;
        if heads == 0 || !key_depth.is_multiple_of(heads) || !value_depth.is_multiple_of(heads) {
            let depths = format!("{key_depth} key and {value_depth} value channels");
            return Err(Error::Argument(format!("axial attention: {heads} heads do not divide {depths}")));
        }
        let init = Init::TruncatedNormal { std: (input as f64).powf(-0.5) };
        let table = |name: &str, depth: usize| {
            params.get(name, &[2 * MAX_SPAN - 1, depth], Init::TruncatedNormal { std: 1.0 }, Role::Embedding)
        };
        let qkv = 2 * key_depth + value_depth;
        let mut attention = Self {
            qkv: Pointwise1d::normed(input, qkv, init, norm, Activation::Identity, &params.pp("qkv"))?,
            query_position: table("query_position", key_depth / heads)?,
            key_position: table("key_position", key_depth / heads)?,
            value_position: table("value_position", value_depth / heads)?,
            similarity_norm: BatchNorm::new(3 * heads, norm, &params.pp("similarity_norm"))?,
            retrieved_norm: BatchNorm::new(2 * value_depth, norm, &params.pp("retrieved_norm"))?,
            config,
            tables: None,
        };
        if !params.is_trainable() && kernels::attends_on(params.device()) {
            attention.tables = Some(attention.fold()?);
        }
        Ok(attention)
    }

    /// The norms' factors and the position tables as the kernel wants them.
    fn fold(&self) -> Result<kernels::AxialTables> {
        let (similarity_scale, _) = self.similarity_norm.affine()?;
        let (retrieved_scale, offsets) = self.retrieved_norm.affine()?;
        let contiguous = |t: &Tensor| t.contiguous();
        Ok(kernels::AxialTables {
            heads: self.config.heads,
            query_position: contiguous(&self.query_position)?,
            key_position: contiguous(&self.key_position)?,
            value_position: contiguous(&self.value_position)?,
            similarity_scale,
            retrieved_scale,
            offset: offsets.reshape((2, self.config.value_depth))?.sum(0)?,
        })
    }

    /// Attends over columns or rows of the map `x`, keeping every `stride`-th position: without a gradient or a
    /// permuted copy. `None` where that is not possible.
    fn over_map(&self, x: &Tensor, vertical: bool, stride: usize, mode: &Mode) -> Result<Option<Tensor>> {
        let (batch, _, height, width) = x.dims4()?;
        let length = if vertical { height } else { width };
        // The tables have the type of the queries, which a map in bfloat16 has not.
        let tables = self.tables.as_ref().filter(|tables| kernels::attends_to(&tables.query_position));
        let Some(tables) = tables.filter(|_| !mode.is_train() && !x.track_op() && length <= MAX_SPAN) else {
            return Ok(None);
        };
        let qkv = self.qkv.forward(&x.flatten_from(2)?, mode)?.reshape((batch, (), height, width))?;
        Ok(Some(kernels::axial_attention(&qkv, tables, vertical, stride)?))
    }

    /// Attends along `x` `[b, input, length]`; gives `[b, value_depth, length]`.
    ///
    /// # Errors
    /// If the channels differ or the sequence is longer than [`MAX_SPAN`].
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let (batch, _, length) = x.dims3()?;
        if length > MAX_SPAN {
            return Err(Error::Argument(format!(
                "axial attention: {length} positions, but the position tables reach over {MAX_SPAN}"
            )));
        }
        let AxialConfig { key_depth, value_depth, heads, .. } = self.config;
        let rows = batch * heads;
        let qkv = self.qkv.forward(x, mode)?;
        // [batch * heads, length, depth], so that positions are rows.
        let split = |start: usize, depth: usize| -> Result<Tensor> {
            let part = qkv.narrow(1, start, depth)?.contiguous()?;
            Ok(part.reshape((rows, depth / heads, length))?.transpose(1, 2)?.contiguous()?)
        };
        let query = split(0, key_depth)?;
        let key = split(key_depth, key_depth)?;
        let value = split(2 * key_depth, value_depth)?;

        let content = query.matmul(&key.transpose(1, 2)?.contiguous()?)?;
        let by_query = per_position(&query, &self.between(&self.query_position, length, false)?)?;
        // Per key position the product runs over the query positions: the table is transposed, and so is the result.
        let by_key = per_position(&key, &self.between(&self.key_position, length, true)?)?;
        let by_key = by_key.transpose(1, 2)?.contiguous()?;
        let shape = (batch, heads, length, length);
        let kinds = [content.reshape(shape)?, by_query.reshape(shape)?, by_key.reshape(shape)?];
        let similarity = self.similarity_norm.forward(&Tensor::cat(&kinds, 1)?, mode)?;
        let weights =
            kernels::softmax(&kernels::sum_parts(&similarity, 3)?, 3)?.reshape((rows, length, length))?;

        let content = weights.matmul(&value)?;
        let value_position = positions(&self.value_position, length, false)?;
        let by_position = weights.transpose(0, 1)?.contiguous()?.matmul(&value_position)?;
        let by_position = by_position.transpose(0, 1)?.contiguous()?;
        let channels = |part: Tensor| -> Result<Tensor> {
            Ok(part.transpose(1, 2)?.contiguous()?.reshape((batch, value_depth, length))?)
        };
        let retrieved = Tensor::cat(&[channels(content)?, channels(by_position)?], 1)?;
        let retrieved = self.retrieved_norm.forward(&retrieved, mode)?;
        Ok(kernels::sum_parts(&retrieved, 2)?)
    }

    /// For each position `[length, depth, length]`: what its vector is multiplied with.
    fn between(&self, table: &Tensor, length: usize, keys: bool) -> Result<Tensor> {
        Ok(positions(table, length, keys)?.transpose(D::Minus1, D::Minus2)?.contiguous()?)
    }
}

/// Rows of a position table for all pairs, `[first, second, depth]`: first is the query position and second the key
/// position, or the reverse with `keys`. Row `key - query + MAX_SPAN - 1` belongs to a pair.
fn positions(table: &Tensor, length: usize, keys: bool) -> Result<Tensor> {
    let numbers = [length, usize::from(keys)];
    let rows = kernels::constant(table.device(), "axial distances", &numbers, DType::U32, || {
        let pairs = (0..length).flat_map(|first| (0..length).map(move |second| (first, second)));
        let row = |(first, second)| {
            let (query, key) = if keys { (second, first) } else { (first, second) };
            (key + MAX_SPAN - 1 - query) as u32
        };
        Tensor::from_vec(pairs.map(row).collect(), length * length, &Device::Cpu)
    })?;
    Ok(table.index_select(&rows, 0)?.reshape((length, length, ()))?)
}

/// `[rows, length, depth]` times one `[depth, length]` matrix per position: `[rows, length, length]`.
fn per_position(vectors: &Tensor, matrices: &Tensor) -> Result<Tensor> {
    let product = vectors.transpose(0, 1)?.contiguous()?.matmul(matrices)?;
    Ok(product.transpose(0, 1)?.contiguous()?)
}

/// Attention down the columns, then along the rows, of `[batch, channels, height, width]`.
///
/// Parameters: those of [`AxialAttention`] under `height` and `width`.
#[derive(Debug, Clone)]
pub struct AxialAttention2d {
    height: AxialAttention,
    width: AxialAttention,
    /// Rows and columns kept after each axis: 1, or 2 in a strided MaX-S block.
    stride: usize,
}

impl AxialAttention2d {
    /// Reads the parameters; `stride` drops positions after each axis' attention (deeplab2's strided axial block).
    ///
    /// # Errors
    /// As [`AxialAttention::new`].
    pub fn new(config: AxialConfig, stride: usize, params: &Params) -> Result<Self> {
        let second = AxialConfig { input: config.value_depth, ..config };
        Ok(Self {
            height: AxialAttention::new(config, &params.pp("height"))?,
            width: AxialAttention::new(second, &params.pp("width"))?,
            stride,
        })
    }

    /// Attends over `x`; gives `[b, value_depth, ceil(h / stride), ceil(w / stride)]`.
    ///
    /// # Errors
    /// As [`AxialAttention::forward`].
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        if let Some(columns) = self.height.over_map(x, true, self.stride, mode)?
            && let Some(both) = self.width.over_map(&columns, false, self.stride, mode)?
        {
            return Ok(both);
        }
        let (batch, channels, height, width) = x.dims4()?;
        let columns = x.permute((0, 3, 1, 2))?.contiguous()?.reshape((batch * width, channels, height))?;
        let columns = every(&self.height.forward(&columns, mode)?, self.stride)?;
        let (_, depth, height) = columns.dims3()?;
        let rows = columns.reshape((batch, width, depth, height))?.permute((0, 3, 2, 1))?.contiguous()?;
        let rows = self.width.forward(&rows.reshape((batch * height, depth, width))?, mode)?;
        let rows = every(&rows, self.stride)?;
        let width = rows.dim(2)?;
        Ok(rows.reshape((batch, height, depth, width))?.permute((0, 2, 1, 3))?.contiguous()?)
    }
}

/// Every `stride`-th position of `[b, c, length]`, the first included.
fn every(x: &Tensor, stride: usize) -> Result<Tensor> {
    if stride == 1 {
        return Ok(x.clone());
    }
    let length = x.dim(2)?;
    let kept = kernels::constant(x.device(), "every", &[length, stride], DType::U32, || {
        Tensor::new((0..length as u32).step_by(stride).collect::<Vec<_>>(), &Device::Cpu)
    })?;
    Ok(x.index_select(&kept, 2)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow_the_stride_and_long_sequences_are_refused() -> Result<()> {
        let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
        let config = AxialConfig { heads: 2, ..AxialConfig::new(3, 4, BatchNormConfig::default()) };
        let attention = AxialAttention2d::new(config, 2, &params)?;
        let x = Tensor::ones((2, 3, 5, 6), DType::F32, &Device::Cpu)?;
        assert_eq!(attention.forward(&x, &Mode::train(0))?.dims(), [2, 8, 3, 3]);
        let long = Tensor::zeros((1, 3, 256), DType::F32, &Device::Cpu)?;
        let error = AxialAttention::new(config, &params.pp("long"))?.forward(&long, &Mode::eval());
        assert!(error.is_err_and(|e| e.to_string().contains("256")));
        assert!(AxialAttention::new(AxialConfig { heads: 3, ..config }, &params.pp("bad")).is_err());
        Ok(())
    }

    #[test]
    fn the_kernel_equals_the_composed_form() -> Result<()> {
        for (heads, filters, size, stride, dtype, tolerance) in [
            (2, 4, (5, 6), 1, DType::F64, 1e-12),
            (1, 3, (1, 19), 1, DType::F64, 1e-12),
            (4, 8, (17, 33), 2, DType::F64, 1e-12),
            (8, 32, (21, 18), 1, DType::F32, 1e-5),
        ] {
            let source = Params::trainable(None, 3, dtype, &Device::Cpu);
            let config = AxialConfig { heads, ..AxialConfig::new(3, filters, BatchNormConfig::default()) };
            let open = AxialAttention2d::new(config, stride, &source)?;
            let values = Init::Normal { std: 1.0 }.values("x", 1, 2 * 3 * size.0 * size.1);
            let x = Tensor::from_vec(values, (2, 3, size.0, size.1), &Device::Cpu)?.to_dtype(dtype)?;
            // Statistics that are not the identity.
            open.forward(&x, &Mode::train(0))?;
            let stored = source.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach()));
            let stored = stored.collect::<std::collections::HashMap<_, _>>();
            let folded = AxialAttention2d::new(config, stride, &Params::frozen(stored, dtype, &Device::Cpu))?;
            assert!(folded.height.over_map(&x, true, stride, &Mode::eval())?.is_some());
            let (found, expected) = (folded.forward(&x, &Mode::eval())?, open.forward(&x, &Mode::eval())?);
            assert_eq!(found.dims(), expected.dims());
            let most =
                |t: &Tensor| -> Result<f64> { Ok(t.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar()?) };
            assert!(most(&(found - &expected)?)? <= tolerance * most(&expected)?);
        }
        Ok(())
    }
}

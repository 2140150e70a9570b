//! Functions on tensors that Candle lacks, does slowly or differentiates wrongly.

mod axial;
mod buffer;
mod columns;
mod composed;
mod contrast;
mod conv;
mod kmeans;
mod masks;
mod matrix;
mod norm;
mod pad;
mod parts;
mod pointwise;
mod pool;
mod product;
mod real;
mod resize;
mod simd;
mod softmax;
mod special;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod twins;
mod vector;

pub use axial::{AxialTables, axial_attention};
pub use contrast::{Contrast, Groups, contrast};
pub use conv::{
    Chained, Finish, Link, Mlp, Prepared, Residual, conv_norm_chain, conv2d, conv2d_finished,
    conv2d_norm_train, depthwise_conv2d, mlp,
};
pub use kmeans::{center_sums, nearest_center};
pub use masks::{BLOCK, Block, Mixing, ResizedMasks, Winners};
pub use norm::{TrainedNorm, batch_norm, batch_norm_train, channel_affine, l2_normalize, layer_norm};
pub use pad::pad;
pub use parts::sum_parts;
pub use pointwise::{gelu, relu, relu6};
pub use pool::max_pool2d;
pub(crate) use real::has_kernel;
pub use resize::{Alignment, resize_bilinear};
pub use simd::kernels;
pub use softmax::softmax;

pub(crate) use real::runs_kernels;

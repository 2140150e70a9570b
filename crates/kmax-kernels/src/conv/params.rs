//! How a convolution moves its kernel.

/// Stride, padding, dilation and groups of a two-dimensional convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvParams {
    /// Step of both axes, at least 1.
    pub stride: usize,
    /// Zeros added above and below, left and right.
    pub padding: (usize, usize),
    /// Distance of kernel taps on both axes, at least 1.
    pub dilation: usize,
    /// Channel groups, at least 1.
    pub groups: usize,
}

impl Default for ConvParams {
    /// Every position, no padding, neighbouring taps, one group.
    fn default() -> Self {
        Self { stride: 1, padding: (0, 0), dilation: 1, groups: 1 }
    }
}

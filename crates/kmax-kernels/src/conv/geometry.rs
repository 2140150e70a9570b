//! Sizes of a convolution, checked once.

use super::params::ConvParams;
use crate::error::{Error, Result};
use crate::profile::Label;
use candle_core::{Shape, Tensor};

/// Shape of a two-dimensional convolution whose parts are known to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Images.
    pub batch: usize,
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Stride, padding, dilation and groups.
    pub params: ConvParams,
    /// Height and width of the input.
    pub size: (usize, usize),
    /// Height and width of the kernel.
    pub kernel: (usize, usize),
    /// Height and width of the output.
    pub out: (usize, usize),
}

impl Geometry {
    /// Of `input` `[b, c, h, w]` and `kernel` `[o, c / groups, kh, kw]`.
    pub(crate) fn new(input: &Tensor, kernel: &Tensor, params: ConvParams) -> Result<Self> {
        if input.dtype() != kernel.dtype() {
            let found = (input.dtype(), kernel.dtype());
            return Err(Error::Argument(format!(
                "conv2d: input and kernel differ in element type: {found:?}"
            )));
        }
        Self::of(input, kernel.dims4()?, params)
    }

    /// Of `input` and the shape of a kernel.
    pub(crate) fn of(
        input: &Tensor,
        (output, per_group, kh, kw): (usize, usize, usize, usize),
        params: ConvParams,
    ) -> Result<Self> {
        let ConvParams { stride, padding, dilation, groups } = params;
        let (batch, channels, height, width) = input.dims4()?;
        let fail = |what: &str| {
            Err(Error::Argument(format!(
                "conv2d: {what} (input {:?}, kernel {:?}, stride {stride}, padding {padding:?}, dilation \
                 {dilation}, groups {groups})",
                input.dims(),
                [output, per_group, kh, kw]
            )))
        };
        if stride == 0 || dilation == 0 || groups == 0 || kh == 0 || kw == 0 {
            return fail("stride, dilation, groups and kernel start at 1");
        }
        if per_group.checked_mul(groups) != Some(channels) || !output.is_multiple_of(groups) {
            return fail("the channels do not fit");
        }
        let extent = |size: usize, k: usize, pad: usize| {
            let padded = pad.checked_mul(2)?.checked_add(size)?;
            let span = (k - 1).checked_mul(dilation)?.checked_add(1)?;
            Some(padded.checked_sub(span)? / stride + 1)
        };
        match (extent(height, kh, padding.0), extent(width, kw, padding.1)) {
            (Some(oh), Some(ow)) => Ok(Self {
                batch,
                input: channels,
                output,
                params,
                size: (height, width),
                kernel: (kh, kw),
                out: (oh, ow),
            }),
            _ => fail("the kernel is larger than the padded input"),
        }
    }

    /// What the profile calls it.
    pub(crate) fn label(&self) -> Label {
        let (kh, kw) = self.kernel;
        let kind = if self.is_depthwise() { "depthwise" } else { "conv" };
        let step = if self.params.stride > 1 { format!(" / {}", self.params.stride) } else { String::new() };
        let (height, width) = self.size;
        let weights = self.kernel_shape().elem_count();
        let outputs = self.batch * self.output * self.out_area();
        let inputs = self.batch * self.input * self.in_area();
        Label {
            operation: format!("{kind} {kh}x{kw}{step}"),
            shape: format!("{}-{} @{height}x{width}", self.input, self.output),
            multiply_adds: outputs as f64 * (weights / self.output.max(1)) as f64,
            bytes: ((inputs + outputs + weights) * size_of::<f32>()) as f64,
        }
    }

    /// Shape of the output.
    pub(crate) fn out_shape(&self) -> Shape {
        Shape::from((self.batch, self.output, self.out.0, self.out.1))
    }

    /// Shape of the input.
    pub(crate) fn in_shape(&self) -> Shape {
        Shape::from((self.batch, self.input, self.size.0, self.size.1))
    }

    /// Shape of the kernel.
    pub(crate) fn kernel_shape(&self) -> Shape {
        Shape::from((self.output, self.input / self.params.groups, self.kernel.0, self.kernel.1))
    }

    /// Elements of one output map.
    pub(crate) fn out_area(&self) -> usize {
        self.out.0 * self.out.1
    }

    /// Elements of one input map.
    pub(crate) fn in_area(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Taps of the kernel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Whether channel `i` of the output sees channel `i` of the input alone.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.params.groups == self.input && self.output == self.input && self.params.dilation == 1
    }
}

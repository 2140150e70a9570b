//! What follows the sums of a convolution while they are still in the cache.

use crate::activation::Activation;
use crate::activation::activate;
use crate::cpu::{Float, Stored};
use crate::matrix::{Last, ROWS};
use std::ops::Range;

/// Adds a bias per output channel, then a residual of the output's shape, then applies an activation.
pub(super) struct EpilogueValues<'a, T, O = T> {
    /// One per output channel.
    pub bias: Option<&'a [T]>,
    /// As many as the output has.
    pub residual: Option<&'a [O]>,
    /// Last.
    pub activation: Activation,
}

impl<T: Float> EpilogueValues<'_, T> {
    /// Nothing at all.
    pub const NONE: Self = Self { bias: None, residual: None, activation: Activation::Identity };
}

impl<T: Float, O: Stored<T>> EpilogueValues<'_, T, O> {
    /// The same for the matrix kernel: of the outputs of some channels, with their residuals. GELU is left out.
    pub fn last(&self, channels: &Range<usize>, residual: Option<*const T>) -> Last<T> {
        let mut bias = [T::ZERO; ROWS];
        if let Some(values) = self.bias {
            bias[..channels.len()].copy_from_slice(&values[channels.clone()]);
        }
        Last { bias, residual, activation: self.activation }
    }

    /// Does it to `row`, which belongs to `channel` and starts `offset` elements into the output.
    pub fn apply(&self, row: &mut [T], channel: usize, offset: usize) {
        let bias = self.bias.map_or(T::ZERO, |bias| bias[channel]);
        match self.residual {
            Some(residual) => {
                let residual = &residual[offset..][..row.len()];
                row.iter_mut().zip(residual).for_each(|(value, more)| *value = *value + bias + more.wide());
                activate(self.activation, row, T::ZERO);
            }
            None => activate(self.activation, row, bias),
        }
    }
}

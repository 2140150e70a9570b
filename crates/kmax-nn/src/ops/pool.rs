//! Pooling.

use crate::{Error, Result};
use candle_core::Tensor;

/// Max pooling of `x` `[b, c, h, w]` with a square window; the padding never wins.
///
/// # Errors
/// If `x` has not four axes or the window does not fit.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    if height + 2 * padding < kernel || width + 2 * padding < kernel || stride == 0 || padding >= kernel {
        return Err(Error::Argument(format!("max pool: a {kernel} window does not fit {height}x{width}")));
    }
    let (rows, columns) =
        ((height + 2 * padding - kernel) / stride + 1, (width + 2 * padding - kernel) / stride + 1);
    // The border repeats the edge: a repeated value is in the window already, so it never changes the maximum.
    let index = |out: usize, offset: usize, size: usize| {
        (0..out)
            .map(|i| (i * stride + offset).saturating_sub(padding).min(size - 1) as u32)
            .collect::<Vec<_>>()
    };
    let mut best: Option<Tensor> = None;
    for dy in 0..kernel {
        let taken = x.index_select(&Tensor::new(index(rows, dy, height), x.device())?, 2)?;
        for dx in 0..kernel {
            let value = taken.index_select(&Tensor::new(index(columns, dx, width), x.device())?, 3)?;
            best = Some(match best {
                Some(best) => best.maximum(&value)?,
                None => value,
            });
        }
    }
    best.ok_or_else(|| Error::Argument("max pool: an empty window".into()))
}

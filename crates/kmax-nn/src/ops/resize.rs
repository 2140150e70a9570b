//! Bilinear resizing.

use crate::Result;
use candle_core::{Device, Tensor};

/// How sample positions map between sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// Corner pixel centres coincide (`align_corners=True`).
    Corners,
    /// Image borders coincide (`align_corners=False`, half-pixel centres).
    Borders,
}

/// Bilinear resize of `x` `[b, c, h, w]` to `[b, c, height, width]`, without antialiasing. Differentiable.
///
/// # Errors
/// If `x` has not four axes.
pub fn resize_bilinear(x: &Tensor, height: usize, width: usize, alignment: Alignment) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    if (h, w) == (height, width) {
        return Ok(x.clone());
    }
    let rows = weights(h, height, alignment, x.device())?.to_dtype(x.dtype())?;
    let columns = weights(w, width, alignment, x.device())?.to_dtype(x.dtype())?.t()?.contiguous()?;
    let wide = x.contiguous()?.reshape((b * c * h, w))?.matmul(&columns)?;
    let tall = rows.unsqueeze(0)?.broadcast_matmul(&wide.reshape((b * c, h, width))?)?;
    Ok(tall.reshape((b, c, height, width))?)
}

/// The `[to, from]` matrix of interpolation weights of one axis.
fn weights(from: usize, to: usize, alignment: Alignment, device: &Device) -> Result<Tensor> {
    let mut matrix = vec![0f64; to * from];
    for i in 0..to {
        let position = match alignment {
            Alignment::Corners if to == 1 => 0.0,
            Alignment::Corners => i as f64 * (from - 1) as f64 / (to - 1) as f64,
            Alignment::Borders => ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0),
        };
        let low = (position as usize).min(from - 1);
        let high = (low + 1).min(from - 1);
        let share = position - low as f64;
        matrix[i * from + low] += 1.0 - share;
        matrix[i * from + high] += share;
    }
    Ok(Tensor::from_vec(matrix, (to, from), device)?)
}

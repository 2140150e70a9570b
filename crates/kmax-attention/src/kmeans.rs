//! The two halves of a k-means step.

use crate::error::Result;
use candle_core::Tensor;
use kmax_kernels::{center_sums, nearest_center};

/// The index of the query with the largest mask logit of each pixel: `[b, queries, pixels]` to `[b, pixels]` (`u32`).
/// No gradient passes. The first of equal logits wins.
///
/// # Errors
/// If `mask_logits` has not three axes.
pub fn assign(mask_logits: &Tensor) -> Result<Tensor> {
    Ok(nearest_center(mask_logits)?)
}

/// The sum, not the mean, of the values of each query's pixels: `[b, channels, pixels]` and an assignment
/// `[b, pixels]` to `[b, channels, queries]` (paper eq. 7). Differentiable in `values`.
///
/// # Errors
/// If the shapes do not fit.
pub fn update(values: &Tensor, assignment: &Tensor, queries: usize) -> Result<Tensor> {
    Ok(center_sums(values, assignment, queries)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn pixels_go_to_their_best_query_and_are_summed() -> Result<()> {
        let device = &Device::Cpu;
        let logits = Tensor::new(&[[[1f64, 5.0, 2.0, 0.0], [3.0, 4.0, 2.0, 1.0]]], device)?;
        let assignment = assign(&logits)?;
        assert_eq!(assignment.to_vec2::<u32>()?, [[1, 0, 0, 1]]);
        let values = Var::new(&[[[1f64, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]], device)?;
        let sums = update(&values, &assignment, 3)?;
        assert_eq!(sums.to_vec3::<f64>()?, [[[5.0, 5.0, 0.0], [50.0, 50.0, 0.0]]]);
        let weights = Tensor::new(&[[[1f64, 2.0, 4.0], [8.0, 16.0, 32.0]]], device)?;
        let gradients = (sums * weights)?.sum_all()?.backward()?;
        let gradient = gradients.get(&values).expect("values have a gradient").to_vec3::<f64>()?;
        assert_eq!(gradient, [[[2.0, 1.0, 1.0, 2.0], [16.0, 8.0, 8.0, 16.0]]]);
        Ok(())
    }
}

//! Contrast between groups of vectors: softmax cross entropy over all pairs, with its gradient.

mod kernel;
mod pairs;

use crate::cpu::{Float, hold, with_dtype};
use crate::error::{Error, Result};
use candle_core::{DType, Tensor};
use pairs::Pairs;

/// What the vectors of a group ask for.
#[derive(Debug, Clone, Copy)]
pub struct Groups<'a> {
    /// The group of each vector.
    pub of: &'a [u32],
    /// Weight of each vector of the second group in the distribution that a vector of the first asks for,
    /// `[groups, groups]`.
    pub targets: &'a [f64],
    /// Factor of the probabilities in the gradient, one per group: the sum of a vector's weights where the gradient
    /// is to be that of the loss.
    pub mass: &'a [f64],
}

/// What [`contrast`] gives.
#[derive(Debug, Clone)]
pub struct Contrast {
    /// One per vector.
    pub losses: Vec<f64>,
    /// `[channels, count]`: of the sum of the losses with respect to the vectors.
    pub gradient: Tensor,
}

/// `loss(i) = - sum over j of target(i, j) ln softmax(x_i . x / temperature)_j` for the columns of `x`
/// `[channels, count]`, on the CPU.
///
/// The matrix of pairs is symmetric: half of it is computed, once, its exponentials are kept until the sums are known, and
/// each then serves both of its vectors. What the targets add to losses and gradient depends on the groups' sums alone.
///
/// # Errors
/// If the shapes do not fit, or if the vectors are so long that exponentials may underflow (those of length one are
/// good for temperatures down to 0.025 in float32).
pub fn contrast(x: &Tensor, groups: &Groups, temperature: f64) -> Result<Contrast> {
    let (channels, count) = x.dims2()?;
    let number = groups.mass.len();
    let fits = groups.of.len() == count && groups.targets.len() == number * number;
    if !fits || groups.of.iter().any(|group| *group as usize >= number) {
        let reason = format!("contrast: {number} groups do not fit {count} vectors");
        return Err(Error::Argument(reason));
    }
    let x = x.contiguous()?;
    let held = hold(&x);
    let range = if x.dtype() == DType::F64 { 600.0 } else { 80.0 };
    Ok(with_dtype!(x, T => {
        let scale = (1.0 / temperature).sqrt();
        let pairs = Pairs::new(held.elements::<T>()?, (channels, count), T::of(scale));
        let reach = 2.0 * pairs.bound();
        if reach.is_nan() || reach >= range {
            let reason = format!("contrast: products reach {}, vectors must have length 1", reach / 2.0);
            return Err(Error::Argument(reason));
        }
        let exponentials = pairs.exponentials();
        let sums = group_sums(&pairs, groups);
        let losses = losses(&pairs, groups, &wanted(groups, &sums, false), &exponentials.totals);
        let weights = exponentials.totals.iter().zip(groups.of);
        let weights: Vec<T> = weights.map(|(total, of)| T::of(groups.mass[*of as usize] / total)).collect();
        let pushed = pairs.weighed_sums(&exponentials, &weights);
        let pulled = wanted(groups, &sums, true);
        let mut gradient = vec![T::ZERO; channels * count];
        for (i, (pushed, group)) in pairs.rows(&pushed).zip(groups.of).enumerate() {
            let column = gradient[i..].iter_mut().step_by(count);
            for ((v, pushed), pulled) in column.zip(pushed).zip(&pulled[*group as usize].1) {
                *v = T::of((pushed.wide() - pulled) * scale);
            }
        }
        Tensor::from_vec(gradient, (channels, count), x.device()).map(|gradient| Contrast { losses, gradient })
    })?)
}

/// A number of vectors and their sum, weighted.
type Sum = (f64, Vec<f64>);

/// Of each group's vectors.
fn group_sums<T: Float>(pairs: &Pairs<T>, groups: &Groups) -> Vec<Sum> {
    let mut sums = vec![(0.0, vec![0.0; pairs.channels()]); groups.mass.len()];
    for (vector, group) in pairs.vectors().zip(groups.of) {
        let (count, sum) = &mut sums[*group as usize];
        *count += 1.0;
        sum.iter_mut().zip(vector).for_each(|(sum, v)| *sum += v.wide());
    }
    sums
}

/// For each group: what it asks for; with `both`, those that ask for it as well.
fn wanted(groups: &Groups, sums: &[Sum], both: bool) -> Vec<Sum> {
    let number = groups.mass.len();
    let of = |a: usize| {
        let mut wanted = (0.0, vec![0.0; sums.first().map_or(0, |(_, sum)| sum.len())]);
        for (b, (count, sum)) in sums.iter().enumerate() {
            let back = if both { groups.targets[b * number + a] } else { 0.0 };
            let weight = groups.targets[a * number + b] + back;
            wanted.0 += weight * count;
            wanted.1.iter_mut().zip(sum).for_each(|(wanted, v)| *wanted += weight * v);
        }
        wanted
    };
    (0..number).map(of).collect()
}

fn losses<T: Float>(pairs: &Pairs<T>, groups: &Groups, wanted: &[Sum], totals: &[f64]) -> Vec<f64> {
    let bound = pairs.bound();
    let each = pairs.vectors().zip(groups.of).zip(totals);
    each.map(|((vector, group), total)| {
        let (weight, sum) = &wanted[*group as usize];
        let product: f64 = vector.iter().zip(sum).map(|(v, sum)| v.wide() * sum).sum();
        weight * (bound + total.ln()) - product
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, random};
    use crate::{l2_normalize, softmax};
    use candle_core::{Device, Var};

    /// Targets of every pair `[count, count]`.
    fn spread(groups: &Groups) -> Result<Tensor> {
        let (n, number) = (groups.of.len(), groups.mass.len());
        let of = |i: usize| groups.of[i] as usize;
        let values = (0..n * n).map(|at| groups.targets[of(at / n) * number + of(at % n)]);
        Ok(Tensor::from_vec(values.collect::<Vec<_>>(), (n, n), &Device::Cpu)?)
    }

    #[test]
    fn losses_and_gradient_equal_the_composed_form() -> Result<()> {
        for (channels, count, temperature) in
            [(3, 2, 0.5), (5, 40, 0.3), (7, 1700, 0.1), (64, 257, 1.0), (70, 900, 0.5)]
        {
            let x = l2_normalize(&random(1, &[channels, count])?, 0, 1e-12)?;
            let of: Vec<u32> = (0..count as u32).map(|i| (i * i + i / 3) % 3).collect();
            // The second group asks for nothing.
            let targets = [0.04, 0.0, 0.01, 0.0, 0.0, 0.0, 0.02, 0.03, 0.0];
            let amount = |a: usize| of.iter().map(|b| targets[a * 3 + *b as usize]).sum::<f64>();
            let mass: Vec<f64> = (0..3).map(amount).collect();
            let groups = Groups { of: &of, targets: &targets, mass: &mass };

            let var = Var::from_tensor(&x)?;
            let similarity = (var.as_tensor().t()?.contiguous()?.matmul(var.as_tensor())? / temperature)?;
            let losses = (softmax(&similarity, 1)?.log()? * spread(&groups)?)?.sum(1)?.neg()?;
            let gradients = losses.sum_all()?.backward()?;
            let gradient = gradients.get(var.as_tensor()).expect("a gradient");

            let list = |values: &[f64]| Tensor::new(values, &Device::Cpu);
            let found = contrast(&x, &groups, temperature)?;
            assert_close(&list(&found.losses)?, &losses, 1e-12);
            assert_close(&found.gradient, gradient, 1e-12);
            let single = contrast(&x.to_dtype(DType::F32)?, &groups, temperature)?;
            assert_close(&list(&single.losses)?, &losses, 1e-5);
            assert_close(&single.gradient.to_dtype(DType::F64)?, gradient, 1e-5);
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let groups = |of| Groups { of, targets: &[1.0], mass: &[1.0] };
        let x = random(1, &[3, 2])?;
        assert!(contrast(&x, &groups(&[0, 1]), 1.0).is_err());
        assert!(contrast(&x, &groups(&[0]), 1.0).is_err());
        assert!(contrast(&(x.to_dtype(DType::F32)? * 100.0)?, &groups(&[0, 0]), 1.0).is_err());
        assert!(contrast(&(&x * f64::NAN)?, &groups(&[0, 0]), 1.0).is_err());
        let first = Tensor::new(&[[f64::NAN, 0.5], [0.1, 0.2], [0.3, 0.1]], &Device::Cpu)?;
        assert!(contrast(&first, &groups(&[0, 0]), 1.0).is_err());
        Ok(())
    }
}

//! Contrast between groups of vectors: softmax cross entropy over all pairs, with its gradient.

use super::product::{Matrix, product};
use super::real::{Real, Shared, hold, with_dtype, written};
use super::simd::simd_fn;
use crate::{Error, Result};
use candle_core::{DType, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a block of the matrix of pairs.
const ROWS: usize = 128;
/// Columns of a tile, which a second-level cache holds.
const COLUMNS: usize = 512;

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
/// The matrix of pairs is symmetric: half of it is computed, once, and its exponentials are kept until the sums are
/// known. What the targets add to losses and gradient depends on the groups' sums alone.
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
        let scale = T::of((1.0 / temperature).sqrt());
        let scaled: Vec<T> = held.elements::<T>()?.iter().map(|v| *v * scale).collect();
        let pairs = Pairs::new(&scaled, channels, count);
        let reach = 2.0 * pairs.bound.wide();
        if reach.is_nan() || reach >= range {
            let reason = format!("contrast: products reach {}, vectors must have length 1", pairs.bound.wide());
            return Err(Error::Argument(reason));
        }
        let (losses, mut gradient) = pairs.run(groups);
        gradient.iter_mut().for_each(|v| *v *= scale);
        Tensor::from_vec(gradient, (channels, count), x.device()).map(|gradient| Contrast { losses, gradient })
    })?)
}

/// The vectors, scaled so that a product of two is a similarity.
struct Pairs<'a, T> {
    x: &'a [T],
    channels: usize,
    count: usize,
    /// No similarity is larger.
    bound: T,
}

impl<'a, T: Real> Pairs<'a, T> {
    fn new(x: &'a [T], channels: usize, count: usize) -> Self {
        let mut squares = vec![0.0; count];
        for row in x.chunks_exact(count.max(1)) {
            squares.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.wide() * v.wide());
        }
        // Not the maximum function, which loses a NaN.
        let bound = squares.into_iter().fold(0.0, |most, square| if square <= most { most } else { square });
        Self { x, channels, count, bound: T::of(bound) }
    }

    fn block(&self, i: usize) -> Range<usize> {
        i * ROWS..self.count.min((i + 1) * ROWS)
    }

    /// Where the rows of block `i` begin in the upper triangle, which keeps whole blocks, and how long they are.
    fn place(&self, i: usize) -> (usize, usize) {
        let before: usize = (0..i).map(|i| self.block(i).len() * (self.count - i * ROWS)).sum();
        (before, self.count - i * ROWS)
    }

    fn run(&self, groups: &Groups) -> (Vec<f64>, Vec<T>) {
        let blocks = self.count.div_ceil(ROWS);
        let (len, _) = self.place(blocks);
        let mut sums: Vec<Vec<T>> = vec![Vec::new(); blocks];
        let fill = |out: &mut [T]| {
            let out = Shared::new(out);
            sums.par_iter_mut().enumerate().with_max_len(1).for_each(|(i, sums)| {
                let (start, width) = self.place(i);
                // SAFETY: the blocks are disjoint and lie within the buffer.
                let rows = unsafe { out.slice(start, self.block(i).len() * width) };
                *sums = self.exponentials(i, rows, width);
            });
        };
        // SAFETY: the blocks tile the buffer, and `exponentials` writes each in full.
        let upper = unsafe { written(len, fill) };
        let mut totals = vec![0.0; self.count];
        for (i, sums) in sums.iter().enumerate() {
            totals[i * ROWS..].iter_mut().zip(sums).for_each(|(total, sum)| *total += sum.wide());
        }
        let means = self.group_sums(groups);
        let losses = self.losses(groups, &means, &totals);
        (losses, self.gradient(groups, &means, &totals, &upper))
    }

    /// Writes `e^(similarity - bound)` of the rows of block `i` and the columns from there on. Gives the sums: of
    /// the block's rows, then of the later columns over these rows.
    fn exponentials(&self, i: usize, rows: &mut [T], width: usize) -> Vec<T> {
        let block = self.block(i);
        let mut sums = vec![T::ZERO; width];
        let (of_rows, of_columns) = sums.split_at_mut(block.len());
        for from in (0..width).step_by(COLUMNS) {
            let columns = from..width.min(from + COLUMNS);
            let lhs = Matrix { values: &self.x[block.start..], rows: 1, columns: self.count };
            let rhs = Matrix { values: &self.x[block.start + from..], rows: self.count, columns: 1 };
            let size = (block.len(), columns.len(), self.channels);
            // SAFETY: the tile lies within `rows`.
            unsafe { product(size, (rows[from..].as_mut_ptr(), width), false, lhs, rhs) };
            for (row, sum) in rows.chunks_exact_mut(width).zip(of_rows.iter_mut()) {
                // The diagonal block is whole: its rows' sums have everything.
                let (diagonal, later) = row[columns.clone()].split_at_mut(block.len().saturating_sub(from));
                *sum += exponentials(diagonal, self.bound, &mut []);
                let first = (from + diagonal.len()) - block.len();
                *sum += exponentials(later, self.bound, &mut of_columns[first..]);
            }
        }
        sums
    }

    /// Sum of each group's vectors, `[groups, channels]`, and how many they are.
    fn group_sums(&self, groups: &Groups) -> Vec<(f64, Vec<f64>)> {
        let mut sums = vec![(0.0, vec![0.0; self.channels]); groups.mass.len()];
        groups.of.iter().for_each(|group| sums[*group as usize].0 += 1.0);
        for (channel, row) in self.x.chunks_exact(self.count.max(1)).enumerate() {
            row.iter().zip(groups.of).for_each(|(v, group)| sums[*group as usize].1[channel] += v.wide());
        }
        sums
    }

    /// For each group: how many vectors it asks for, weighted, and their weighted sum; with `both`, those that ask
    /// for it as well.
    fn wanted(groups: &Groups, sums: &[(f64, Vec<f64>)], both: bool) -> Vec<(f64, Vec<f64>)> {
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

    fn losses(&self, groups: &Groups, sums: &[(f64, Vec<f64>)], totals: &[f64]) -> Vec<f64> {
        let wanted = Self::wanted(groups, sums, false);
        let mut losses: Vec<f64> = totals
            .iter()
            .zip(groups.of)
            .map(|(total, group)| wanted[*group as usize].0 * (self.bound.wide() + total.ln()))
            .collect();
        for (channel, row) in self.x.chunks_exact(self.count.max(1)).enumerate() {
            for ((loss, v), group) in losses.iter_mut().zip(row).zip(groups.of) {
                *loss -= v.wide() * wanted[*group as usize].1[channel];
            }
        }
        losses
    }

    fn gradient(&self, groups: &Groups, sums: &[(f64, Vec<f64>)], totals: &[f64], upper: &[T]) -> Vec<T> {
        let wanted = Self::wanted(groups, sums, true);
        let weights = totals.iter().zip(groups.of).map(|(total, g)| T::of(groups.mass[*g as usize] / total));
        let weights: Vec<T> = weights.collect();
        let blocks = self.count.div_ceil(ROWS);
        let fill = |out: &mut [T]| {
            let out = Shared::new(out);
            let each = (0..blocks).into_par_iter().with_max_len(1);
            each.for_each_init(Vec::new, |tile: &mut Vec<T>, i| {
                tile.resize(ROWS * COLUMNS, T::ZERO);
                let block = self.block(i);
                // Columns of the transposed tiles of earlier blocks, then rows of this block's own tiles.
                let earlier = (0..i).map(|j| (j, self.block(j), block.clone()));
                let own = (block.start..self.count)
                    .step_by(COLUMNS)
                    .map(|from| (i, block.clone(), from..self.count.min(from + COLUMNS)));
                for (step, (j, rows, columns)) in earlier.chain(own).enumerate() {
                    let (start, width) = self.place(j);
                    let n = columns.len();
                    let from = start + columns.start - rows.start;
                    for (row, (tile, weight)) in
                        tile.chunks_exact_mut(n).zip(&weights[rows.clone()]).enumerate()
                    {
                        weigh(&upper[from + row * width..][..n], *weight, &weights[columns.clone()], tile);
                    }
                    let (others, rhs) = match j < i {
                        true => (rows, Matrix { values: &tile[..], rows: n, columns: 1 }),
                        false => (columns, Matrix { values: &tile[..], rows: 1, columns: n }),
                    };
                    let lhs = Matrix { values: &self.x[others.start..], rows: self.count, columns: 1 };
                    let size = (self.channels, block.len(), others.len());
                    // SAFETY: the columns of this block are this task's alone and lie within the buffer.
                    unsafe { product(size, (out.at(block.start), self.count), step > 0, lhs, rhs) };
                }
                for channel in 0..self.channels {
                    // SAFETY: as above, and the products are done.
                    let row = unsafe { out.slice(channel * self.count + block.start, block.len()) };
                    let wanted =
                        groups.of[block.clone()].iter().map(|group| wanted[*group as usize].1[channel]);
                    row.iter_mut().zip(wanted).for_each(|(v, wanted)| *v -= T::of(wanted));
                }
            });
        };
        // SAFETY: each block's columns are written by its first product before they are read.
        unsafe { written(self.channels * self.count, fill) }
    }
}

simd_fn! {
    /// `row = e^(row - bound)`; adds it to `sums`, if there are any, and gives its own sum.
    fn exponentials[I, T](row: &mut [T], bound: T, sums: &mut [T]) -> T {
        const LANES: usize = 32;
        let mut lanes = [T::ZERO; LANES];
        for chunk in row.chunks_mut(LANES) {
            for (v, lane) in chunk.iter_mut().zip(&mut lanes) {
                *v = (*v - bound).exponential::<I>();
                *lane += *v;
            }
        }
        sums.iter_mut().zip(&*row).for_each(|(sum, v)| *sum += *v);
        let mut total = T::ZERO;
        lanes.iter().for_each(|lane| total += *lane);
        total
    }
}

simd_fn! {
    /// `out = row * (weight + weights)`.
    fn weigh[I, T](row: &[T], weight: T, weights: &[T], out: &mut [T]) {
        for ((out, v), other) in out.iter_mut().zip(row).zip(weights) {
            *out = *v * (weight + *other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{assert_close, random};
    use crate::ops::{l2_normalize, softmax};
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
        for (channels, count, temperature) in [(3, 2, 0.5), (5, 40, 0.3), (7, 700, 0.1), (64, 257, 1.0)] {
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
        Ok(())
    }
}

//! 8-bit factors: columns as unsigned numbers of a range of their own, weights as signed ones, and the paths of their products.

use super::by_path;
#[cfg(target_arch = "x86_64")]
use super::dispatch::multiplies_int8;
use super::grouped_paths;
use super::vector::Halves;
#[cfg(target_arch = "x86_64")]
use super::vector::Vnni;

/// The largest unsigned factor.
const MOST: f32 = 255.0;
/// Added to a number of at most 22 bits, it leaves the nearest integer in the lowest bits, of equals the even one.
const ROUND: f32 = 12_582_912.0;

/// What columns reach over, found row by row: value = low + step * factor.
pub(crate) struct Ranges<'a> {
    low: &'a mut [f32],
    /// The highest until the end is known, then the step.
    step: &'a mut [f32],
    inverse: &'a mut [f32],
}

impl<'a> Ranges<'a> {
    /// Of a third as many columns as `buffer` has elements.
    pub fn of_nothing(buffer: &'a mut [f32]) -> Self {
        let columns = buffer.len() / 3;
        let (low, rest) = buffer.split_at_mut(columns);
        let (step, inverse) = rest.split_at_mut(columns);
        low.fill(f32::INFINITY);
        step.fill(f32::NEG_INFINITY);
        Self { low, step, inverse }
    }

    /// Takes rows of values, each one for each column or for the first ones. NaN makes a column NaN.
    pub fn take(&mut self, rows: [&[f32]; 4]) {
        let len = rows[0].len();
        assert!(rows.iter().all(|row| row.len() == len));
        let (low, high) = (&mut self.low[..len], &mut self.step[..len]);
        by_path! { [] [] (rows: [&[f32]; 4], low: &mut [f32], high: &mut [f32]), I => {
            let [a, b, c, d] = rows;
            for k in 0..low.len() {
                let (mut least, mut most) = (low[k], high[k]);
                for value in [a[k], b[k], c[k], d[k]] {
                    least = if value < least { value } else { least };
                    most = if value > most || value.is_nan() { value } else { most };
                }
                (low[k], high[k]) = (least, most);
            }
        } }
    }

    /// Now all rows are taken.
    pub fn end(&mut self) {
        for ((low, step), inverse) in
            self.low.iter_mut().zip(self.step.iter_mut()).zip(self.inverse.iter_mut())
        {
            // Columns that no row has.
            let high = if *low > *step {
                *low = 0.0;
                0.0
            } else {
                *step
            };
            *step = (high - *low) / MOST;
            *inverse = if *step == 0.0 { 0.0 } else { 1.0 / *step };
        }
    }

    /// Those from `first` on.
    pub fn columns(&self, first: usize) -> Columns<'_> {
        Columns { low: &self.low[first..], step: &self.step[first..], inverse: &self.inverse[first..] }
    }
}

/// The ranges of some columns.
#[derive(Clone, Copy, Default)]
pub(crate) struct Columns<'a> {
    /// What the factor 0 is.
    pub low: &'a [f32],
    /// Between neighbouring factors.
    pub step: &'a [f32],
    inverse: &'a [f32],
}

impl Columns<'_> {
    /// Those from `first` on; of factors without ranges none.
    pub fn from(&self, first: usize) -> Self {
        Self {
            low: self.low.get(first..).unwrap_or_default(),
            step: self.step.get(first..).unwrap_or_default(),
            inverse: self.inverse.get(first..).unwrap_or_default(),
        }
    }
}

/// Quads of neighbours in depth to `to`: the first in the lowest byte. All have as many columns as `to`.
pub(crate) fn join_quads(rows: [&[f32]; 4], columns: Columns, to: &mut [u32]) {
    #[inline(always)]
    fn lane(values: [f32; 4], low: f32, inverse: f32) -> u32 {
        // What ROUND itself puts in is taken away at once.
        const ROUNDS: u32 = ROUND.to_bits().wrapping_mul(0x0101_0101);
        let bits = |value: f32| ((value - low) * inverse + ROUND).to_bits();
        let quad = bits(values[3]) << 8;
        let quad = quad.wrapping_add(bits(values[2])) << 8;
        let quad = quad.wrapping_add(bits(values[1])) << 8;
        quad.wrapping_add(bits(values[0])).wrapping_sub(ROUNDS)
    }
    let len = to.len();
    assert!(rows.iter().all(|row| row.len() == len));
    let (low, inverse) = (&columns.low[..len], &columns.inverse[..len]);
    by_path! { [] [] (rows: [&[f32]; 4], low: &[f32], inverse: &[f32], to: &mut [u32]), I => {
        let [a, b, c, d] = rows;
        for k in 0..to.len() {
            to[k] = lane([a[k], b[k], c[k], d[k]], low[k], inverse[k]);
        }
    } }
}

/// The scale of an output channel's weights: the largest over 127. It is no number if one of them is none.
pub fn weight_scale(weights: &[f32]) -> f32 {
    // What is not a number is larger than any.
    let larger = |most: f32, weight: f32| if most.is_nan() || weight <= most { most } else { weight };
    weights.iter().fold(0f32, |most, weight| larger(most, weight.abs())) / 127.0
}

/// A weight in steps of its channel's [scale](weight_scale), from -127 to 127; 0 of a scale that is 0 or no number.
pub fn weight_steps(weight: f32, scale: f32) -> i8 {
    (weight / scale).round_ties_even().clamp(-127.0, 127.0) as i8
}

/// At most four weights as signed factors of `scale`, which is at least their largest over 127: the first in the lowest byte.
pub(crate) fn quad(weights: &[f32], scale: f32) -> u32 {
    let byte = |weight: &f32| u32::from(weight_steps(*weight, scale) as u8);
    weights.iter().rev().fold(0, |quad, weight| quad << 8 | byte(weight))
}

/// The signed factors of a quad.
pub(crate) fn signed(quad: u32) -> [i8; 4] {
    quad.to_le_bytes().map(|byte| byte as i8)
}

grouped_paths! {
    /// Runs `kernel` with registers whose factors are quads: as wide as those of this path for float32.
    ///
    /// # Safety
    /// What the kernel itself asks for.
    run_quads: Halves, or where multiplies_int8() Vnni of "avx512vnni"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    #[test]
    fn columns_are_within_half_a_step() {
        for (rows, columns) in [(1, 1), (4, 16), (7, 50), (16, 64)] {
            let values: Vec<Vec<f32>> = (0..rows)
                .map(|row| normal(row as u64, columns).into_iter().map(|v| v as f32).collect())
                .collect();
            let mut buffer = vec![0.0; 3 * columns];
            let mut ranges = Ranges::of_nothing(&mut buffer);
            values.iter().for_each(|row| ranges.take([row; 4]));
            ranges.end();
            let places = ranges.columns(0);
            for four in values.chunks_exact(4) {
                let mut quads = vec![0; columns];
                join_quads(std::array::from_fn(|i| four[i].as_slice()), places, &mut quads);
                for (k, quad) in quads.iter().enumerate() {
                    for (value, byte) in four.iter().map(|row| row[k]).zip(quad.to_le_bytes()) {
                        let found = places.low[k] + places.step[k] * f32::from(byte);
                        let half = places.step[k] * 0.501;
                        assert!((found - value).abs() <= half, "{found}, not {value}, within {half}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so_and_constants_are_exact() {
        let rows = [[1.5, f32::NAN, 0.0, f32::INFINITY], [1.5, 2.0, -0.0, 1.0]];
        let mut buffer = [0.0; 12];
        let mut ranges = Ranges::of_nothing(&mut buffer);
        rows.iter().for_each(|row| ranges.take([row; 4]));
        ranges.end();
        let columns = ranges.columns(0);
        let mut quads = [9; 4];
        join_quads([&rows[0], &rows[1], &rows[0], &rows[1]], columns, &mut quads);
        assert_eq!((quads[0], columns.low[0], columns.step[0]), (0, 1.5, 0.0));
        assert!(columns.step[1].is_nan() && !columns.step[3].is_finite());
        assert_eq!((columns.low[2], columns.step[2]), (0.0, 0.0));
    }

    #[test]
    fn weights_are_signed_bytes() {
        assert_eq!(signed(quad(&[1.27, -1.27, 0.005, 0.0149], 0.01)), [127, -127, 0, 1]);
        assert_eq!(signed(quad(&[-0.5], 0.25)), [-2, 0, 0, 0]);
    }
}

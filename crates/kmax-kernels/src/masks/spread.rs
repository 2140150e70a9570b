//! A row of few values widened to many.

use super::Mixing;
use crate::cpu::{Float, REACH, Vector, simd_fn};
use crate::resize::Sample;

/// Neighbouring outputs that are found together.
const LANES: usize = 16;

/// Outputs side by side, each between two of the [`REACH`] values from `first` on. Of a row that is widened, two more values than outputs
/// would do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<T> {
    first: usize,
    low: [u32; LANES],
    high: [u32; LANES],
    share: [T; LANES],
}

/// Where the columns of a row lie in the one that it is made of.
pub(super) enum Columns {
    Near(Vec<Group<f32>>),
    /// Where a row becomes much narrower.
    Far(Vec<Sample<f32>>),
}

impl Columns {
    /// Of samples that rise from left to right, in rows of `length` values, of which `start` is the first.
    pub(super) fn new(samples: &[Sample<f32>], (start, length): (usize, usize)) -> Self {
        let group = |samples: &[Sample<f32>]| Group::new(samples, (start, length));
        let groups: Option<Vec<_>> = samples.chunks(LANES).map(group).collect();
        let moved = |s: &Sample<f32>| Sample { low: s.low - start, high: s.high - start, share: s.share };
        groups.map_or_else(|| Self::Far(samples.iter().map(moved).collect()), Self::Near)
    }

    /// Widens `line`. What `out` has behind the columns has no meaning.
    pub(super) fn widen(&self, line: &[f32], mixing: Mixing, out: &mut [f32]) {
        match self {
            Self::Near(groups) => widen(line, groups, mixing, out),
            Self::Far(samples) => {
                for (out, sample) in out.iter_mut().zip(samples) {
                    *out = mixing.mix(line[sample.low], line[sample.high], sample.share);
                }
            }
        }
    }
}

impl<T: Float> Group<T> {
    /// `None` if the samples lie too far apart.
    fn new(samples: &[Sample<T>], (start, length): (usize, usize)) -> Option<Self> {
        // So that the row goes on for as long as that, if it can.
        let first = (samples.first()?.low - start).min(length.saturating_sub(REACH));
        let mut group = Self { first, low: [0; LANES], high: [0; LANES], share: [T::ZERO; LANES] };
        for (lane, sample) in samples.iter().enumerate() {
            let near = |at: usize| (at - start - first < REACH).then_some((at - start - first) as u32);
            (group.low[lane], group.high[lane]) = (near(sample.low)?, near(sample.high)?);
            group.share[lane] = sample.share;
        }
        Some(group)
    }

    /// The values at `places` behind the first one. (No closures here: they would not have the instructions.)
    ///
    /// # Safety
    /// The machine has the instructions of `V`, and the places are this group's.
    #[inline(always)]
    unsafe fn picked<V: Vector<T>>(&self, line: &[T], places: &[u32; LANES]) -> [T; LANES] {
        let rest = &line[self.first..];
        let few;
        let values: &[T; REACH] = match rest.first_chunk() {
            Some(values) => values,
            None => {
                few = padded(rest);
                &few
            }
        };
        let mut picked = [T::ZERO; LANES];
        for (picked, places) in picked.chunks_exact_mut(V::LANES).zip(places.chunks_exact(V::LANES)) {
            // SAFETY: both are as long as the register, `new` made sure that places are below REACH, and the machine has the
            // instructions (caller's promise).
            unsafe { V::pick(values, places.as_ptr()).store(picked.as_mut_ptr(), V::LANES) };
        }
        picked
    }
}

/// The values of a short row, and zeros.
#[cold]
fn padded<T: Float>(rest: &[T]) -> [T; REACH] {
    std::array::from_fn(|at| rest.get(at).copied().unwrap_or(T::ZERO))
}

simd_fn! {
    fn widen[I, T](line: &[T], groups: &[Group<T>], mixing: Mixing, out: &mut [T]) {
        for (out, group) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(groups) {
            // SAFETY: this path is one that the machine has.
            let low = unsafe { group.picked::<I::Vector<T>>(line, &group.low) };
            // SAFETY: as above.
            let high = unsafe { group.picked::<I::Vector<T>>(line, &group.high) };
            for lane in 0..LANES {
                out[lane] = mixing.mix(low[lane], high[lane], group.share[lane]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resize::{Alignment, samples};
    use crate::testing::normal;

    /// The same bits as one value after the other, from the column `start` of the wider row on.
    fn check(from: usize, to: usize, start: usize, mixing: Mixing) {
        let line: Vec<f32> = normal(from as u64, from).into_iter().map(|value| value as f32).collect();
        let samples = &samples::<f32>(from, to, Alignment::Borders)[start..];
        let first = samples[0].low;
        let line = &line[first..];
        let expected = samples.iter().map(|&Sample { low, high, share }| {
            let (a, b) = (line[low - first], line[high - first]);
            match mixing {
                Mixing::Weights => a * (1.0 - share) + b * share,
                Mixing::Difference => a + (b - a) * share,
            }
        });
        let expected: Vec<u32> = expected.map(f32::to_bits).collect();
        let mut out = vec![f32::NAN; samples.len().next_multiple_of(LANES)];
        Columns::new(samples, (first, line.len())).widen(line, mixing, &mut out);
        let found: Vec<u32> = out[..samples.len()].iter().map(|value| value.to_bits()).collect();
        assert_eq!(found, expected, "{from} to {to} from {start} on, {mixing:?}");
    }

    #[test]
    fn rows_have_the_bits_of_one_value_after_the_other() {
        for from in [1, 2, 31, 32, 33, 100, 300] {
            for to in [1, 15, 16, 97, 300, 1000] {
                for mixing in [Mixing::Weights, Mixing::Difference] {
                    [0, to / 3, to - 1].into_iter().for_each(|start| check(from, to, start, mixing));
                }
            }
        }
    }
}

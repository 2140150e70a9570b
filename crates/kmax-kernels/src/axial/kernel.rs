//! Attention along sixteen lines at once.

use super::Sizes;
use super::blocks::{BLOCK, Block, QUERIES, attend};
use super::lanes::{LANES, Lanes, with_lanes};
use crate::cpu::{Float, simd_fn};

/// Constants of one head: position tables with their norms' factors. Zeros stand at the distances that blocks reach over.
pub(super) struct Head<T> {
    /// Factor of the similarities by content.
    pub content: T,
    /// `[key, distances]`, channels in full blocks, as of all three.
    pub query: Vec<T>,
    /// `[key, distances]`.
    pub key: Vec<T>,
    /// `[value, distances]`.
    pub value: Vec<T>,
    /// Factors of the values, which the copies hold already.
    pub values: Vec<T>,
    pub offset: Vec<T>,
}

/// A task's copies of its lines, and its results.
pub(super) struct Scratch<'a, T> {
    /// `[key, pitch]` each.
    pub query: &'a mut [Lanes<T>],
    pub key: &'a mut [Lanes<T>],
    /// `[value, pitch]`, times their factors.
    pub value: &'a mut [Lanes<T>],
    weights: &'a mut [Lanes<T>],
    /// `[value, queries]`.
    pub out: &'a mut [Lanes<T>],
}

impl<T> Scratch<'_, T> {
    fn lens(s: &Sizes) -> [usize; 5] {
        let (keys, channels) = (s.length.next_multiple_of(BLOCK), s.value.next_multiple_of(BLOCK));
        let key = s.key * s.pitch();
        [key, key, channels * s.pitch(), keys * QUERIES, s.value * s.queries()]
    }
}

/// Calls `f` with a scratch of any values.
pub(super) fn with_scratch<T: Float>(s: &Sizes, f: impl FnOnce(&mut Scratch<T>)) {
    let lens = Scratch::<T>::lens(s);
    with_lanes(lens.iter().sum(), |mut rest| {
        let [query, key, value, weights, out] = lens.map(|len| {
            let (part, left) = std::mem::take(&mut rest).split_at_mut(len);
            rest = left;
            part
        });
        f(&mut Scratch { query, key, value, weights, out });
    });
}

/// Attention along all lines of the scratch.
pub(super) fn lines<T: Float>(scratch: &mut Scratch<T>, head: &Head<T>, s: &Sizes) {
    let Scratch { query, key, value, weights, out } = scratch;
    for first in (0..s.queries()).step_by(QUERIES) {
        attend(&mut Block { query, key, value, head, s, first, weights, out });
    }
}

simd_fn! {
    /// Softmax over the positions, for each query and lane.
    pub(super) fn softmax[I, T](weights: &mut [[Lanes<T>; QUERIES]]) {
        for r in 0..QUERIES {
            let mut most = weights.first().map_or([T::ZERO; LANES], |first| first[r].0);
            for weights in weights.iter() {
                most.iter_mut().zip(&weights[r].0).for_each(|(most, v)| *most = v.maximum(*most));
            }
            let mut total = [T::ZERO; LANES];
            for weights in weights.iter_mut() {
                for (lane, v) in weights[r].0.iter_mut().enumerate() {
                    *v = (*v - most[lane]).exponential::<I>();
                    total[lane] += *v;
                }
            }
            let share = total.map(|total| T::ONE / total);
            for weights in weights.iter_mut() {
                weights[r].0.iter_mut().zip(&share).for_each(|(v, share)| *v *= *share);
            }
        }
    }
}

//! Blocks of queries with blocks of keys and channels, all sums in registers.

use super::Sizes;
use super::kernel::{Head, softmax};
use super::lanes::{LANES, Lanes};
use crate::cpu::{Float, Kernel, Vector, run};

/// Queries of a block.
pub(super) const QUERIES: usize = 4;
/// Keys or channels of a block with 32 registers: 16 sums.
const WIDE: usize = 4;
/// With sixteen registers: 8 sums.
const NARROW: usize = 2;
/// What counts of keys and channels are rounded up to.
pub(super) const BLOCK: usize = WIDE;

/// Some queries of sixteen lines, and all that they ask. Blocks may reach over the last query, key and channel: something
/// stands there, and what comes of it is dropped.
pub(super) struct Block<'a, T> {
    /// `[key, pitch]` each.
    pub query: &'a [Lanes<T>],
    pub key: &'a [Lanes<T>],
    /// `[value, pitch]`.
    pub value: &'a [Lanes<T>],
    pub head: &'a Head<T>,
    pub s: &'a Sizes,
    /// The first query.
    pub first: usize,
    /// `[length, QUERIES]`.
    pub weights: &'a mut [Lanes<T>],
    /// `[value, queries]`.
    pub out: &'a mut [Lanes<T>],
}

impl<T> Block<'_, T> {
    /// Whether everything lies within its buffers.
    fn fits(&self) -> bool {
        let Self { query, key, value, head, s, .. } = self;
        let (keys, channels) = (s.length.next_multiple_of(BLOCK), s.value.next_multiple_of(BLOCK));
        let last = (self.first + QUERIES - 1) * s.stride;
        s.length > 0
            && last.max(keys - 1) < s.pitch()
            && last <= s.zero()
            && s.zero() + keys <= s.distances()
            && query.len() == s.key * s.pitch()
            && key.len() == s.key * s.pitch()
            && value.len() == channels * s.pitch()
            && head.query.len() >= s.key * s.distances()
            && head.key.len() >= s.key * s.distances()
            && head.value.len() == channels * s.distances()
            && head.offset.len() == s.value
            && self.weights.len() == keys * QUERIES
            && self.out.len() == s.value * s.queries()
    }
}

/// Fills the block's weights and its part of the output.
pub(super) fn attend<T: Float>(block: &mut Block<T>) {
    assert!(block.fits(), "attention outside its lines");
    // SAFETY: the sizes were asserted.
    unsafe { run(block) }
}

impl<T: Float> Kernel<T> for &mut Block<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        // SAFETY: the caller's promises.
        unsafe { if V::MANY { by_stride::<T, V, WIDE>(self) } else { by_stride::<T, V, NARROW>(self) } }
    }
}

/// [`all`] with a constant for the usual stride: places that the compiler knows cost no registers.
///
/// # Safety
/// The block fits, and the machine has the instructions of `V`.
#[inline(always)]
unsafe fn by_stride<T: Float, V: Vector<T>, const N: usize>(block: &mut Block<T>) {
    // SAFETY: the caller's promises.
    unsafe {
        match block.s.stride {
            1 => all::<T, V, N>(block, 1),
            stride => all::<T, V, N>(block, stride),
        }
    }
}

/// # Safety
/// Those of [`by_stride`]; `stride` is that of the block.
#[inline(always)]
unsafe fn all<T: Float, V: Vector<T>, const N: usize>(block: &mut Block<T>, stride: usize) {
    for lane in (0..LANES).step_by(V::LANES) {
        for key in (0..block.s.length).step_by(N) {
            // SAFETY: the caller's promises.
            unsafe { similarities::<T, V, N>(block, lane, key, stride) };
        }
    }
    let (weights, _) = block.weights[..block.s.length * QUERIES].as_chunks_mut();
    softmax(weights);
    for lane in (0..LANES).step_by(V::LANES) {
        for channel in (0..block.s.value).step_by(N) {
            // SAFETY: as above.
            unsafe { retrieve::<T, V, N>(block, lane, channel, stride) };
        }
    }
}

/// `content q . k + q . by_query + k . by_key` of the queries with `N` keys.
///
/// # Safety
/// Those of [`all`]; there are `V::LANES` lanes from `lane` on and a key `first`.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn similarities<T: Float, V: Vector<T>, const N: usize>(
    block: &mut Block<T>,
    lane: usize,
    first: usize,
    stride: usize,
) {
    let Block { head, s, .. } = *block;
    let (pitch, distances, at) = (s.pitch(), s.distances(), block.first * stride);
    // SAFETY: a block that fits has all positions and distances of its queries and keys, at every depth.
    unsafe {
        let mut query = block.query.as_ptr().add(at).cast::<T>().add(lane);
        let mut key = block.key.as_ptr().add(first).cast::<T>().add(lane);
        let zero = s.zero() + first - at;
        let (mut by_query, mut by_key) = (head.query.as_ptr().add(zero), head.key.as_ptr().add(zero));
        let content = V::splat(head.content);
        let mut sums = [[V::splat(T::ZERO); QUERIES]; N];
        for _ in 0..s.key {
            let queries: [V; QUERIES] =
                std::array::from_fn(|r| V::load(query.add(r * stride * LANES), V::LANES));
            let scaled: [V; QUERIES] =
                std::array::from_fn(|r| queries[r].mul_add(content, V::splat(T::ZERO)));
            for c in 0..N {
                let k = V::load(key.add(c * LANES), V::LANES);
                for r in 0..QUERIES {
                    let factor = scaled[r].add(V::splat(*by_key.add(c).sub(r * stride)));
                    sums[c][r] = k.mul_add(factor, sums[c][r]);
                    let factor = V::splat(*by_query.add(c).sub(r * stride));
                    sums[c][r] = queries[r].mul_add(factor, sums[c][r]);
                }
            }
            query = query.wrapping_add(pitch * LANES);
            key = key.wrapping_add(pitch * LANES);
            by_query = by_query.wrapping_add(distances);
            by_key = by_key.wrapping_add(distances);
        }
        let to = block.weights.as_mut_ptr().add(first * QUERIES).cast::<T>().add(lane);
        for c in 0..N {
            for r in 0..QUERIES {
                sums[c][r].store(to.add((c * QUERIES + r) * LANES), V::LANES);
            }
        }
    }
}

/// What the queries get of `N` channels.
///
/// # Safety
/// Those of [`all`]; there are `V::LANES` lanes from `lane` on and a channel `first`.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn retrieve<T: Float, V: Vector<T>, const N: usize>(
    block: &mut Block<T>,
    lane: usize,
    first: usize,
    stride: usize,
) {
    let Block { head, s, .. } = *block;
    let (pitch, distances) = (s.pitch(), s.distances());
    // SAFETY: a block that fits has all positions and distances of its queries, for every channel.
    unsafe {
        let mut value = block.value.as_ptr().add(first * pitch).cast::<T>().add(lane);
        let zero = s.zero() - block.first * stride;
        let mut by_position = head.value.as_ptr().add(first * distances + zero);
        let mut weights = block.weights.as_ptr().cast::<T>().add(lane);
        let mut sums = [[V::splat(T::ZERO); QUERIES]; N];
        for _ in 0..s.length {
            let given: [V; QUERIES] = std::array::from_fn(|r| V::load(weights.add(r * LANES), V::LANES));
            for c in 0..N {
                let v = V::load(value.add(c * pitch * LANES), V::LANES);
                for r in 0..QUERIES {
                    let shifted = v.add(V::splat(*by_position.add(c * distances).sub(r * stride)));
                    sums[c][r] = given[r].mul_add(shifted, sums[c][r]);
                }
            }
            value = value.add(LANES);
            by_position = by_position.add(1);
            weights = weights.add(QUERIES * LANES);
        }
        for (c, channel) in (first..s.value.min(first + N)).enumerate() {
            let offset = V::splat(head.offset[channel]);
            for (r, row) in (block.first..s.queries().min(block.first + QUERIES)).enumerate() {
                let to = block.out.as_mut_ptr().add(channel * s.queries() + row).cast::<T>();
                sums[c][r].add(offset).store(to.add(lane), V::LANES);
            }
        }
    }
}

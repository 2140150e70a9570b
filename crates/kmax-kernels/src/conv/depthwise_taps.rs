//! The gradient of a depthwise kernel: sums of products of a map with a gradient, shifted by each tap.

use crate::cpu::{Float, Kernel, Vector, run};

/// Lanes add up in the element type over some thousand products and then in float64: vectors of each lane.
const FLUSH: usize = 64;
/// Rows of the gradient have a multiple of this many elements: the widest register.
pub(super) const UNIT: usize = 16;

/// A map with a gradient.
pub(super) struct Shifted<'a, T> {
    /// The map.
    pub values: &'a [T],
    /// Distance of its rows.
    pub step: usize,
    /// The gradient, row by row.
    pub grad: &'a [T],
    /// Length of its rows.
    pub length: usize,
}

/// `sums[k] += sum over rows y and columns x of values[y * step + places[k] + x] * grad[y * length + x]`, for the taps of a
/// kernel whose rows have `K` of them.
pub(super) fn correlate<T: Float, const K: usize>(map: &Shifted<T>, places: &[usize], sums: &mut [f64]) {
    let rows = map.grad.len() / map.length.max(1);
    let farthest =
        places.iter().max().map_or(0, |place| place + rows.saturating_sub(1) * map.step + map.length);
    let enough = map.length.is_multiple_of(UNIT)
        && map.grad.len() == rows * map.length
        && (rows == 0 || farthest <= map.values.len())
        && places.len() == sums.len();
    assert!(enough, "a gradient of a depthwise convolution outside its map");
    // SAFETY: the sizes were asserted.
    unsafe { run(Taps::<T, K> { map, places, sums }) }
}

/// The arguments of [`correlate`].
struct Taps<'a, T, const K: usize> {
    map: &'a Shifted<'a, T>,
    places: &'a [usize],
    sums: &'a mut [f64],
}

impl<T: Float, const K: usize> Kernel<T> for Taps<'_, T, K> {
    type Output = ();

    /// With many registers all taps are summed while the gradient is there.
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let Self { map, places, sums } = self;
        // SAFETY: the caller's promises.
        unsafe {
            match (K, places.len(), V::MANY) {
                (3, 9, true) => sum::<T, V, 3, 3>(map, places, sums),
                (5, 25, true) => sum::<T, V, 5, 5>(map, places, sums),
                _ => rows_of_taps::<T, V, K>(map, places, sums),
            }
        }
    }
}

/// One row of the kernel after the other.
///
/// # Safety
/// The sizes are those that [`correlate`] asserts; the machine has the instructions of `V`.
#[inline(always)]
unsafe fn rows_of_taps<T: Float, V: Vector<T>, const K: usize>(
    map: &Shifted<T>,
    places: &[usize],
    sums: &mut [f64],
) {
    for (places, sums) in places.chunks_exact(K).zip(sums.chunks_exact_mut(K)) {
        // SAFETY: the caller's promises.
        unsafe { sum::<T, V, 1, K>(map, places, sums) };
    }
}

/// Of `R` rows of `K` taps.
///
/// # Safety
/// Those of [`rows_of_taps`].
#[inline(always)]
unsafe fn sum<T: Float, V: Vector<T>, const R: usize, const K: usize>(
    map: &Shifted<T>,
    places: &[usize],
    sums: &mut [f64],
) {
    let rows = map.grad.len() / map.length.max(1);
    let together = (FLUSH / (map.length / V::LANES).max(1)).max(1);
    let mut taps = [[0; K]; R];
    taps.as_flattened_mut().copy_from_slice(places);
    for from in (0..rows).step_by(together) {
        let count = together.min(rows - from);
        // SAFETY: the rows lie within the gradient, and their elements shifted by a tap within the map.
        let lanes = unsafe {
            let values = map.values.as_ptr().add(from * map.step);
            let grad = map.grad.as_ptr().add(from * map.length);
            lanes::<T, V, R, K>((values, map.step), (grad, map.length), count, &taps)
        };
        for (sum, lanes) in sums.iter_mut().zip(lanes.as_flattened()) {
            let mut list = [T::ZERO; UNIT];
            // SAFETY: no vector has more than `UNIT` lanes.
            unsafe { lanes.store(list.as_mut_ptr(), V::LANES) };
            *sum += list.iter().map(|lane| lane.wide()).sum::<f64>();
        }
    }
}

/// The sums of some rows, all in registers.
///
/// # Safety
/// `count` rows of the gradient can be read, and as many of the map from every tap; the machine has the instructions of
/// `V`, which divides [`UNIT`].
#[inline(always)]
#[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
unsafe fn lanes<T: Float, V: Vector<T>, const R: usize, const K: usize>(
    (values, step): (*const T, usize),
    (grad, length): (*const T, usize),
    count: usize,
    taps: &[[usize; K]; R],
) -> [[V; K]; R] {
    // SAFETY: the caller's promises.
    unsafe {
        // Two arrays, and loops of constant length with plain indices: the first one stays in registers.
        let mut lanes = [[V::splat(T::ZERO); K]; R];
        let mut found = lanes;
        for y in 0..count {
            for x in (0..length).step_by(V::LANES) {
                let factor = V::load(grad.add(y * length + x), V::LANES);
                let values = values.add(y * step + x);
                for r in 0..R {
                    for k in 0..K {
                        lanes[r][k] = V::load(values.add(taps[r][k]), V::LANES).mul_add(factor, lanes[r][k]);
                    }
                }
            }
        }
        for r in 0..R {
            for k in 0..K {
                found[r][k] = lanes[r][k];
            }
        }
        found
    }
}

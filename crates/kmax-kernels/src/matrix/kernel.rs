//! The innermost product: some rows of weights with a panel of columns, all sums in registers.

use super::{Ahead, Factor, Product, ROWS, prefetch, prefetch_later};
use crate::activation::Activation;
use crate::cpu::{Float, Kernel, Vector, run};

/// Vectors of a panel with 32 registers: 24 sums, four columns and a weight.
pub(crate) const WIDE: usize = 4;
/// With sixteen registers: 12 sums, two columns and a weight.
pub(crate) const NARROW: usize = 2;

/// How many columns a panel has: one of two, whatever the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panel {
    /// [`Self::WIDE`], with AVX-512 in float32.
    Wide,
    /// [`Self::NARROW`], with all others.
    Narrow,
}

impl Panel {
    /// Columns of a wide panel.
    pub(crate) const WIDE: usize = 64;
    /// Columns of a narrow one.
    pub(crate) const NARROW: usize = 16;

    /// That of this path.
    pub(crate) fn of<T: Float>() -> Self {
        // SAFETY: it asks for nothing but the instructions.
        unsafe { run::<T, _>(Choose) }
    }
}

/// Columns of a panel.
pub(crate) fn width<T: Float>() -> usize {
    match Panel::of::<T>() {
        Panel::Wide => Panel::WIDE,
        Panel::Narrow => Panel::NARROW,
    }
}

struct Choose;

impl<T: Float> Kernel<T> for Choose {
    type Output = Panel;

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) -> Panel {
        let columns = const {
            let columns = V::LANES * if V::MANY { WIDE } else { NARROW };
            assert!(columns == Panel::WIDE || columns == Panel::NARROW);
            columns
        };
        if columns == Panel::WIDE { Panel::Wide } else { Panel::Narrow }
    }
}

/// Computes a [`Product`] of units of `F`.
///
/// # Safety
/// Its pointers are valid for what it says of them, nobody else touches its outputs meanwhile, and it has at most
/// [`ROWS`] rows and [`width`] columns.
pub(crate) unsafe fn multiply<T: Float, F: Factor<T>>(product: &Product<T, F::Unit>) {
    // SAFETY: the caller's promises.
    unsafe { F::run(Of::<T, F>(product)) }
}

struct Of<'a, T: Float, F: Factor<T>>(&'a Product<T, F::Unit>);

impl<T: Float, F: Factor<T>> Kernel<T> for Of<'_, T, F> {
    type Output = ();

    /// As many vectors as the columns fill.
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        // SAFETY: the caller's promises.
        unsafe {
            match (self.0.width.div_ceil(V::LANES), V::MANY) {
                (0 | 1, _) => sums::<T, V, F, 1>(self.0),
                (2, true) | (_, false) => sums::<T, V, F, NARROW>(self.0),
                (3, true) => sums::<T, V, F, 3>(self.0),
                (_, true) => sums::<T, V, F, WIDE>(self.0),
            }
        }
    }
}

/// The product in `N` vectors of columns.
///
/// # Safety
/// Those of [`multiply`], with at most `N * V::LANES` columns; the machine has the instructions of `V`.
#[inline(always)]
unsafe fn sums<T: Float, V: Vector<T>, F: Factor<T>, const N: usize>(p: &Product<T, F::Unit>) {
    // Their lines are on the way while the sums are made.
    for j in 0..p.rows {
        for i in 0..N {
            let at = j * p.apart + i * V::LANES;
            prefetch(p.out.wrapping_add(at));
            if let Some(residual) = p.last.as_ref().and_then(|last| last.residual) {
                prefetch(residual.wrapping_add(at));
            }
        }
    }
    // SAFETY: by the caller's promises columns can be read in full vectors and weights in full rows.
    let tile = unsafe { tile::<T, V, F, N>(p) };
    for (j, sums) in tile.iter().enumerate().take(p.rows) {
        for (i, sum) in sums.iter().enumerate() {
            let (at, count) = (i * V::LANES, p.width.saturating_sub(i * V::LANES).min(V::LANES));
            // SAFETY: `count` outputs and residuals of row `j` stand there (caller's promise).
            unsafe {
                let out = p.out.add(j * p.apart + at);
                let mut sum = *sum;
                if let Some(range) = &p.range {
                    let (step, low) =
                        (V::load(range.steps.add(at), count), V::load(range.lows.add(at), count));
                    sum = sum.in_range(step, low, range.rows.scales[j], range.rows.totals[j]);
                }
                if p.add {
                    sum = sum.add(V::load(out, count));
                }
                if let Some(last) = &p.last {
                    sum = sum.add(V::splat(last.bias[j]));
                    if let Some(residual) = last.residual {
                        sum = sum.add(V::load(residual.add(j * p.apart + at), count));
                    }
                    if matches!(last.activation, Activation::Relu | Activation::Relu6) {
                        sum = sum.at_least(V::splat(T::ZERO));
                    }
                    if last.activation == Activation::Relu6 {
                        sum = sum.at_most(V::splat(T::of(6.0)));
                    }
                }
                sum.store(out, count);
            }
        }
    }
}

/// The sums of a product alone.
///
/// # Safety
/// Those of [`sums`].
#[inline(always)]
#[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
unsafe fn tile<T: Float, V: Vector<T>, F: Factor<T>, const N: usize>(
    p: &Product<T, F::Unit>,
) -> [[V; N]; ROWS] {
    // Registers load units as if they were sums.
    const { assert!(size_of::<F::Unit>() == size_of::<T>() && align_of::<F::Unit>() == align_of::<T>()) };
    // SAFETY: the caller's promises.
    unsafe {
        // Two arrays, and loops of constant length with plain indices: the first one stays in registers, as nothing ever
        // asks for its address.
        let mut sums = [[V::splat(T::ZERO); N]; ROWS];
        let mut tile = sums;
        let (mut columns, mut weights) = (p.columns.cast::<T>(), p.weights.cast::<T>());
        // Most often the next panel of weights is the next to be needed.
        let following = Ahead { place: weights.wrapping_add(p.depth * ROWS), apart: ROWS * size_of::<T>() };
        let Ahead { place: mut ahead, apart } = p.ahead.unwrap_or(following);
        for _ in 0..p.depth {
            for _ in 0..F::DEEP {
                prefetch_later(ahead);
                ahead = ahead.wrapping_byte_add(apart);
            }
            let values: [V; N] = std::array::from_fn(|i| V::load(columns.add(i * V::LANES), V::LANES));
            for j in 0..ROWS {
                let weight = V::splat(*weights.add(j));
                for i in 0..N {
                    sums[j][i] = values[i].mul_add(weight, sums[j][i]);
                }
            }
            columns = columns.add(p.step);
            weights = weights.add(ROWS);
        }
        for j in 0..ROWS {
            for i in 0..N {
                tile[j][i] = sums[j][i];
            }
        }
        tile
    }
}

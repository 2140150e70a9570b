//! What the next tile reads is asked for during the last products of this one, which leave memory idle.

use crate::matrix::Ahead;
use std::ops::Range;

/// Values of a cache line in float32.
const LINE: usize = 16;

/// Values of that type in a line.
pub(super) const fn line<T>() -> usize {
    LINE * size_of::<f32>() / size_of::<T>()
}

/// Lines of the next tile's rows: as each product brings one line of every row, so many products have something to bring.
pub(super) struct Prefetch<T> {
    /// In the first row.
    place: *const T,
    /// Distance of two rows in bytes.
    apart: usize,
    /// Lines of a row.
    lines: usize,
    /// Products to come.
    products: usize,
}

impl<T> Prefetch<T> {
    /// For so many `products`, of the `pixels` of `maps` of `apart` pixels each. Values of maps may be smaller than those of a product.
    pub(super) fn new<I>(maps: &[I], apart: usize, pixels: &Range<usize>, products: usize) -> Self {
        let place = maps.as_ptr().wrapping_add(pixels.start).cast();
        // The first line may begin in the middle.
        let lines = if pixels.is_empty() { 0 } else { pixels.len().div_ceil(line::<I>()) + 1 };
        let apart = apart * size_of::<I>();
        Self { place, apart, lines, products }
    }

    /// What the next product brings.
    pub(super) fn ahead(&mut self) -> Option<Ahead<T>> {
        self.products = self.products.saturating_sub(1);
        let line = self.lines.checked_sub(self.products + 1)?;
        Some(Ahead { place: self.place.wrapping_byte_add(line * LINE * size_of::<f32>()), apart: self.apart })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_products_bring_every_line() {
        let maps = [0f32; 400];
        let mut prefetch = Prefetch::<f32>::new(&maps, 100, &(30..90), 20);
        let brought: Vec<_> = (0..20).map(|_| prefetch.ahead()).collect();
        assert!(brought[..15].iter().all(Option::is_none));
        for (i, ahead) in brought[15..].iter().enumerate() {
            let place = maps.as_ptr().wrapping_add(30 + i * LINE);
            assert!(ahead.is_some_and(|ahead| ahead.place == place && ahead.apart == 400));
        }
        // Of maps in bfloat16 half as many lines.
        let rounded = [half::bf16::ZERO; 400];
        let mut prefetch = Prefetch::<f32>::new(&rounded, 100, &(30..90), 20);
        let brought: Vec<_> = (0..20).filter_map(|_| prefetch.ahead()).collect();
        assert_eq!(brought.len(), 3);
        let place = rounded.as_ptr().wrapping_add(30 + 2 * 32).cast();
        assert!(brought[2].place == place && brought[2].apart == 200);
        // Fewer products bring the last lines, no pixels nothing.
        assert!(Prefetch::<f32>::new(&maps, 100, &(30..90), 1).ahead().is_some());
        assert!(Prefetch::<f32>::new(&maps, 100, &(90..90), 1).ahead().is_none());
    }
}

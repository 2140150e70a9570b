//! Where tiles lie along one side of an image.

use crate::tiling::Tiling;
use std::ops::Range;

/// Tiles along one side, evenly spread.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    length: usize,
    tile: usize,
    overlap: usize,
    starts: Vec<usize>,
}

impl Axis {
    /// For a side of so many pixels; the settings were checked.
    pub fn new(length: u32, Tiling { size, overlap }: Tiling) -> Self {
        let [length, tile, overlap] = [length, size, overlap].map(|value| value as usize);
        if length <= tile {
            return Self { length, tile: length, overlap, starts: vec![0] };
        }
        let count = (length - overlap).div_ceil(tile - overlap);
        let starts = (0..count).map(|i| i * (length - tile) / (count - 1)).collect();
        Self { length, tile, overlap, starts }
    }

    /// Pixels of the side.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many tiles there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// What tile `i` covers.
    pub fn span(&self, i: usize) -> Range<usize> {
        self.starts[i]..self.starts[i] + self.tile
    }

    /// What belongs to it: up to the middle of each overlap.
    pub fn core(&self, i: usize) -> Range<usize> {
        self.border(i)..self.border(i + 1)
    }

    /// What it has a say in: its core, and half an overlap beyond.
    pub fn view(&self, i: usize) -> Range<usize> {
        let beyond = self.overlap / 2;
        let start = if i == 0 { 0 } else { self.border(i) - beyond };
        let end = if i + 1 == self.count() { self.length } else { self.border(i + 1) + beyond };
        start..end
    }

    /// The core of tile `i` in pieces that the same tiles see, each with the other one that does.
    pub fn pieces(&self, i: usize) -> [(Range<usize>, Option<usize>); 3] {
        let core = self.core(i);
        let before = i.checked_sub(1);
        let after = (i + 1 < self.count()).then_some(i + 1);
        let left = before.map_or(core.start, |other| self.view(other).end.min(core.end));
        let right = after.map_or(core.end, |other| self.view(other).start.max(left));
        [(core.start..left, before), (left..right, None), (right..core.end, after)]
    }

    /// Where tile `i` takes over from the one before.
    fn border(&self, i: usize) -> usize {
        match i {
            0 => 0,
            i if i == self.count() => self.length,
            i => (self.starts[i - 1] + self.tile + self.starts[i]) / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_side_is_one_tile() {
        let axis = Axis::new(100, Tiling { size: 100, overlap: 30 });
        assert_eq!((axis.count(), axis.span(0), axis.core(0), axis.view(0)), (1, 0..100, 0..100, 0..100));
        let axis = Axis::new(101, Tiling { size: 100, overlap: 30 });
        assert_eq!((axis.count(), axis.span(1), axis.core(1), axis.view(1)), (2, 1..101, 50..101, 35..101));
    }

    proptest! {
        /// Cores lie side by side, views within spans, and no three views meet.
        #[test]
        fn tiles_share_a_side(size in 16u32..300, share in 0u32..=100, length in 1u32..5000) {
            let tiling = Tiling { size, overlap: size / 3 * share / 100 };
            prop_assert!(tiling.check().is_ok());
            let axis = Axis::new(length, tiling);
            let mut covered = 0;
            for i in 0..axis.count() {
                let (span, core, view) = (axis.span(i), axis.core(i), axis.view(i));
                prop_assert!(core.start == covered && core.end > core.start);
                covered = core.end;
                prop_assert!(span.start <= view.start && view.end <= span.end && span.end <= length as usize);
                prop_assert!(view.start <= core.start && core.end <= view.end);
                if i + 1 < axis.count() {
                    prop_assert!(span.end >= axis.span(i + 1).start + tiling.overlap as usize);
                }
                if i + 2 < axis.count() {
                    prop_assert!(view.end <= axis.view(i + 2).start);
                }
                let pieces = axis.pieces(i);
                prop_assert_eq!(pieces[0].0.start..pieces[2].0.end, core);
                for (range, other) in pieces {
                    prop_assert!(range.start <= range.end);
                    for x in range {
                        let seen: Vec<usize> =
                            (0..axis.count()).filter(|j| *j != i && axis.view(*j).contains(&x)).collect();
                        prop_assert_eq!(&seen, &other.into_iter().collect::<Vec<_>>());
                    }
                }
            }
            prop_assert_eq!(covered, length as usize);
        }
    }
}

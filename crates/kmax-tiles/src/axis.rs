//! Where tiles lie along one side of an image.

use crate::tiling::Tiling;
use std::ops::Range;

/// Tiles along one side, evenly spread.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    length: usize,
    tile: usize,
    starts: Vec<usize>,
}

impl Axis {
    /// For a side of so many pixels; the settings were checked.
    pub fn new(length: u32, Tiling { size, overlap }: Tiling) -> Self {
        let [length, tile, overlap] = [length, size, overlap].map(|value| value as usize);
        if length <= tile {
            return Self { length, tile: length, starts: vec![0] };
        }
        let count = (length - overlap).div_ceil(tile - overlap);
        let starts = (0..count).map(|i| i * (length - tile) / (count - 1)).collect();
        Self { length, tile, starts }
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

    /// The core of tile `i` in pieces, each with the tiles that see all of it: the one before and the one after, if they do. (No others reach
    /// that far, as three tiles are longer than what two of them are apart.)
    pub fn pieces(&self, i: usize) -> [(Range<usize>, [Option<usize>; 2]); 3] {
        let core = self.core(i);
        let before = i.checked_sub(1).map(|other| (other, self.span(other).end.clamp(core.start, core.end)));
        let after =
            (i + 1 < self.count()).then(|| (i + 1, self.span(i + 1).start.clamp(core.start, core.end)));
        let (end, start) =
            (before.map_or(core.start, |(_, end)| end), after.map_or(core.end, |(_, start)| start));
        let (before, after) = (before.map(|(other, _)| other), after.map(|(other, _)| other));
        let middle = if end <= start { [None, None] } else { [before, after] };
        [
            (core.start..end.min(start), [before, None]),
            (end.min(start)..end.max(start), middle),
            (end.max(start)..core.end, [None, after]),
        ]
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

impl Tiling {
    /// The columns and rows of each tile of an image, row by row: evenly spread, so that neighbours may overlap by more than was asked for.
    /// Settings that [`Self::check`] refuses give none.
    pub fn of_image(self, width: u32, height: u32) -> Vec<(Range<u32>, Range<u32>)> {
        if self.check().is_err() {
            return Vec::new();
        }
        let spans = |length| {
            let axis = Axis::new(length, self);
            let span = |i| axis.span(i).start as u32..axis.span(i).end as u32;
            (0..axis.count()).map(span).collect::<Vec<_>>()
        };
        let (across, down) = (spans(width), spans(height));
        let row = |rows: &Range<u32>| {
            across.iter().map(|columns| (columns.clone(), rows.clone())).collect::<Vec<_>>()
        };
        down.iter().flat_map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_side_is_one_tile() {
        let axis = Axis::new(100, Tiling { size: 100, overlap: 30 });
        assert_eq!((axis.count(), axis.span(0), axis.core(0)), (1, 0..100, 0..100));
        let axis = Axis::new(101, Tiling { size: 100, overlap: 30 });
        assert_eq!((axis.count(), axis.span(1), axis.core(1)), (2, 1..101, 50..101));
    }

    proptest! {
        /// Cores lie side by side within their spans, and pieces name all who see them.
        #[test]
        fn tiles_share_a_side(size in 16u32..300, share in 0u32..=100, length in 1u32..5000) {
            let tiling = Tiling { size, overlap: size / 3 * share / 100 };
            prop_assert!(tiling.check().is_ok());
            let axis = Axis::new(length, tiling);
            let mut covered = 0;
            for i in 0..axis.count() {
                let (span, core) = (axis.span(i), axis.core(i));
                prop_assert!(core.start == covered && core.end > core.start);
                covered = core.end;
                prop_assert!(span.start <= core.start && core.end <= span.end && span.end <= length as usize);
                if i + 1 < axis.count() {
                    prop_assert!(span.end >= axis.span(i + 1).start + tiling.overlap as usize);
                }
                let pieces = axis.pieces(i);
                prop_assert_eq!(pieces[0].0.start..pieces[2].0.end, core);
                prop_assert_eq!((pieces[0].0.end, pieces[1].0.end), (pieces[1].0.start, pieces[2].0.start));
                for (range, others) in pieces {
                    for x in range {
                        let seen: Vec<usize> =
                            (0..axis.count()).filter(|j| *j != i && axis.span(*j).contains(&x)).collect();
                        prop_assert_eq!(&seen, &others.into_iter().flatten().collect::<Vec<_>>());
                    }
                }
            }
            prop_assert_eq!(covered, length as usize);
        }
    }
}

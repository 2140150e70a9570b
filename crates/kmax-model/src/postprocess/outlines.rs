//! Masks as runs, made row by row while the pixels are looked at.

use super::BAND;
use super::lanes::lanes;
use super::total::Total;
use crate::error::Result;
use kmax_kernels::{BLOCK, ResizedMasks};
use kmax_masks::Rle;
use rayon::prelude::*;

/// Where queries are above a threshold, and how sure they are there.
pub(super) struct Outlines {
    size: [usize; 2],
    /// Of each query, where its mask begins or ends on the way down a column.
    edges: Vec<Vec<u32>>,
    /// Of each query.
    pub totals: Vec<Total>,
}

impl Outlines {
    /// Looks at every pixel of the masks once. Edges are kept of those queries for which `wanted` holds.
    pub(super) fn new(
        masks: &ResizedMasks,
        queries: usize,
        threshold: f32,
        wanted: impl Fn(usize) -> bool + Sync,
    ) -> Self {
        let size = masks.size();
        let bands = (0..size[0].div_ceil(BAND)).into_par_iter();
        let found: Vec<_> = bands
            .map(|band| {
                let rows = band * BAND..size[0].min((band + 1) * BAND);
                let mut totals = vec![Total::default(); queries];
                let mut open = Band::new(size, rows.start);
                masks.visit(rows.clone(), |block| {
                    open.begin(block.row, block.column);
                    block.above(threshold, |query, pixels, probabilities| {
                        lanes(pixels).for_each(|lane| totals[query].add(probabilities[lane]));
                        if wanted(query) {
                            open.see(query, pixels);
                        }
                    });
                    open.end();
                });
                (open.close(rows.end), totals)
            })
            .collect();
        let mut all =
            Self { size, edges: vec![Vec::new(); queries], totals: vec![Total::default(); queries] };
        for (edges, totals) in found {
            edges.into_iter().for_each(|(query, edge)| all.edges[query].push(edge));
            all.totals.iter_mut().zip(totals).for_each(|(total, part)| total.join(part));
        }
        all
    }

    /// The mask of a query, if it has a pixel. It can be taken once.
    ///
    /// # Errors
    /// If the masks have too many pixels.
    pub(super) fn take(&mut self, query: usize) -> Result<Option<Rle>> {
        let [height, width] = self.size;
        let edges = std::mem::take(&mut self.edges[query]);
        if edges.is_empty() {
            return Ok(None);
        }
        Ok(Some(Rle::from_edges(width, height, edges)?))
    }
}

/// The edges in some rows, at whose ends all masks end.
struct Band {
    height: usize,
    /// Of each block of columns, the queries and their pixels in the row before, by rising query.
    before: Vec<Vec<(usize, u32)>>,
    /// The row and the block that are being seen, and the queries found there.
    row: usize,
    block: usize,
    now: Vec<(usize, u32)>,
    /// Query and position, down the columns.
    edges: Vec<(usize, u32)>,
}

impl Band {
    fn new([height, width]: [usize; 2], row: usize) -> Self {
        let before = vec![Vec::new(); width.div_ceil(BLOCK)];
        Self { height, before, row, block: 0, now: Vec::new(), edges: Vec::new() }
    }

    /// A block comes; blocks begin at multiples of [`BLOCK`].
    fn begin(&mut self, row: usize, column: usize) {
        (self.row, self.block) = (row, column / BLOCK);
        self.now.clear();
    }

    /// A query has these pixels in the block.
    fn see(&mut self, query: usize, pixels: u32) {
        self.now.push((query, pixels));
    }

    /// All queries of the block were seen.
    fn end(&mut self) {
        let pixels = |list: &[(usize, u32)], query| {
            list.iter().find(|(other, _)| *other == query).map_or(0, |(_, pixels)| *pixels)
        };
        let (before, now) = (std::mem::take(&mut self.before[self.block]), std::mem::take(&mut self.now));
        for &(query, was) in &before {
            self.edge(query, was ^ pixels(&now, query));
        }
        for &(query, is) in now.iter().filter(|(query, _)| pixels(&before, *query) == 0) {
            self.edge(query, is);
        }
        self.before[self.block] = now;
        self.now = before;
    }

    /// The query's mask begins or ends above these pixels of the row.
    fn edge(&mut self, query: usize, changed: u32) {
        let Self { height, row, block, .. } = *self;
        let position = |lane| ((block * BLOCK + lane) * height + row) as u32;
        self.edges.extend(lanes(changed).map(|lane| (query, position(lane))));
    }

    /// Ends all masks above `row`.
    fn close(mut self, row: usize) -> Vec<(usize, u32)> {
        for block in 0..self.before.len() {
            self.begin(row, block * BLOCK);
            self.end();
        }
        self.edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postprocess::claims::Claims;
    use kmax_kernels::{Alignment, Mixing};

    #[test]
    fn they_hold_the_pixels_that_are_claimed() -> Result<()> {
        let (queries, height, width) = (3, 2 * BAND + 5, 5 * BLOCK + 7);
        // Waves of several lengths: masks that overlap, touch borders and have holes.
        let logits = (0..queries * 36).map(|i| 6.0 * ((i * (i / 36 + 3)) as f32 * 0.7).sin());
        let logits: Vec<f32> = logits.collect();
        let masks = ResizedMasks::new(&logits, queries, [6, 6], Mixing::Weights)?;
        let masks = masks.resized([height, width], Alignment::Borders)?;
        let threshold = 0.3;
        let claims = Claims::new(&masks, queries, threshold)?;
        assert!(!claims.several.is_empty());
        let mut outlines = Outlines::new(&masks, queries, threshold, |query| query != 1);
        for query in 0..queries {
            let mut mask: Vec<bool> = claims.map.data().iter().map(|id| *id == query as u32 + 1).collect();
            let shared = claims.several.iter().filter(|(_, other)| usize::from(*other) == query);
            shared.for_each(|(pixel, _)| mask[*pixel as usize] = true);
            let expected = Rle::from_mask(width, height, &mask)?;
            assert_eq!(outlines.totals[query].count, expected.area());
            assert!(expected.area() > 0);
            assert_eq!(outlines.take(query)?, (query != 1).then_some(expected));
        }
        Ok(())
    }
}

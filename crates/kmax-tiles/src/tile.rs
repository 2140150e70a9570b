//! What one tile sees.

use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::parts::{Id, Parts};
use kmax_masks::{Categories, LabelMap, Panoptic};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// The labels of a tile.
#[derive(Debug)]
pub(crate) struct Tile {
    x: Range<usize>,
    y: Range<usize>,
    /// Of each pixel, which of `parts` it is of, counted from 1; 0 is void.
    labels: Vec<u16>,
    parts: Vec<Id>,
}

/// Where a tile is: its column and its row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub across: &'a Axis,
    pub down: &'a Axis,
    pub i: usize,
    pub j: usize,
}

impl Place<'_> {
    /// # Errors
    /// If a map is not of the tile's size.
    pub fn check(&self, map: &LabelMap) -> Result<()> {
        let (width, height) = (self.across.span(self.i).len(), self.down.span(self.j).len());
        let (map_width, map_height) = (map.width(), map.height());
        if (width, height) == (map_width, map_height) {
            return Ok(());
        }
        Err(Error::SizesDiffer { width, height, map_width, map_height })
    }
}

impl Tile {
    /// Keeps what a tile found, and adds its segments to the parts.
    ///
    /// # Errors
    /// If the result is not one of the tile.
    pub fn new(
        place: Place<'_>,
        found: &Panoptic,
        categories: &Categories,
        parts: &mut Parts,
    ) -> Result<Self> {
        place.check(&found.map)?;
        let Place { across, down, i, j } = place;
        let (x, y) = (across.span(i), down.span(j));
        let (own_x, own_y) = (across.core(i), down.core(j));
        let mut labels = Vec::with_capacity(x.len() * y.len());
        // Of each segment its label, its pixels, and those in the core.
        let mut counts: Vec<(u32, u64, u64)> = Vec::new();
        let mut label_of: HashMap<u32, u16> = HashMap::new();
        for row in y.clone() {
            let ids = &found.map.data()[(row - y.start) * x.len()..][..x.len()];
            let mut at = x.start;
            for run in ids.chunk_by(|a, b| a == b) {
                let (id, columns) = (run[0], at..at + run.len());
                at = columns.end;
                let label = match label_of.get(&id) {
                    _ if id == 0 => 0,
                    Some(label) => *label,
                    None => {
                        counts.push((id, 0, 0));
                        let label = u16::try_from(counts.len()).map_err(|_| {
                            Error::Segments(format!("it has more than {} segments", u16::MAX))
                        })?;
                        label_of.insert(id, label);
                        label
                    }
                };
                if label > 0 {
                    let (_, pixels, own) = &mut counts[usize::from(label) - 1];
                    *pixels += run.len() as u64;
                    let owned = columns.end.min(own_x.end).saturating_sub(columns.start.max(own_x.start));
                    *own += if own_y.contains(&row) { owned as u64 } else { 0 };
                }
                labels.extend(std::iter::repeat_n(label, run.len()));
            }
        }
        let part = |(id, pixels, own): (u32, u64, u64)| {
            let listed = found.segment(id);
            let segment = listed.ok_or_else(|| Error::Segments(format!("its list has no segment {id}")))?;
            Ok(parts.add(segment, categories, pixels, own))
        };
        Ok(Self { x, y, labels, parts: counts.into_iter().map(part).collect::<Result<_>>()? })
    }

    /// Parts of the pixels of row `y` from column `x` on; 0 is void.
    pub fn row(&self, x: usize, y: usize) -> impl Iterator<Item = Id> {
        let at = (y - self.y.start) * self.x.len() + (x - self.x.start);
        let part = |label: &u16| self.parts.get(usize::from(*label).wrapping_sub(1)).copied().unwrap_or(0);
        self.labels[at..].iter().map(part)
    }

    /// The first parts of all that it sees.
    pub fn things(&self, parts: &Parts) -> HashSet<Id> {
        self.parts.iter().map(|id| parts.first(*id)).collect()
    }

    /// What both see, as columns and rows.
    pub fn shared(&self, other: &Self) -> (Range<usize>, Range<usize>) {
        let both = |a: &Range<usize>, b: &Range<usize>| a.start.max(b.start)..a.end.min(b.end);
        (both(&self.x, &other.x), both(&self.y, &other.y))
    }
}

//! What an image shows, at the resolution of the mask logits.

use crate::error::{Error, Result};
use std::collections::HashMap;

/// Semantic label of a pixel without one.
pub const VOID: u32 = u32::MAX;

/// A segment of a panoptic annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its id in the map of segment ids.
    pub id: u32,
    /// Contiguous class index.
    pub label: u32,
    /// Whether it is one object. All stuff of one class in an image is one target.
    pub thing: bool,
    /// Whether it is a crowd: a region of many objects of the class, which is no target.
    pub crowd: bool,
}

/// Pixels that lie in exactly the same targets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    /// The targets, rising; empty where there is none, several where masks overlap.
    pub segments: Vec<u32>,
    /// Whether the pixels have a semantic label.
    pub labelled: bool,
    /// Whether they lie in a crowd region.
    pub crowd: bool,
}

/// The targets of one image: segments with a class each, and the semantic label of each pixel.
///
/// Held as a map of cells, where a cell is a set of pixels that lie in the same targets: every sum over a mask is then
/// one pass over the pixels, whatever the number of targets, and overlapping masks are no special case.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    height: usize,
    width: usize,
    labels: Vec<u32>,
    semantic: Vec<u32>,
    weights: Option<Vec<f32>>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) cell_of: Vec<u32>,
    /// Pixels of each cell.
    pub(crate) sizes: Vec<usize>,
}

impl Targets {
    /// From a row-major map of segment ids `[height, width]`, of which every stride-th row and column is kept so that
    /// `target` rows and columns remain (the PyTorch implementation's dataset mapper; deeplab2's `strided_downsample`).
    ///
    /// Pixels whose id no segment has are void. Segments without a pixel left are dropped; stuff of one class is merged.
    ///
    /// # Errors
    /// [`Error::Targets`] if the map is not of that size or cannot be thinned to `target` by one whole stride.
    pub fn from_ids(
        ids: &[u32],
        [height, width]: [usize; 2],
        segments: &[Segment],
        target: [usize; 2],
    ) -> Result<Self> {
        if height.checked_mul(width) != Some(ids.len()) {
            return Err(Error::Targets(format!("{} ids for {height} x {width} pixels", ids.len())));
        }
        let stride = stride([height, width], target)?;
        let by_id: HashMap<u32, &Segment> = segments.iter().map(|segment| (segment.id, segment)).collect();
        let mut builder = Builder::new(target);
        // Targets keep the order of the annotation, so where each goes is known before any pixel is read.
        let mut present: HashMap<u32, bool> = HashMap::new();
        for row in ids.chunks_exact(width).step_by(stride) {
            row.iter().step_by(stride).for_each(|id| {
                present.insert(*id, true);
            });
        }
        let mut stuff: HashMap<u32, u32> = HashMap::new();
        let mut target_of: HashMap<u32, u32> = HashMap::new();
        for segment in segments.iter().filter(|s| !s.crowd && present.contains_key(&s.id)) {
            let next = builder.labels.len() as u32;
            let index = if segment.thing { next } else { *stuff.entry(segment.label).or_insert(next) };
            if index == next {
                builder.labels.push(segment.label);
            }
            target_of.insert(segment.id, index);
        }
        let mut last: Option<(u32, u32, u32)> = None;
        for row in ids.chunks_exact(width).step_by(stride) {
            for id in row.iter().step_by(stride) {
                let (cell, label) = match last {
                    Some((known, cell, label)) if known == *id => (cell, label),
                    _ => {
                        let segment = by_id.get(id);
                        let cell = builder.cell(Cell {
                            segments: target_of.get(id).copied().into_iter().collect(),
                            labelled: segment.is_some(),
                            crowd: segment.is_some_and(|segment| segment.crowd),
                        });
                        (cell, segment.map_or(VOID, |segment| segment.label))
                    }
                };
                last = Some((*id, cell, label));
                builder.push(cell, label);
            }
        }
        builder.build()
    }

    /// From one mask a target, `[targets, height, width]` row-major, non-zero inside; masks may overlap.
    /// `semantic` holds a class index or [`VOID`] for each pixel. A labelled pixel outside all masks is a crowd's
    /// under [`crate::CrowdPixels::Labelled`].
    ///
    /// # Errors
    /// [`Error::Targets`] if a length does not fit.
    pub fn from_masks(labels: &[u32], masks: &[u8], semantic: &[u32], size: [usize; 2]) -> Result<Self> {
        let pixels = size[0].saturating_mul(size[1]);
        if semantic.len() != pixels || masks.len() != pixels.saturating_mul(labels.len()) {
            return Err(Error::Targets(format!(
                "{} mask values and {} semantic labels for {} targets of {} x {} pixels",
                masks.len(),
                semantic.len(),
                labels.len(),
                size[0],
                size[1]
            )));
        }
        let mut builder = Builder::new(size);
        builder.labels = labels.to_vec();
        for (pixel, label) in semantic.iter().enumerate() {
            let inside = |target: &u32| masks[*target as usize * pixels + pixel] != 0;
            let segments = (0..labels.len() as u32).filter(inside).collect();
            let cell = builder.cell(Cell { segments, labelled: *label != VOID, crowd: false });
            builder.push(cell, *label);
        }
        builder.build()
    }

    /// With a weight for each pixel in the semantic loss (deeplab2 raises those of small instances).
    ///
    /// # Errors
    /// [`Error::Targets`] if there is not one for each pixel.
    pub fn with_semantic_weights(self, weights: Vec<f32>) -> Result<Self> {
        if weights.len() != self.semantic.len() {
            return Err(Error::Targets(format!(
                "{} weights for {} pixels",
                weights.len(),
                self.semantic.len()
            )));
        }
        Ok(Self { weights: Some(weights), ..self })
    }

    /// Class index of each target.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Height and width in pixels of the loss.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Class index or [`VOID`] of each pixel, row-major. Crowd pixels have their class.
    pub fn semantic(&self) -> &[u32] {
        &self.semantic
    }

    /// Weight of each pixel in the semantic loss, if they differ.
    pub fn semantic_weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// Pixels that lie in a target.
    pub fn covered_pixels(&self) -> usize {
        let cells = self.cells.iter().zip(&self.sizes);
        cells.filter(|(cell, _)| !cell.segments.is_empty()).map(|(_, size)| size).sum()
    }
}

/// The stride that thins `from` rows and columns to `to`.
pub(crate) fn stride(from: [usize; 2], to: [usize; 2]) -> Result<usize> {
    let fail = || {
        Error::Targets(format!("no stride thins {} x {} pixels to {} x {}", from[0], from[1], to[0], to[1]))
    };
    if to.contains(&0) || from.contains(&0) {
        return Err(fail());
    }
    let fits = |stride: &usize| from[0].div_ceil(*stride) == to[0] && from[1].div_ceil(*stride) == to[1];
    // An axis of one row fits many strides; the other axis decides.
    let candidates = [from[0].div_ceil(to[0]), from[1].div_ceil(to[1])];
    let odd = |i: usize| {
        (to[i] > 1 && (from[i] - 1).is_multiple_of(to[i] - 1)).then(|| (from[i] - 1) / (to[i] - 1))
    };
    let aligned = [odd(0), odd(1)].into_iter().flatten();
    aligned.chain(candidates).find(|s| *s > 0 && fits(s)).ok_or_else(fail)
}

struct Builder {
    size: [usize; 2],
    labels: Vec<u32>,
    semantic: Vec<u32>,
    cells: Vec<Cell>,
    cell_of: Vec<u32>,
    sizes: Vec<usize>,
    known: HashMap<Cell, u32>,
}

impl Builder {
    fn new(size: [usize; 2]) -> Self {
        Self {
            size,
            labels: Vec::new(),
            semantic: Vec::new(),
            cells: Vec::new(),
            cell_of: Vec::new(),
            sizes: Vec::new(),
            known: HashMap::new(),
        }
    }

    fn cell(&mut self, cell: Cell) -> u32 {
        let next = self.cells.len() as u32;
        let index = *self.known.entry(cell.clone()).or_insert(next);
        if index == next {
            self.cells.push(cell);
            self.sizes.push(0);
        }
        index
    }

    fn push(&mut self, cell: u32, label: u32) {
        self.sizes[cell as usize] += 1;
        self.cell_of.push(cell);
        self.semantic.push(label);
    }

    fn build(self) -> Result<Targets> {
        if self.labels.contains(&VOID) {
            return Err(Error::Targets(format!("a target has the class {VOID}, which stands for void")));
        }
        Ok(Targets {
            height: self.size[0],
            width: self.size[1],
            labels: self.labels,
            semantic: self.semantic,
            weights: None,
            cells: self.cells,
            cell_of: self.cell_of,
            sizes: self.sizes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: u32, label: u32, thing: bool, crowd: bool) -> Segment {
        Segment { id, label, thing, crowd }
    }

    #[test]
    fn ids_are_thinned_and_stuff_is_merged() -> Result<()> {
        #[rustfmt::skip]
        let ids = [
            1, 9, 2, 9, 3,
            9, 9, 9, 9, 9,
            4, 9, 5, 9, 0,
        ];
        let segments = [
            segment(3, 7, false, false),
            segment(1, 7, false, false),
            segment(9, 2, true, false),
            segment(2, 4, true, false),
            segment(4, 4, true, false),
            segment(5, 6, true, true),
        ];
        let targets = Targets::from_ids(&ids, [3, 5], &segments, [2, 3])?;
        // Segment 9 has no pixel left, 5 is a crowd, 1 joins 3.
        assert_eq!(targets.labels(), [7, 4, 4]);
        assert_eq!(targets.semantic(), [7, 4, 7, 4, 6, VOID]);
        assert_eq!(targets.covered_pixels(), 4);
        let crowd = &targets.cells[targets.cell_of[4] as usize];
        assert!(crowd.crowd && crowd.labelled && crowd.segments.is_empty());
        assert_eq!(targets.cells[targets.cell_of[2] as usize].segments, [0]);
        assert_eq!(targets.cells[targets.cell_of[3] as usize].segments, [2]);
        Ok(())
    }

    #[test]
    fn strides_follow_the_parity_of_the_sizes() {
        let of = |from, to| stride(from, to).ok();
        assert_eq!(of([1281, 1281], [321, 321]), Some(4));
        assert_eq!(of([640, 416], [160, 104]), Some(4));
        assert_eq!(of([33, 33], [3, 3]), Some(16));
        assert_eq!(of([385, 257], [97, 65]), Some(4));
        assert_eq!(of([65, 1], [17, 1]), Some(4));
        assert_eq!(of([5, 5], [5, 5]), Some(1));
        assert_eq!(of([65, 65], [17, 33]), None);
        assert_eq!(of([4, 4], [5, 5]), None);
        assert_eq!(of([4, 4], [0, 4]), None);
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert!(Targets::from_ids(&[1, 2, 3], [2, 2], &[], [2, 2]).is_err());
        assert!(Targets::from_masks(&[1], &[0; 3], &[VOID; 4], [2, 2]).is_err());
        assert!(Targets::from_masks(&[VOID], &[0; 4], &[VOID; 4], [2, 2]).is_err());
        assert!(Targets::from_masks(&[1], &[0; 4], &[VOID; 4], [usize::MAX, 2]).is_err());
    }

    #[test]
    fn overlapping_masks_make_cells() -> Result<()> {
        let masks = [1, 1, 0, 0, /* second */ 0, 1, 1, 0];
        let targets = Targets::from_masks(&[5, 6], &masks, &[5, 5, 6, VOID], [1, 4])?;
        let sets: Vec<_> =
            targets.cell_of.iter().map(|c| targets.cells[*c as usize].segments.clone()).collect();
        assert_eq!(sets, [vec![0], vec![0, 1], vec![1], vec![]]);
        assert_eq!(targets.sizes, [1, 1, 1, 1]);
        Ok(())
    }
}

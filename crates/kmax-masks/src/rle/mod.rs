//! COCO's run-length code of a binary mask.
//!
//! Runs go down the columns, from left to right, and begin with background; `counts` are their lengths. The
//! conventions are those of pycocotools' `mask` module: [`polygon`] fills alike, [`text`] is the compressed
//! string, [`Rle::iou`] and [`Rle::merge`] are computed on the runs without decoding.

mod json;
mod ops;
pub mod polygon;
pub mod text;

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::label_map::LabelMap;
use crate::limits::{MAX_PIXELS, checked_pixels};

pub use ops::Merge;

/// A binary mask as the lengths of its runs, background first.
///
/// In JSON it is COCO's `{"size": [h, w], "counts": ...}`: `counts` is read as a list or as the compressed
/// string, and written as the string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rle {
    size: [u32; 2],
    counts: Vec<u32>,
}

/// Height and width as COCO writes them.
fn size_of(width: usize, height: usize) -> Result<[u32; 2]> {
    checked_pixels(width, height)?;
    match (u32::try_from(height), u32::try_from(width)) {
        (Ok(height), Ok(width)) => Ok([height, width]),
        _ => Err(Error::TooLarge { width, height, most: MAX_PIXELS }),
    }
}

impl Rle {
    /// A mask of `size` (height, width) from the lengths of its runs. Runs of length 0 are kept.
    ///
    /// # Errors
    /// If the runs do not add up to the pixels, or there are more than [`crate::MAX_PIXELS`].
    pub fn new(size: [u32; 2], counts: Vec<u32>) -> Result<Self> {
        let [height, width] = size;
        let pixels = checked_pixels(width as usize, height as usize)?;
        let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        if sum != pixels as u64 {
            return Err(Error::Rle(format!(
                "runs of {sum} pixels for a mask of {width} x {height} = {pixels}"
            )));
        }
        Ok(Self { size, counts })
    }

    /// From runs that are known to add up.
    fn trusted(size: [u32; 2], counts: Vec<u32>) -> Self {
        debug_assert_eq!(
            counts.iter().map(|&c| u64::from(c)).sum::<u64>(),
            u64::from(size[0]) * u64::from(size[1])
        );
        Self { size, counts }
    }

    /// A mask without a pixel set.
    ///
    /// # Errors
    /// If there are more than [`crate::MAX_PIXELS`].
    pub fn empty(width: usize, height: usize) -> Result<Self> {
        Ok(Self { size: size_of(width, height)?, counts: vec![(width * height) as u32] })
    }

    /// From a mask row by row.
    ///
    /// # Errors
    /// If the length of `mask` is not `width * height`, or there are more than [`crate::MAX_PIXELS`].
    pub fn from_mask(width: usize, height: usize, mask: &[bool]) -> Result<Self> {
        let size = size_of(width, height)?;
        if mask.len() != width * height {
            return Err(Error::Length { width, height, len: mask.len() });
        }
        let columns = (0..width).flat_map(|x| (0..height).map(move |y| mask[y * width + x]));
        let (mut counts, mut value, mut run) = (Vec::new(), false, 0);
        for set in columns {
            if set != value {
                counts.push(std::mem::replace(&mut run, 0));
                value = set;
            }
            run += 1;
        }
        counts.push(run);
        Ok(Self::trusted(size, counts))
    }

    /// From the positions, down the columns and from left to right, at which the mask changes between background and set, in
    /// any order. Two changes at one position are none. A run that reaches the last pixel may have its end there or not.
    ///
    /// So the parts of a mask can be found one by one, each with an edge where it begins and one where it ends.
    ///
    /// # Errors
    /// If an edge lies outside, or there are more than [`crate::MAX_PIXELS`].
    pub fn from_edges(width: usize, height: usize, mut edges: Vec<u32>) -> Result<Self> {
        let size = size_of(width, height)?;
        let pixels = (width * height) as u32;
        edges.sort_unstable();
        if let Some(edge) = edges.last().filter(|edge| **edge > pixels) {
            return Err(Error::Rle(format!("an edge at {edge} of a mask of {width} x {height}")));
        }
        let (mut counts, mut position) = (Vec::new(), 0);
        for equal in edges.chunk_by(|a, b| a == b) {
            if equal.len() % 2 == 1 {
                counts.push(equal[0] - position);
                position = equal[0];
            }
        }
        if position < pixels || counts.is_empty() {
            counts.push(pixels - position);
        }
        Ok(Self::trusted(size, counts))
    }

    /// The pixels of a map that hold `id`.
    pub fn encode(map: &LabelMap, id: u32) -> Self {
        Self::encode_all(map).into_iter().find(|&(found, _)| found == id).map_or_else(
            || Self::trusted([map.height() as u32, map.width() as u32], vec![map.data().len() as u32]),
            |(_, rle)| rle,
        )
    }

    /// The masks of all ids of a map in one pass, by rising id, 0 included.
    pub fn encode_all(map: &LabelMap) -> Vec<(u32, Self)> {
        /// The runs of one id so far and where they end.
        struct Open {
            id: u32,
            counts: Vec<u32>,
            end: u32,
        }
        let (width, height) = (map.width(), map.height());
        let columns = transposed(map);
        let (mut slots, mut open): (HashMap<u32, usize>, Vec<Open>) = (HashMap::new(), Vec::new());
        let mut start = 0;
        for run in columns.chunk_by(|a, b| a == b) {
            let slot = *slots.entry(run[0]).or_insert_with(|| {
                open.push(Open { id: run[0], counts: Vec::new(), end: 0 });
                open.len() - 1
            });
            let len = run.len() as u32;
            let entry = &mut open[slot];
            entry.counts.extend([start - entry.end, len]);
            start += len;
            entry.end = start;
        }
        let close = |mut entry: Open| {
            if entry.end < start {
                entry.counts.push(start - entry.end);
            }
            (entry.id, Self::trusted([height as u32, width as u32], entry.counts))
        };
        let mut all: Vec<_> = open.into_iter().map(close).collect();
        all.sort_unstable_by_key(|&(id, _)| id);
        all
    }

    /// The mask row by row.
    pub fn decode(&self) -> Vec<bool> {
        let (width, height) = (self.width(), self.height());
        let mut mask = vec![false; width * height];
        for (start, end) in self.runs() {
            for position in start..end {
                let (x, y) = (position as usize / height, position as usize % height);
                mask[y * width + x] = true;
            }
        }
        mask
    }

    /// Writes `id` to the pixels of a map that the mask covers.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn paint(&self, map: &mut LabelMap, id: u32) -> Result<()> {
        let (width, height) = (self.width(), self.height());
        if (map.width(), map.height()) != (width, height) {
            return Err(self.differs(map.width(), map.height()));
        }
        let data = map.data_mut();
        for (start, end) in self.runs() {
            for position in start..end {
                let (x, y) = (position as usize / height, position as usize % height);
                data[y * width + x] = id;
            }
        }
        Ok(())
    }

    /// Height and width, as COCO writes them.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.size[0] as usize
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.size[1] as usize
    }

    /// The lengths of the runs, background first.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The runs of set pixels as column-major positions `start..end`, none of them empty.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut position = 0;
        self.counts.chunks(2).filter_map(move |pair| {
            let start = position + pair[0];
            let end = start + pair.get(1).copied().unwrap_or(0);
            position = end;
            (end > start).then_some((start, end))
        })
    }

    fn differs(&self, width: usize, height: usize) -> Error {
        Error::SizesDiffer {
            left_width: self.width(),
            left_height: self.height(),
            right_width: width,
            right_height: height,
        }
    }
}

/// The ids column by column. Goes by blocks, so that both sides stay in the cache.
fn transposed(map: &LabelMap) -> Vec<u32> {
    const BLOCK: usize = 32;
    let (width, height, data) = (map.width(), map.height(), map.data());
    let mut columns = vec![0; data.len()];
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            for x in left..(left + BLOCK).min(width) {
                for y in top..(top + BLOCK).min(height) {
                    columns[x * height + y] = data[y * width + x];
                }
            }
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_go_down_the_columns() {
        #[rustfmt::skip]
        let mask = [
            false, true, true,
            false, true, false,
        ];
        let rle = Rle::from_mask(3, 2, &mask).unwrap();
        assert_eq!((rle.size(), rle.counts()), ([2, 3], &[2, 3, 1][..]));
        assert_eq!(rle.decode(), mask);
    }

    #[test]
    fn sums_and_sizes_are_checked() {
        assert!(Rle::new([2, 3], vec![2, 5]).is_err());
        assert!(Rle::new([2, 3], vec![]).is_err());
        assert!(Rle::new([2, 3], vec![u32::MAX, u32::MAX]).is_err());
        assert!(Rle::new([u32::MAX, u32::MAX], vec![1]).is_err());
        assert_eq!(Rle::new([0, 7], vec![]).unwrap().decode(), Vec::<bool>::new());
    }

    #[test]
    fn edges_are_checked() {
        assert_eq!(Rle::from_edges(3, 2, vec![6, 1, 4, 4]).unwrap().counts(), [1, 5]);
        assert_eq!(Rle::from_edges(3, 2, vec![0]).unwrap().counts(), [0, 6]);
        assert_eq!(Rle::from_edges(3, 2, vec![]).unwrap(), Rle::empty(3, 2).unwrap());
        assert!(Rle::from_edges(3, 2, vec![7]).is_err());
        assert!(Rle::from_edges(usize::MAX, 2, vec![]).is_err());
    }

    proptest! {
        #[test]
        fn edges_of_parts_join((width, height, ids) in crate::rle::tests::maps(), band in 1..4usize) {
            let mask: Vec<bool> = ids.iter().map(|id| *id == 1).collect();
            let mut edges = Vec::new();
            // Each band of rows ends what it began.
            for (x, top) in (0..width).flat_map(|x| (0..height).step_by(band).map(move |top| (x, top))) {
                let bottom = (top + band).min(height);
                let set = |y: usize| y >= top && y < bottom && mask[y * width + x];
                let changes = (top..=bottom).filter(|&y| set(y) != (y > top && set(y - 1)));
                edges.extend(changes.map(|y| (x * height + y) as u32));
            }
            edges.reverse();
            let expected = Rle::from_mask(width, height, &mask).unwrap();
            prop_assert_eq!(Rle::from_edges(width, height, edges).unwrap(), expected);
        }

        #[test]
        fn encode_and_decode_are_inverse((width, height, ids) in crate::rle::tests::maps()) {
            let map = LabelMap::new(width, height, ids).unwrap();
            let all = Rle::encode_all(&map);
            let mut painted = LabelMap::filled(width, height, 9).unwrap();
            for (id, rle) in &all {
                let mask: Vec<bool> = map.data().iter().map(|value| value == id).collect();
                prop_assert_eq!(&rle.decode(), &mask);
                prop_assert_eq!(rle, &Rle::from_mask(width, height, &mask).unwrap());
                prop_assert_eq!(rle, &Rle::encode(&map, *id));
                rle.paint(&mut painted, *id).unwrap();
            }
            prop_assert_eq!(painted, map);
        }
    }

    /// Small maps of four ids; runs are likely.
    pub(crate) fn maps() -> impl Strategy<Value = (usize, usize, Vec<u32>)> {
        (1..9usize, 1..9usize).prop_flat_map(|(width, height)| {
            (Just(width), Just(height), prop::collection::vec(0..4u32, width * height))
        })
    }
}

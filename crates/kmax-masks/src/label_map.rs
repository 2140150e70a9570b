//! One id per pixel.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::limits::checked_pixels;

/// A map of ids, row by row. In a map of segments 0 is void; in a map of classes every value is a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    width: usize,
    height: usize,
    data: Vec<u32>,
}

/// How many pixels an id has and the box around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Pixels.
    pub area: u64,
    /// The box `[x, y, width, height]` in pixels.
    pub bbox: [u32; 4],
}

impl LabelMap {
    /// A map of `width * height` ids, row by row.
    ///
    /// # Errors
    /// If `data` has another length, or the map has more than [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn new(width: usize, height: usize, data: Vec<u32>) -> Result<Self> {
        if checked_pixels(width, height)? != data.len() {
            return Err(Error::Length { width, height, len: data.len() });
        }
        Ok(Self { width, height, data })
    }

    /// A map that holds `id` everywhere.
    ///
    /// # Errors
    /// If the map would have more than [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn filled(width: usize, height: usize, id: u32) -> Result<Self> {
        Ok(Self { width, height, data: vec![id; checked_pixels(width, height)?] })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The ids, row by row.
    pub fn data(&self) -> &[u32] {
        &self.data
    }

    /// The ids, row by row, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [u32] {
        &mut self.data
    }

    /// The ids, row by row, without a copy.
    pub fn into_data(self) -> Vec<u32> {
        self.data
    }

    /// The id at column `x` of row `y`, or `None` outside.
    pub fn get(&self, x: usize, y: usize) -> Option<u32> {
        (x < self.width && y < self.height).then(|| self.data[y * self.width + x])
    }

    /// The rows from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        // A map without columns has no rows to show; chunks of 0 would panic.
        self.data.chunks_exact(self.width.max(1))
    }

    /// A map with `f` applied to each id.
    pub fn map(&self, mut f: impl FnMut(u32) -> u32) -> Self {
        // Neighbours mostly hold the same id, so `f` runs once a run.
        let mut last: Option<(u32, u32)> = None;
        let data = self
            .data
            .iter()
            .map(|&id| match last {
                Some((from, to)) if from == id => to,
                _ => {
                    let to = f(id);
                    last = Some((id, to));
                    to
                }
            })
            .collect();
        Self { width: self.width, height: self.height, data }
    }

    /// A smaller map: of each square of `step` pixels the one in the middle, or the last one at the edges.
    ///
    /// # Panics
    /// If `step` is 0.
    pub fn every(&self, step: usize) -> Self {
        let (width, height) = (self.width.div_ceil(step), self.height.div_ceil(step));
        let at = |index: usize, length: usize| (index * step + step / 2).min(length - 1);
        let row = |y: usize| &self.data[at(y, self.height) * self.width..];
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| row(y)[at(x, self.width)]));
        Self { width, height, data: pixels.collect() }
    }

    /// The ids within a box `[x, y, width, height]` of [`Self::extents`].
    pub(crate) fn cut(&self, [left, top, width, height]: [u32; 4]) -> Self {
        let [left, top, width, height] = [left, top, width, height].map(|value| value as usize);
        let rows = self.rows().skip(top).take(height);
        Self { width, height, data: rows.flat_map(|row| &row[left..left + width]).copied().collect() }
    }

    /// `Ok` if `other` has the same width and height.
    ///
    /// # Errors
    /// [`Error::SizesDiffer`] otherwise.
    pub fn same_size(&self, other: &Self) -> Result<()> {
        if (self.width, self.height) == (other.width, other.height) {
            return Ok(());
        }
        Err(Error::SizesDiffer {
            left_width: self.width,
            left_height: self.height,
            right_width: other.width,
            right_height: other.height,
        })
    }

    /// Area and box of every id that occurs, 0 included, by rising id.
    pub fn extents(&self) -> Vec<(u32, Extent)> {
        let mut slots: HashMap<u32, usize> = HashMap::new();
        // id, area, then the corners: left, top, right, bottom, all inclusive.
        let mut found: Vec<(u32, u64, [usize; 4])> = Vec::new();
        for (y, row) in self.rows().enumerate() {
            let mut start = 0;
            for run in row.chunk_by(|a, b| a == b) {
                let (id, end) = (run[0], start + run.len() - 1);
                let slot = *slots.entry(id).or_insert_with(|| {
                    found.push((id, 0, [start, y, end, y]));
                    found.len() - 1
                });
                let (_, area, [left, _, right, bottom]) = &mut found[slot];
                *area += run.len() as u64;
                *left = (*left).min(start);
                *right = (*right).max(end);
                *bottom = y;
                start = end + 1;
            }
        }
        found.sort_unstable_by_key(|&(id, ..)| id);
        let extent = |area, [left, top, right, bottom]: [usize; 4]| Extent {
            area,
            bbox: [left, top, right - left + 1, bottom - top + 1].map(|v| v as u32),
        };
        found.into_iter().map(|(id, area, corners)| (id, extent(area, corners))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_checked_and_so_is_the_product() {
        assert!(matches!(LabelMap::new(2, 3, vec![0; 5]), Err(Error::Length { len: 5, .. })));
        assert!(matches!(LabelMap::filled(usize::MAX, 2, 0), Err(Error::TooLarge { .. })));
        assert!(matches!(LabelMap::filled(1 << 15, 1 << 14, 0), Err(Error::TooLarge { .. })));
        assert_eq!(LabelMap::new(0, 0, vec![]).unwrap().rows().count(), 0);
    }

    #[test]
    fn smaller_maps_have_the_middles() {
        let map = LabelMap::new(5, 3, (0..15).collect()).unwrap();
        assert_eq!(map.every(1), map);
        assert_eq!((map.every(2).data(), map.every(9).data()), (&[6, 8, 9, 11, 13, 14][..], &[14][..]));
        assert_eq!(LabelMap::new(0, 0, vec![]).unwrap().every(3).data(), [0; 0]);
    }

    #[test]
    fn extents_give_area_and_box_by_rising_id() {
        #[rustfmt::skip]
        let map = LabelMap::new(4, 3, vec![
            7, 7, 0, 0,
            0, 7, 0, 3,
            0, 0, 3, 7,
        ]).unwrap();
        let extents = map.extents();
        assert_eq!(extents[0].1.area, 6);
        assert_eq!(extents[1], (3, Extent { area: 2, bbox: [2, 1, 2, 2] }));
        assert_eq!(extents[2], (7, Extent { area: 4, bbox: [0, 0, 4, 3] }));
    }
}

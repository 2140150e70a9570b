//! Counting pixels by class.

use kmax_masks::LabelMap;

use crate::error::{Error, Result};

/// Pixels by class of the ground truth (rows) and of the prediction (columns).
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    rows: usize,
    columns: usize,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// All zero.
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, counts: vec![0; rows * columns] }
    }

    /// Counts the pixels of one image, run by run. `row` gives the row of a label of the ground truth; the column
    /// is the predicted label itself.
    ///
    /// # Errors
    /// If the maps differ in size or a label has no row or column; nothing is counted then.
    pub fn count(
        &mut self,
        truth: &LabelMap,
        prediction: &LabelMap,
        row: impl Fn(u32) -> usize,
    ) -> Result<()> {
        truth.same_size(prediction)?;
        let (real, guess) = (truth.data(), prediction.data());
        let mut added = vec![0u64; self.counts.len()];
        let mut start = 0;
        while start < real.len() {
            let pair = (real[start], guess[start]);
            let same = |at: usize| (real[at], guess[at]) == pair;
            let mut end = start + 1;
            while end < real.len() && same(end) {
                end += 1;
            }
            let (r, c) = (row(pair.0), pair.1 as usize);
            for (side, label, index, size) in
                [("ground truth", pair.0, r, self.rows), ("prediction", pair.1, c, self.columns)]
            {
                if index >= size {
                    let (x, y) = (start % truth.width(), start / truth.width());
                    let expected = format!("a class below {}", self.columns);
                    return Err(Error::Label { side, x, y, label, expected });
                }
            }
            added[r * self.columns + c] += (end - start) as u64;
            start = end;
        }
        for (total, count) in self.counts.iter_mut().zip(added) {
            *total += count;
        }
        Ok(())
    }

    /// Adds some pixels; out of range they are dropped.
    pub(crate) fn add(&mut self, row: u32, column: u32, pixels: u64) {
        if (row as usize) < self.rows && (column as usize) < self.columns {
            self.counts[row as usize * self.columns + column as usize] += pixels;
        }
    }

    /// The pixels of a class of the ground truth that were predicted as another (or the same).
    pub fn get(&self, row: usize, column: usize) -> u64 {
        if row < self.rows && column < self.columns { self.counts[row * self.columns + column] } else { 0 }
    }

    /// The pixels over some rows and some columns.
    pub(crate) fn sum(
        &self,
        rows: impl IntoIterator<Item = usize>,
        columns: impl IntoIterator<Item = usize> + Clone,
    ) -> u64 {
        let over = |row: usize| columns.clone().into_iter().map(|column| self.get(row, column)).sum::<u64>();
        rows.into_iter().map(over).sum()
    }

    /// The entries that are not zero, by row and column.
    pub fn nonzero(&self) -> Vec<(u32, u32, u64)> {
        let entry = |(position, &pixels): (usize, &u64)| {
            let (row, column) = (position / self.columns, position % self.columns);
            (pixels > 0).then_some((row as u32, column as u32, pixels))
        };
        self.counts.iter().enumerate().filter_map(entry).collect()
    }
}

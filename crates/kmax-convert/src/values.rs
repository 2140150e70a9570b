//! Values of a foreign tensor, arranged and rounded as ours. A value is the four little-endian bytes of a float32.

use crate::names::layout::Layout;
use half::f16;
use std::borrow::Cow;
use std::ops::Range;

/// Little-endian float32.
pub(super) type Value = [u8; 4];

/// A tensor of TensorFlow, `[a, b, c]`, read as ours, `[c, b, a]`. Every layout that moves values reverses three axes, of
/// which some have one element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reversal([usize; 3]);

impl Reversal {
    /// For a variable of shape `shape`; `None` where no value moves.
    pub fn of(layout: Layout, shape: &[usize]) -> Option<Self> {
        Some(Self(match (layout, shape) {
            (Layout::Kernel, [h, w, input, output]) => [h * w, *input, *output],
            (Layout::Depthwise, [h, w, channels, one]) => [h * w, *one, *channels],
            (Layout::Sequence | Layout::SequenceAsMap | Layout::Queries, [a, b, c]) => [*a, *b, *c],
            (Layout::Matrix | Layout::Linear, [input, output]) => [1, *input, *output],
            _ => return None,
        }))
    }

    /// How many rows (`[b, a]`) ours has.
    pub fn rows(self) -> usize {
        self.0[2]
    }

    /// How many values a row has.
    pub fn row(self) -> usize {
        self.0[0] * self.0[1]
    }

    /// Some of our rows.
    pub fn read(self, values: &[Value], rows: Range<usize>, into: &mut Vec<Value>) {
        /// Values of a cache line: those of a tile are read and written by whole lines.
        const TILE: usize = 16;
        let ([a, b, c], width) = (self.0, self.row());
        into.clear();
        into.resize(width * rows.len(), Value::default());
        let mut tile = [[Value::default(); TILE]; TILE];
        for column in (0..width).step_by(TILE) {
            let columns = TILE.min(width - column);
            for row in rows.clone().step_by(TILE) {
                let count = TILE.min(rows.end - row);
                for (place, line) in (column..).zip(&mut tile[..columns]) {
                    let from = (place % a * b + place / a) * c + row;
                    line[..count].copy_from_slice(&values[from..from + count]);
                }
                for k in 0..count {
                    let to = (row - rows.start + k) * width + column;
                    for (value, line) in into[to..to + columns].iter_mut().zip(&tile) {
                        *value = line[k];
                    }
                }
            }
        }
    }
}

/// The rows of the first axis that `rows` names, in that order; `count` is how many there are.
pub(super) fn select(values: &[Value], rows: &[usize], count: usize) -> Vec<Value> {
    let size = values.len() / count.max(1);
    rows.iter().flat_map(|row| &values[row * size..(row + 1) * size]).copied().collect()
}

/// Whether float16 has a finite value for each that is finite.
pub(super) fn fit_f16(values: &[Value]) -> bool {
    values.iter().map(|v| f32::from_le_bytes(*v)).all(|v| !v.is_finite() || v.abs() <= f32::from(f16::MAX))
}

/// The values as bytes, in half precision if `half`.
pub(super) fn bytes(values: &[Value], half: bool) -> Cow<'_, [u8]> {
    if !half {
        return Cow::Borrowed(values.as_flattened());
    }
    values.iter().flat_map(|v| f16::from_f32(f32::from_le_bytes(*v)).to_le_bytes()).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(count: usize) -> Vec<Value> {
        (0..count).map(|i| (i as f32).to_le_bytes()).collect()
    }

    proptest! {
        #[test]
        fn layouts_are_their_permutation(
            layout in proptest::sample::select(vec![
                Layout::Kernel, Layout::Depthwise, Layout::Sequence, Layout::SequenceAsMap, Layout::Matrix,
                Layout::Linear, Layout::Queries, Layout::Table, Layout::Flat,
            ]),
            sizes in [1usize..4, 1usize..5, 1usize..40, 1usize..40], cut in 0usize..40,
        ) {
            let [a, b, c, d] = sizes;
            let shape = match layout {
                Layout::Kernel => vec![a, b, c, d],
                Layout::Depthwise => vec![a, b, c, 1],
                Layout::Queries => vec![1, c, d],
                Layout::Sequence | Layout::SequenceAsMap | Layout::Flat => vec![a, c, d],
                _ => vec![c, d],
            };
            let count: usize = shape.iter().product();
            let order = layout.permutation(shape.len()).expect("of this rank");
            let mut strides = vec![1; shape.len()];
            for axis in (1..shape.len()).rev() {
                strides[axis - 1] = strides[axis] * shape[axis];
            }
            let mut expected = Vec::new();
            for i in 0..count {
                let (mut rest, mut from) = (i, 0);
                for axis in order.iter().rev() {
                    from += rest % shape[*axis] * strides[*axis];
                    rest /= shape[*axis];
                }
                expected.push((from as f32).to_le_bytes());
            }
            let mut found = values(count);
            if let Some(reversal) = Reversal::of(layout, &shape) {
                prop_assert_eq!(reversal.rows() * reversal.row(), count);
                let (cut, mut part) = (cut.min(reversal.rows()), Vec::new());
                let whole = std::mem::take(&mut found);
                for rows in [0..cut, cut..reversal.rows()] {
                    reversal.read(&whole, rows, &mut part);
                    found.extend_from_slice(&part);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn rows_are_selected_and_values_rounded() {
        let six = values(6);
        assert_eq!(select(&six, &[2, 0], 3), [six[4], six[5], six[0], six[1]]);
        assert!(select(&[], &[], 0).is_empty());
        let floats = |values: &[f32]| values.iter().map(|v| v.to_le_bytes()).collect::<Vec<_>>();
        assert!(fit_f16(&floats(&[65504.0, f32::INFINITY, f32::NAN])) && !fit_f16(&floats(&[-65505.0])));
        assert_eq!(*bytes(&floats(&[1.0, -2.0]), false), [0, 0, 128, 63, 0, 0, 0, 192]);
        assert_eq!(*bytes(&floats(&[1.0, -2.0]), true), [0, 60, 0, 192]);
    }
}

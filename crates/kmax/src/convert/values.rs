//! Values of a foreign tensor, arranged and rounded as ours. A value is the four little-endian bytes of a float32.

use half::f16;
use kmax_checkpoints::names::layout::Layout;
use std::borrow::Cow;

/// Little-endian float32.
pub(super) type Value = [u8; 4];

/// A variable of TensorFlow in our order. Every layout that moves values reverses three axes, of which some have one
/// element; `shape` is the variable's.
pub(super) fn arrange<'a>(layout: Layout, shape: &[usize], values: Cow<'a, [Value]>) -> Cow<'a, [Value]> {
    let axes = match (layout, shape) {
        (Layout::Kernel, [h, w, input, output]) => [h * w, *input, *output],
        (Layout::Depthwise, [h, w, channels, one]) => [h * w, *one, *channels],
        (Layout::Sequence | Layout::SequenceAsMap | Layout::Queries, [a, b, c]) => [*a, *b, *c],
        (Layout::Matrix | Layout::Linear, [input, output]) => [1, *input, *output],
        _ => return values,
    };
    Cow::Owned(reverse(&values, axes))
}

/// `[a, b, c]` to `[c, b, a]`.
fn reverse(values: &[Value], [a, b, c]: [usize; 3]) -> Vec<Value> {
    // So many values of the last axis at a time: a cache line of the source is read once.
    const BLOCK: usize = 16;
    let mut reversed = vec![Value::default(); values.len()];
    for first in (0..c).step_by(BLOCK) {
        let block = BLOCK.min(c - first);
        for j in 0..b {
            for i in 0..a {
                let from = (i * b + j) * c + first;
                let to = j * a + i;
                for (k, value) in values[from..from + block].iter().enumerate() {
                    reversed[(first + k) * a * b + to] = *value;
                }
            }
        }
    }
    reversed
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
            sizes in [1usize..4, 1usize..5, 1usize..40, 1usize..40],
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
            prop_assert_eq!(arrange(layout, &shape, values(count).into()).into_owned(), expected);
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

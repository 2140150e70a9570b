//! Partitioned variables: the keys of their slices, and putting the slices together.

use super::entry::Slice;
use crate::dtype::elements;

/// The index's key of one slice of `name`. It orders as (name, rank, starts and lengths) do.
pub(crate) fn slice_key(name: &str, slice: &Slice) -> Vec<u8> {
    let mut key = Vec::new();
    put_unsigned(&mut key, 0);
    for &byte in name.as_bytes() {
        key.push(byte);
        // Both ends of the byte range are doubled up with the other, which keeps order and frees 0x00 0x01 as an end.
        match byte {
            0x00 => key.push(0xff),
            0xff => key.push(0x00),
            _ => {}
        }
    }
    key.extend([0x00, 0x01]);
    put_unsigned(&mut key, slice.len() as u64);
    for &(start, length) in slice {
        put_signed(&mut key, start as i64);
        put_signed(&mut key, length.map_or(-1, |length| length as i64));
    }
    key
}

/// Whether a key is that of a slice and not a name.
pub(crate) fn is_slice_key(key: &[u8]) -> bool {
    key.first() == Some(&0)
}

/// The count of significant bytes, then these, highest first.
fn put_unsigned(key: &mut Vec<u8>, value: u64) {
    let zeros = value.leading_zeros() as usize / 8;
    key.push((8 - zeros) as u8);
    key.extend(value.to_be_bytes().iter().skip(zeros));
}

/// Sign and length as leading bits (ones count the bytes, inverted for negative values), then the value.
fn put_signed(key: &mut Vec<u8>, value: i64) {
    let magnitude = if value < 0 { !value } else { value };
    let bits = 64 - magnitude.leading_zeros() as usize;
    // n bytes hold 7n - 1 bits beside the header and the sign.
    let length = (bits / 7 + 1).min(10);
    let mark = !0u16 << (16 - length);
    let mut bytes = i128::from(value).to_be_bytes();
    let bytes = &mut bytes[16 - length..];
    for (byte, mark) in bytes.iter_mut().zip(mark.to_be_bytes()) {
        *byte ^= mark;
    }
    key.extend_from_slice(bytes);
}

/// A slice as a box in a variable of shape `shape`: per axis the start and the length.
pub(crate) fn bounds(slice: &Slice, shape: &[usize]) -> Result<Vec<(usize, usize)>, String> {
    if slice.len() != shape.len() {
        return Err(format!("a slice of rank {} in a variable of shape {shape:?}", slice.len()));
    }
    let axis = |(&(start, length), &size): (&(usize, Option<usize>), &usize)| {
        let length = length.unwrap_or(size);
        let inside = start.checked_add(length).is_some_and(|end| end <= size);
        inside.then_some((start, length)).ok_or_else(|| format!("slice {slice:?} leaves the shape {shape:?}"))
    };
    slice.iter().zip(shape).map(axis).collect()
}

/// A variable that is being put together from slices.
pub(crate) struct Assembly<'a> {
    shape: &'a [usize],
    /// Bytes of an element.
    size: usize,
    bytes: Vec<u8>,
    /// Elements still missing.
    missing: usize,
    filled: Vec<bool>,
}

impl<'a> Assembly<'a> {
    /// All zeros. The caller has checked that a variable of this size is plausible.
    pub(crate) fn new(shape: &'a [usize], size: usize) -> Result<Self, String> {
        let count = elements(shape).ok_or_else(|| format!("shape {shape:?} overflows"))?;
        let length = count.checked_mul(size).ok_or_else(|| format!("shape {shape:?} overflows"))?;
        Ok(Self { shape, size, bytes: vec![0; length], missing: count, filled: vec![false; count] })
    }

    /// Copies a slice, whose `data` has exactly the elements of `bounds`.
    pub(crate) fn insert(&mut self, bounds: &[(usize, usize)], data: &[u8]) -> Result<(), String> {
        let lengths: Vec<usize> = bounds.iter().map(|&(_, length)| length).collect();
        let count = elements(&lengths).filter(|count| count.checked_mul(self.size) == Some(data.len()));
        let count =
            count.ok_or_else(|| format!("slice {bounds:?} does not match its {} bytes", data.len()))?;
        if count == 0 {
            return Ok(());
        }
        // Trailing axes taken whole and the axis before them make one run.
        let run_axis = (0..bounds.len()).rev().find(|&axis| lengths[axis] != self.shape[axis]).unwrap_or(0);
        let run: usize = lengths.iter().skip(run_axis).product();
        let mut strides = vec![1; self.shape.len()];
        for axis in (1..self.shape.len()).rev() {
            strides[axis - 1] = strides[axis] * self.shape[axis];
        }
        for (number, data) in data.chunks_exact(run * self.size).enumerate() {
            let (mut rest, mut offset) = (number, 0);
            for axis in (0..bounds.len()).rev() {
                let (start, length) = bounds[axis];
                offset += start * strides[axis];
                if axis < run_axis {
                    offset += rest % length * strides[axis];
                    rest /= length;
                }
            }
            let (range, outside) =
                (offset..offset + run, || format!("slice {bounds:?} leaves the shape {:?}", self.shape));
            let filled = self.filled.get_mut(range.clone()).ok_or_else(outside)?;
            if filled.contains(&true) {
                return Err(format!("slice {bounds:?} overlaps another"));
            }
            filled.fill(true);
            self.missing -= run;
            self.bytes[range.start * self.size..range.end * self.size].copy_from_slice(data);
        }
        Ok(())
    }

    /// The whole variable, if every element has been given.
    pub(crate) fn finish(self) -> Result<Vec<u8>, String> {
        match self.missing {
            0 => Ok(self.bytes),
            missing => Err(format!("its slices leave out {missing} of {} elements", self.filled.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_have_the_documented_form() {
        assert_eq!(
            slice_key("a\0", &vec![(0, Some(3)), (0, None)]),
            b"\x00a\x00\xff\x00\x01\x01\x02\x80\x83\x80\x7f"
        );
        let mut key = Vec::new();
        put_signed(&mut key, 64);
        put_signed(&mut key, 8191);
        put_signed(&mut key, 8192);
        put_signed(&mut key, i64::MAX);
        assert_eq!(key, b"\xc0\x40\xdf\xff\xe0\x20\x00\xff\xc0\x7f\xff\xff\xff\xff\xff\xff\xff");
    }

    proptest! {
        #[test]
        fn keys_order_as_numbers_do(a: i64, b: i64, shift in 0u32..63) {
            let (a, b) = (a >> shift, b >> shift);
            let key = |value| {
                let mut key = Vec::new();
                put_signed(&mut key, value);
                key
            };
            prop_assert_eq!(a.cmp(&b), key(a).cmp(&key(b)));
        }

        #[test]
        fn a_variable_cut_anywhere_is_put_together(
            shape in proptest::collection::vec(1usize..5, 1..5), cuts in proptest::collection::vec(1usize..5, 4),
        ) {
            let count = elements(&shape).unwrap_or(0);
            let whole: Vec<u8> = (0..count * 2).map(|i| i as u8).collect();
            // Every axis in two parts, so a grid of boxes.
            let mut boxes = vec![Vec::new()];
            for (&size, &cut) in shape.iter().zip(&cuts) {
                let cut = cut.min(size);
                boxes = boxes.iter().flat_map(|b: &Vec<(usize, usize)>| {
                    [(0, cut), (cut, size - cut)].map(|part| [b.as_slice(), &[part]].concat())
                }).collect();
            }
            let mut assembly = Assembly::new(&shape, 2).map_err(TestCaseError::fail)?;
            for bounds in &boxes {
                let inside = |mut index: usize| shape.iter().zip(bounds).rev().all(|(&size, &(start, length))| {
                    let at = index % size;
                    index /= size;
                    (start..start + length).contains(&at)
                });
                let data: Vec<u8> =
                    (0..count).filter(|&i| inside(i)).flat_map(|i| whole[i * 2..i * 2 + 2].to_vec()).collect();
                assembly.insert(bounds, &data).map_err(TestCaseError::fail)?;
            }
            prop_assert_eq!(assembly.finish(), Ok(whole));
        }
    }

    #[test]
    fn holes_overlaps_and_excursions_are_refused() {
        let shape = [4, 2];
        assert!(bounds(&vec![(3, Some(2)), (0, None)], &shape).is_err());
        assert!(bounds(&vec![(usize::MAX, Some(2)), (0, None)], &shape).is_err());
        assert!(bounds(&vec![(0, None)], &shape).is_err());
        assert_eq!(bounds(&vec![(3, Some(1)), (0, None)], &shape), Ok(vec![(3, 1), (0, 2)]));
        let mut assembly = Assembly::new(&shape, 1).expect("small");
        assert_eq!(assembly.insert(&[(0, 2), (0, 2)], &[1; 4]), Ok(()));
        assert!(assembly.insert(&[(1, 1), (0, 2)], &[1; 2]).is_err_and(|e| e.contains("overlaps")));
        assert!(assembly.insert(&[(2, 1), (0, 2)], &[1; 3]).is_err());
        assert!(assembly.finish().is_err_and(|e| e.contains("leave out 4 of 8")));
    }
}

//! Tensors as strided views of storages, which is how PyTorch, NumPy and safetensors keep them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::dtype::{DType, elements, swap_bytes};
use crate::error::{Error, Result};
use crate::source::Source;

/// A view may be larger than its storage (an expanded tensor), but not beyond this many bytes.
const LARGEST_EXPANSION: usize = 64 << 20;

/// Bytes shared by any number of views.
#[derive(Debug)]
pub(crate) enum Storage {
    /// A range of the file.
    Plain(Range<usize>),
    /// A range of the file with a CRC-32, which is checked at the first use.
    Checked { range: Range<usize>, crc: u32, verdict: OnceLock<std::result::Result<(), String>> },
    /// A deflated range of the file, with the size and the CRC-32 of the contents.
    Deflated { range: Range<usize>, size: usize, crc: u32 },
    /// UTF-8 text in the file, whose characters below 256 are `size` bytes.
    Latin1 { range: Range<usize>, size: usize },
    /// Bytes that do not occur in the file as they are.
    Owned(Vec<u8>),
}

impl Storage {
    /// Bytes in it.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Plain(range) | Self::Checked { range, .. } => range.len(),
            Self::Deflated { size, .. } | Self::Latin1 { size, .. } => *size,
            Self::Owned(bytes) => bytes.len(),
        }
    }

    /// Its bytes, checked and decoded.
    pub(crate) fn load<'a>(&'a self, source: &'a Source) -> std::result::Result<Cow<'a, [u8]>, String> {
        let get = |range: &Range<usize>| {
            source.get(range.clone()).ok_or_else(|| format!("bytes {range:?} lie outside the file"))
        };
        match self {
            Self::Plain(range) => get(range).map(Cow::Borrowed),
            Self::Checked { range, crc, verdict } => {
                let bytes = get(range)?;
                verdict.get_or_init(|| check_crc(bytes, *crc)).clone()?;
                Ok(Cow::Borrowed(bytes))
            }
            Self::Deflated { range, size, crc } => inflate(get(range)?, *size, *crc).map(Cow::Owned),
            Self::Latin1 { range, .. } => {
                let text = str::from_utf8(get(range)?).map_err(|e| e.to_string())?;
                let bytes = text.chars().map(|c| u8::try_from(c).map_err(|_| format!("`{c}` is no byte")));
                bytes.collect::<std::result::Result<_, _>>().map(Cow::Owned)
            }
            Self::Owned(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }
}

fn check_crc(bytes: &[u8], expected: u32) -> std::result::Result<(), String> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let found = crc.sum();
    if found == expected {
        Ok(())
    } else {
        Err(format!("checksum {expected:08x}, but its bytes have {found:08x}"))
    }
}

/// Inflates exactly `size` bytes.
pub(crate) fn inflate(bytes: &[u8], size: usize, crc: u32) -> std::result::Result<Vec<u8>, String> {
    // Deflate shortens by less than this factor.
    if size / 1040 > bytes.len() {
        return Err(format!("{size} bytes announced in {} deflated ones", bytes.len()));
    }
    let mut inflated = Vec::new();
    let mut decoder = flate2::read::DeflateDecoder::new(bytes).take(size as u64 + 1);
    decoder.read_to_end(&mut inflated).map_err(|e| e.to_string())?;
    if inflated.len() != size {
        return Err(format!("{size} bytes announced, but it inflates to {} or more", inflated.len()));
    }
    check_crc(&inflated, crc).map(|()| inflated)
}

/// A tensor in a storage. Strides and the offset count elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub storage: usize,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
    pub offset: usize,
    pub big_endian: bool,
}

/// Strides of a tensor whose last axis varies fastest. The shape's product must not overflow.
pub(crate) fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

impl View {
    /// Whether every element lies in a storage of `available` bytes.
    pub(crate) fn check(&self, available: usize) -> std::result::Result<(), String> {
        let overflow = || format!("shape {:?} overflows", self.shape);
        let size = self.dtype.size().ok_or("strings are not stored so")?;
        let bytes = elements(&self.shape).and_then(|count| count.checked_mul(size)).ok_or_else(overflow)?;
        if self.strides.len() != self.shape.len() {
            return Err(format!("{} strides for shape {:?}", self.strides.len(), self.shape));
        }
        if bytes == 0 {
            return Ok(());
        }
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (&size, &stride)| {
            last.checked_add((size - 1).checked_mul(stride)?)
        });
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(size)).ok_or_else(overflow)?;
        if end > available {
            let Self { shape, strides, offset, .. } = self;
            return Err(format!(
                "shape {shape:?} with strides {strides:?} from element {offset} needs {end} bytes, its storage has {available}"
            ));
        }
        if bytes > available && bytes > LARGEST_EXPANSION {
            return Err(format!("{bytes} bytes expanded from a storage of {available}"));
        }
        Ok(())
    }

    fn is_contiguous(&self) -> bool {
        let dense = row_major(&self.shape);
        self.shape.iter().zip(self.strides.iter().zip(&dense)).all(|(&size, (a, b))| size <= 1 || a == b)
    }

    /// The elements in row-major order, from the bytes of a storage that [`Self::check`] found large enough.
    fn gather<'a>(&self, storage: Cow<'a, [u8]>) -> Option<Cow<'a, [u8]>> {
        let size = self.dtype.size()?;
        let count = elements(&self.shape)?;
        if count == 0 {
            return Some(Cow::Borrowed(&[]));
        }
        if self.is_contiguous() {
            let range = self.offset * size..(self.offset + count) * size;
            return match storage {
                Cow::Borrowed(bytes) => bytes.get(range).map(Cow::Borrowed),
                Cow::Owned(bytes) if range == (0..bytes.len()) => Some(Cow::Owned(bytes)),
                Cow::Owned(bytes) => bytes.get(range).map(|bytes| Cow::Owned(bytes.to_vec())),
            };
        }
        let mut gathered = Vec::with_capacity(count * size);
        let (mut index, mut at) = (vec![0; self.shape.len()], self.offset);
        for _ in 0..count {
            gathered.extend_from_slice(storage.get(at * size..(at + 1) * size)?);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        Some(Cow::Owned(gathered))
    }
}

/// A file of storages and the named views of them.
#[derive(Debug)]
pub(crate) struct Arrays {
    source: Source,
    storages: Vec<Storage>,
    views: BTreeMap<String, View>,
}

impl Arrays {
    /// Checks that every view lies in its storage.
    pub(crate) fn new(source: Source, storages: Vec<Storage>, views: BTreeMap<String, View>) -> Result<Self> {
        for (name, view) in &views {
            let available = storages.get(view.storage).map_or(0, Storage::size);
            view.check(available).map_err(|reason| Error::tensor(source.path(), name, reason))?;
        }
        Ok(Self { source, storages, views })
    }

    /// The file.
    pub(crate) fn path(&self) -> &PathBuf {
        self.source.path()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.views.contains_key(name)
    }

    /// The elements of a tensor in row-major order, little-endian.
    pub(crate) fn read(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let fail = |reason: String| Error::tensor(self.source.path(), name, reason);
        let view = self.views.get(name).ok_or_else(|| fail("no such view".to_string()))?;
        let storage = self.storages.get(view.storage).ok_or_else(|| fail("no such storage".to_string()))?;
        let storage = storage.load(&self.source).map_err(fail)?;
        let mut bytes = view.gather(storage).ok_or_else(|| fail("leaves its storage".to_string()))?;
        if view.big_endian {
            swap_bytes(view.dtype, bytes.to_mut());
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shape: &[usize], strides: &[usize], offset: usize) -> View {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        View { storage: 0, dtype: DType::I16, shape, strides, offset, big_endian: false }
    }

    fn gathered(view: &View, storage: &[u8]) -> Vec<u8> {
        assert_eq!(view.check(storage.len()), Ok(()));
        view.gather(Cow::Borrowed(storage)).expect("checked").chunks(2).map(|pair| pair[0]).collect()
    }

    #[test]
    fn views_are_gathered_in_row_major_order() {
        let storage: Vec<u8> = (0..12u8).flat_map(|i| [i, 0]).collect();
        assert_eq!(gathered(&view(&[2, 3], &[3, 1], 1), &storage), [1, 2, 3, 4, 5, 6]);
        assert_eq!(gathered(&view(&[3, 2], &[1, 3], 0), &storage), [0, 3, 1, 4, 2, 5]);
        assert_eq!(gathered(&view(&[2, 2, 2], &[6, 1, 2], 2), &storage), [2, 4, 3, 5, 8, 10, 9, 11]);
        assert_eq!(gathered(&view(&[2, 3], &[0, 1], 4), &storage), [4, 5, 6, 4, 5, 6]);
    }

    #[test]
    fn views_beyond_their_storage_are_refused() {
        for (shape, strides, offset) in [
            (&[2, 3][..], &[3, 1][..], 7),
            (&[2], &[12], 0),
            (&[1 << 62, 8], &[8, 1], 0),
            (&[2], &[usize::MAX], 1),
            (&[2, 3], &[1], 0),
            (&[1], &[1], usize::MAX),
        ] {
            assert!(view(shape, strides, offset).check(24).is_err(), "{shape:?} {strides:?} {offset}");
        }
        assert_eq!(view(&[0, 1 << 40], &[1, 1], 99).check(0), Ok(()));
        // An expanded scalar is fine until it is absurd.
        assert_eq!(view(&[1000], &[0], 0).check(2), Ok(()));
        assert!(view(&[1 << 40], &[0], 0).check(2).is_err_and(|e| e.contains("expanded")));
    }
}

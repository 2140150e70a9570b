//! The two protobuf messages of a bundle's index: the header, and the entry of a tensor.

use crate::dtype::DType;
use crate::error::{Fault, Parse};
use crate::wire::{Field, Wire};

/// The version of the format that is written here and by every TensorFlow 2.
const VERSION: u64 = 1;
/// Most shards understood; the file names have five digits.
const MOST_SHARDS: u64 = 99_999;
/// TensorFlow's limit on a tensor's rank.
const HIGHEST_RANK: usize = 254;

/// What the entry with the empty key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub shards: usize,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8]) -> Parse<Self> {
        let (mut wire, mut shards, mut needs) = (Wire::new(bytes), 0, 0);
        while let Some((number, field)) = wire.field()? {
            match (number, field) {
                (1, Field::Varint(value)) => shards = value,
                (2, Field::Varint(0)) => {}
                (2, Field::Varint(_)) => return Err(wire.fault("a bundle written on a big-endian machine")),
                (3, Field::Bytes(version, at)) => {
                    needs = needed_version(version).map_err(|f| f.shifted(at))?
                }
                _ => {}
            }
        }
        if needs > VERSION {
            return Err(wire
                .fault(format!("a bundle for readers of version {needs}; this one has version {VERSION}")));
        }
        match shards {
            1..=MOST_SHARDS => Ok(Self { shards: shards as usize }),
            _ => Err(wire.fault(format!("{shards} data shards, expected 1 to {MOST_SHARDS}"))),
        }
    }
}

fn needed_version(bytes: &[u8]) -> Parse<u64> {
    let (mut wire, mut needs) = (Wire::new(bytes), 0);
    while let Some((number, field)) = wire.field()? {
        if let (2, Field::Varint(value)) = (number, field) {
            needs = value;
        }
    }
    Ok(needs)
}

/// An entry's type: one that is understood, or TensorFlow's number of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TfType(u64);

impl TfType {
    pub(crate) fn dtype(self) -> Result<DType, String> {
        Ok(match self.0 {
            1 => DType::F32,
            2 => DType::F64,
            3 => DType::I32,
            4 => DType::U8,
            5 => DType::I16,
            6 => DType::I8,
            7 => DType::String,
            9 => DType::I64,
            10 => DType::Bool,
            14 => DType::BF16,
            17 => DType::U16,
            19 => DType::F16,
            22 => DType::U32,
            23 => DType::U64,
            other => return Err(format!("TensorFlow's type {other} is not supported")),
        })
    }
}

/// Where a tensor, or a slice of one, lies and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub dtype: TfType,
    pub shape: Vec<usize>,
    pub shard: u64,
    pub offset: u64,
    pub size: u64,
    /// Masked CRC-32C of the bytes.
    pub crc: u32,
    /// The slices that make up a partitioned variable, which has no bytes of its own.
    pub slices: Vec<Slice>,
}

/// A box of a partitioned variable: per axis its start and length, `None` for the whole axis.
pub(crate) type Slice = Vec<(usize, Option<usize>)>;

impl Entry {
    pub(crate) fn parse(bytes: &[u8]) -> Parse<Self> {
        let mut wire = Wire::new(bytes);
        let (dtype, shape, slices) = (TfType(0), Vec::new(), Vec::new());
        let mut entry = Self { dtype, shape, shard: 0, offset: 0, size: 0, crc: 0, slices };
        while let Some((number, field)) = wire.field()? {
            match (number, field) {
                (1, Field::Varint(value)) => entry.dtype = TfType(value),
                (2, Field::Bytes(shape, at)) => {
                    entry.shape = parse_shape(shape).map_err(|f| f.shifted(at))?
                }
                (3, Field::Varint(value)) => entry.shard = value,
                (4, Field::Varint(value)) => entry.offset = value,
                (5, Field::Varint(value)) => entry.size = value,
                (6, Field::Fixed32(value)) => entry.crc = value,
                (7, Field::Bytes(slice, at)) => {
                    entry.slices.push(parse_slice(slice).map_err(|f| f.shifted(at))?);
                }
                (1..=7, _) => {
                    return Err(wire.fault(format!("field {number} of an entry has another wire type")));
                }
                _ => {}
            }
        }
        Ok(entry)
    }
}

fn parse_shape(bytes: &[u8]) -> Parse<Vec<usize>> {
    let (mut wire, mut shape) = (Wire::new(bytes), Vec::new());
    while let Some((number, field)) = wire.field()? {
        match (number, field) {
            (2, Field::Bytes(axis, at)) => {
                let size = parse_pair(axis).map_err(|f| f.shifted(at))?.0;
                shape.push(length(size.unwrap_or(0), at)?);
            }
            (3, Field::Varint(1..)) => return Err(wire.fault("a shape of unknown rank")),
            _ => {}
        }
        if shape.len() > HIGHEST_RANK {
            return Err(wire.fault(format!("a shape of more than {HIGHEST_RANK} axes")));
        }
    }
    Ok(shape)
}

fn parse_slice(bytes: &[u8]) -> Parse<Slice> {
    let (mut wire, mut slice) = (Wire::new(bytes), Vec::new());
    while let Some((number, field)) = wire.field()? {
        if let (1, Field::Bytes(extent, at)) = (number, field) {
            let (start, size) = parse_pair(extent).map_err(|f| f.shifted(at))?;
            slice.push((length(start.unwrap_or(0), at)?, size.map(|size| length(size, at)).transpose()?));
        }
        if slice.len() > HIGHEST_RANK {
            return Err(wire.fault(format!("a slice of more than {HIGHEST_RANK} axes")));
        }
    }
    Ok(slice)
}

/// The numbers in fields 1 and 2.
fn parse_pair(bytes: &[u8]) -> Parse<(Option<u64>, Option<u64>)> {
    let (mut wire, mut pair) = (Wire::new(bytes), (None, None));
    while let Some((number, field)) = wire.field()? {
        match (number, field) {
            (1, Field::Varint(value)) => pair.0 = Some(value),
            (2, Field::Varint(value)) => pair.1 = Some(value),
            _ => {}
        }
    }
    Ok(pair)
}

/// A length that a signed 64-bit number can hold; the format has negative ones for "unknown".
fn length(value: u64, at: usize) -> Parse<usize> {
    let fault = || Fault::new(at, format!("an axis of {} elements", value.cast_signed()));
    i64::try_from(value).ok().and_then(|value| usize::try_from(value).ok()).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorflow::writer;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_survive(
            shape in proptest::collection::vec(0u64..1 << 40, 0..6), shard in 0u64..9, offset: u64, size: u64, crc: u32,
            slices in proptest::collection::vec(proptest::collection::vec((0u64..99, 0u64..99), 0..4), 0..4),
        ) {
            let written = writer::Entry { dtype: 14, shape, shard, offset, size, crc, slices };
            let read = Entry::parse(&written.encode()).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
            prop_assert_eq!(read.dtype.dtype(), Ok(DType::BF16));
            prop_assert_eq!(read.shape, written.shape.iter().map(|&s| s as usize).collect::<Vec<_>>());
            prop_assert_eq!((read.shard, read.offset, read.size, read.crc), (shard, offset, size, crc));
            let slices: Vec<Slice> =
                written.slices.iter().map(|s| s.iter().map(|&(a, b)| (a as usize, Some(b as usize))).collect()).collect();
            prop_assert_eq!(read.slices, slices);
        }

        #[test]
        fn any_bytes_end_in_an_entry_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (Entry::parse(&bytes), Header::parse(&bytes));
        }
    }

    #[test]
    fn headers_are_checked() {
        assert_eq!(Header::parse(&writer::header(3)), Ok(Header { shards: 3 }));
        for shards in [0, 100_000, u64::MAX] {
            assert!(Header::parse(&writer::header(shards)).is_err(), "{shards}");
        }
        let mut big_endian = writer::header(1);
        writer::number(&mut big_endian, 2, 1);
        assert!(Header::parse(&big_endian).is_err());
        let (mut later, mut version) = (writer::header(1), Vec::new());
        writer::number(&mut version, 2, 2);
        writer::message(&mut later, 3, &version);
        assert!(Header::parse(&later).is_err());
    }
}

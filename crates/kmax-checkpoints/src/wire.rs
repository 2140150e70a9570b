//! Bytes, numbers, lines and protobuf fields, read in order with bounds checked.

use std::ops::Range;

use crate::error::{Fault, Parse};

/// A byte string and how far it has been read.
#[derive(Debug, Clone)]
pub(crate) struct Wire<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    at: usize,
}

/// The value of a protobuf field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    /// The bytes, and their offset in the message.
    Bytes(&'a [u8], usize),
}

impl<'a> Wire<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { all: bytes, rest: bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Bytes by their offset, read or not.
    pub(crate) fn seen(&self, range: Range<usize>) -> Option<&'a [u8]> {
        self.all.get(range)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault::new(self.at, reason)
    }

    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: u64) -> Parse<&'a [u8]> {
        let taken = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let Some((taken, rest)) = taken else {
            return Err(self.fault(format!("{length} bytes announced, {} left", self.rest.len())));
        };
        self.rest = rest;
        self.at += taken.len();
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Parse<[u8; N]> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.fault(format!("{N} bytes expected, {} left", self.rest.len())));
        };
        self.rest = rest;
        self.at += N;
        Ok(*taken)
    }

    /// A little-endian number of four bytes.
    pub(crate) fn fixed32(&mut self) -> Parse<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A little-endian number of eight bytes.
    pub(crate) fn fixed64(&mut self) -> Parse<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Parse<u8> {
        self.array().map(|[byte]| byte)
    }

    /// What comes before the next line feed, which is passed over.
    pub(crate) fn line(&mut self) -> Parse<&'a [u8]> {
        let length = self.rest.iter().position(|&byte| byte == b'\n');
        let length = length.ok_or_else(|| self.fault("a line without an end"))?;
        let line = self.bytes(length as u64)?;
        self.byte()?;
        Ok(line)
    }

    /// Seven bits a byte, lowest first, at most 64 in all.
    pub(crate) fn varint(&mut self) -> Parse<u64> {
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(self.fault("a varint of more than 64 bits"));
            }
            value |= bits << (7 * index);
            if byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(self.fault(if self.rest.len() < 10 {
            "a varint is cut off"
        } else {
            "a varint of more than ten bytes"
        }))
    }

    /// The next field of a protobuf message, with its number; `None` at the end.
    pub(crate) fn field(&mut self) -> Parse<Option<(u64, Field<'a>)>> {
        if self.is_empty() {
            return Ok(None);
        }
        let start = self.at;
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(self.fixed64()?),
            2 => {
                let length = self.varint()?;
                let offset = self.at;
                Field::Bytes(self.bytes(length)?, offset)
            }
            5 => Field::Fixed32(self.fixed32()?),
            other => return Err(Fault::new(start, format!("protobuf wire type {other}"))),
        };
        Ok(Some((tag >> 3, field)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorflow::writer::put_varint;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_survive(value: u64, tail in proptest::collection::vec(any::<u8>(), 0..4)) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let length = bytes.len();
            bytes.extend(&tail);
            let mut wire = Wire::new(&bytes);
            prop_assert_eq!(wire.varint(), Ok(value));
            prop_assert_eq!(wire.at(), length);
            prop_assert!(Wire::new(&bytes[..length - 1]).varint().is_err());
        }

        #[test]
        fn any_bytes_end_in_fields_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut wire = Wire::new(&bytes);
            while let Ok(Some(_)) = wire.field() {}
            prop_assert!(wire.at() <= bytes.len());
        }
    }

    #[test]
    fn overlong_varints_are_faults() {
        for bytes in
            [&[0xff; 11][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], &[0x80], &[]]
        {
            assert!(Wire::new(bytes).varint().is_err(), "{bytes:?}");
        }
    }
}

//! Flat lists of numbers and texts in JSON, nested or not, and their binary form.

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

/// The deepest nesting of a tensor's values.
const DEPTH: usize = 4;

/// The values of a tensor of bytes: numbers of 0 to 255, nested as the shape says or not; or texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    pub bytes: Vec<u8>,
    pub texts: Vec<String>,
}

impl<'de> serde::Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Self::default();
        List { values: &mut values, depth: DEPTH }.deserialize(deserializer)?;
        Ok(values)
    }
}

/// A list, or one of its items. No value is kept in any other form than its last.
struct List<'a> {
    values: &'a mut Values,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers of 0 to 255, or of texts")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let byte = u8::try_from(value).map_err(|_| E::custom(format!("{value} is no value of UINT8")))?;
        self.values.bytes.push(byte);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.values.texts.push(text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| A::Error::custom("nested too deeply"))?;
        while list.next_element_seed(List { values: self.values, depth })?.is_some() {}
        Ok(())
    }
}

/// The elements of a binary tensor of BYTES: each its length, four bytes, the lowest first, and that many.
pub(crate) fn elements(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        found.push(rest.get(..length)?);
        bytes = &rest[length..];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_be_nested() {
        let read = |text: &str| serde_json::from_str::<Values>(text);
        let flat = Values { bytes: vec![1, 2, 255], texts: vec![] };
        assert_eq!(read("[[[1], [2, 255]]]").expect("fine"), flat);
        assert_eq!(read("[\"a\"]").expect("fine").texts, ["a"]);
        for text in ["[256]", "[-1]", "[1.5]", "[null]", "{}", "[[[[[1]]]]]"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn elements_are_cut_by_their_lengths() {
        assert_eq!(elements(b"\x02\0\0\0ab\0\0\0\0"), Some(vec![&b"ab"[..], b""]));
        for bytes in [&b"\x02\0\0\0a"[..], b"\x02\0", b"\xff\xff\xff\xffab"] {
            assert_eq!(elements(bytes), None);
        }
    }
}

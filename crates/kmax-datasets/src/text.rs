//! Text as editors of any system save it.

use std::borrow::Cow;

/// The UTF-8 of a text file: a byte order mark is left out, and UTF-16 is told by its mark or by the zero beside its first
/// character, which in every form that is read here is an ASCII one. What is no valid text comes out as it is, for the
/// parser to refuse.
pub(crate) fn utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes).unwrap_or(Cow::Borrowed(bytes)),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes).unwrap_or(Cow::Borrowed(bytes)),
        [1..=0x7f, 0, ..] => from_utf16(bytes, u16::from_le_bytes).unwrap_or(Cow::Borrowed(bytes)),
        [0, 1..=0x7f, ..] => from_utf16(bytes, u16::from_be_bytes).unwrap_or(Cow::Borrowed(bytes)),
        _ => Cow::Borrowed(bytes),
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'static, [u8]>> {
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|&pair| unit(pair))).collect();
    text.ok().map(|text| Cow::Owned(text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_read() {
        let text = "{\"a\": \"ü😀\"}";
        let units = || text.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            [&[0xff, 0xfe], &little[..]].concat(),
            [&[0xfe, 0xff], &big[..]].concat(),
            little.clone(),
            big,
        ] {
            assert_eq!(utf8(&bytes), text.as_bytes());
        }
        for bytes in [&[][..], &[0xff, 0xfe, 0x7b], &[0xff, 0xfe, 0x00, 0xd8], &little[..5]] {
            assert_eq!(utf8(bytes), bytes);
        }
    }
}

//! Text as editors and tools of any system save it.

use std::borrow::Cow;
use std::io::{Error, ErrorKind, Result};

/// UTF-8's byte order mark.
pub(super) const UTF_8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// The text in the bytes of a file: UTF-8 or UTF-16, with a byte order mark, which is left out, or without. UTF-16 without one is
/// told by the zero beside its first character, which in JSON, TOML and lists is an ASCII one.
///
/// # Errors
/// `InvalidData` if it is text of neither; the message says what it was taken for and where that is wrong.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Err(invalid("is UTF-32, expected UTF-8 or UTF-16".into()))
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => from_utf8(rest, UTF_8_MARK.len()),
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes, 2),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes, 2),
        [1..=0x7f, 0, ..] => from_utf16(bytes, u16::from_le_bytes, 0),
        [0, 1..=0x7f, ..] => from_utf16(bytes, u16::from_be_bytes, 0),
        _ => from_utf8(bytes, 0),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidData, message)
}

/// `before` bytes stand before these.
fn from_utf8(bytes: &[u8], before: usize) -> Result<Cow<'_, str>> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
        invalid(format!(
            "is neither UTF-8 nor UTF-16: byte 0x{byte:02x} at {} (line {line}); save it as UTF-8",
            before + at
        ))
    })
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, before: usize) -> Result<Cow<'_, str>> {
    let wrong =
        |at: usize, what: &str| invalid(format!("is no whole UTF-16: {what} at byte {}", before + at));
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err(wrong(bytes.len() - 1, "half a character"));
    };
    let mut text = String::new();
    // Most is ASCII: half of the bytes. What is not grows it.
    text.try_reserve(units.len()).map_err(|error| Error::new(ErrorKind::OutOfMemory, error))?;
    let mut at = 0;
    for character in char::decode_utf16(units.iter().map(|&pair| unit(pair))) {
        let character = character.map_err(|_| wrong(at, "half of a pair"))?;
        at += 2 * character.len_utf16();
        text.push(character);
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_read() -> Result<()> {
        let text = "{\"a\": \"ü😀\"}";
        let units = || text.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [UTF_8_MARK, text.as_bytes()].concat(),
            [&[0xff, 0xfe], &little[..]].concat(),
            [&[0xfe, 0xff], &big[..]].concat(),
            little.clone(),
            big,
        ] {
            assert_eq!(decode(&bytes)?, text);
        }
        assert_eq!(decode(&[])?, "");
        Ok(())
    }

    #[test]
    fn what_is_no_text_is_named() {
        for (bytes, expected) in [
            (&b"a\n\xfcb"[..], "is neither UTF-8 nor UTF-16: byte 0xfc at 2 (line 2)"),
            (b"\xef\xbb\xbf\xfc", "byte 0xfc at 3 (line 1)"),
            (b"\xff\xfe{", "is no whole UTF-16: half a character at byte 2"),
            (b"\xff\xfe\0\xd8", "is no whole UTF-16: half of a pair at byte 2"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32"),
            (b"{\0\"", "half a character at byte 2"),
        ] {
            let message = decode(bytes).expect_err(expected).to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}

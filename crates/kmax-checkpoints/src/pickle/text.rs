//! The text forms of protocol 0: quoted strings, escaped Unicode, decimal numbers.

/// A decimal integer of a line, with or without Python 2's `L`; `None` if it is none or too large.
pub(crate) fn integer(line: &[u8]) -> Option<i64> {
    str::from_utf8(line).ok()?.trim().trim_end_matches('L').parse().ok()
}

/// Whether a line is a decimal integer, of any size.
pub(crate) fn is_integer(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"L").unwrap_or(line);
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// The bytes of a Python 2 string written as source code, quotes included.
pub(crate) fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let (&quote, rest) = line.split_first()?;
    let (&end, inner) = rest.split_last()?;
    if quote != end || !matches!(quote, b'\'' | b'"') {
        return None;
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(inner.len()), inner);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first()?;
        rest = after;
        bytes.push(match escape {
            b'\\' | b'\'' | b'"' => escape,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'x' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::try_from(hexadecimal(digits)?).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

/// The UTF-8 of a string in Python's raw Unicode escape: Latin-1 but for `\uXXXX` and `\UXXXXXXXX`.
pub(crate) fn raw_unicode(line: &[u8]) -> Option<Vec<u8>> {
    let (mut text, mut rest) = (String::with_capacity(line.len()), line);
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match after.first() {
            Some(b'u') if byte == b'\\' => 4,
            Some(b'U') if byte == b'\\' => 8,
            _ => {
                text.push(char::from(byte));
                rest = after;
                continue;
            }
        };
        let (code, after) = after.get(1..)?.split_at_checked(digits)?;
        text.push(char::from_u32(hexadecimal(code)?)?);
        rest = after;
    }
    Some(text.into_bytes())
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_are_decoded() {
        assert_eq!(integer(b"-12L"), Some(-12));
        assert_eq!(integer(b"119547037146038801333356L"), None);
        assert!(is_integer(b"119547037146038801333356L") && !is_integer(b"L") && !is_integer(b"1.5"));
        assert_eq!(quoted(br"'a\x00\n\'b'"), Some(b"a\0\n'b".to_vec()));
        assert_eq!(quoted(b"\"it's\""), Some(b"it's".to_vec()));
        for bad in [&b"'"[..], b"", b"'a", b"'a\"", br"'\x0'", br"'\q'", br"'\'", b"abc"] {
            assert_eq!(quoted(bad), None, "{}", bad.escape_ascii());
        }
        assert_eq!(raw_unicode(b"a\xe9\\u00e9\\U0001F600\\n"), Some("aéé😀\\n".as_bytes().to_vec()));
        for bad in [&br"\u00e"[..], br"\ud800", br"\U00110000", br"\u00zz"] {
            assert_eq!(raw_unicode(bad), None, "{}", bad.escape_ascii());
        }
    }
}

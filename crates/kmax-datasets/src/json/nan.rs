//! `NaN`, `Infinity` and `-Infinity`, which Python writes into JSON and JSON does not have.

/// What Python writes.
const TOKENS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// The text with an empty object of the same length in place of each: that is a value, and no number, text or list. `None` if there
/// is none outside of strings.
pub(super) fn replaced(text: &str) -> Option<String> {
    let mut plain: Option<Vec<u8>> = None;
    let bytes = text.as_bytes();
    let (mut at, mut in_string) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => in_string = !in_string,
            // What it escapes ends no string.
            b'\\' if in_string => at += 1,
            b'N' | b'I' | b'-' if !in_string => {
                if let Some(token) = token_at(text, at) {
                    let plain = plain.get_or_insert_with(|| bytes.to_vec());
                    let last = at + token.len() - 1;
                    plain[at..=last].fill(b' ');
                    (plain[at], plain[last]) = (b'{', b'}');
                    at = last;
                }
            }
            _ => {}
        }
        at += 1;
    }
    plain.and_then(|plain| String::from_utf8(plain).ok())
}

fn token_at(text: &str, at: usize) -> Option<&'static str> {
    TOKENS.into_iter().find(|token| text.as_bytes()[at..].starts_with(token.as_bytes()))
}

/// What to say of an error of the parser, if it stands where the original text has such a token.
pub(super) fn named(text: &str, error: &serde_json::Error) -> Option<String> {
    let line_start = match error.line().checked_sub(2) {
        None => 0,
        Some(ends) => text.match_indices('\n').nth(ends)?.0 + 1,
    };
    // The parser stands before the value, or within it.
    let end = line_start + error.column();
    let longest = TOKENS.iter().map(|token| token.len()).max().unwrap_or(0);
    let mut before = (end.saturating_sub(longest).max(line_start)..=end.min(text.len())).rev();
    let (at, token) = before.find_map(|at| Some((at, token_at(text, at)?)))?;
    // `Infinity` is the end of `-Infinity`.
    let negative = token == "Infinity" && text[..at].ends_with('-');
    let sign = if negative { "-" } else { "" };
    let column = at + 1 - usize::from(negative) - line_start;
    (at + token.len() >= end)
        .then(|| format!("{sign}{token} cannot stand here, at line {} column {column}", error.line()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_keep_theirs() {
        let text = r#"{"NaN": [NaN, -Infinity, Infinity, -1], "a\\": NaN, "\"NaN": "-Infinity"}"#;
        let plain = r#"{"NaN": [{ }, {       }, {      }, -1], "a\\": { }, "\"NaN": "-Infinity"}"#;
        assert_eq!(replaced(text).as_deref(), Some(plain));
        assert_eq!(replaced(plain), None);
        assert!(serde_json::from_str::<serde_json::Value>(plain).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[NaInfity\"\\\\{}:, \n-]{0,40}") {
            let plain = replaced(&text).unwrap_or_else(|| text.clone());
            prop_assert_eq!(plain.len(), text.len());
            if let Err(error) = serde_json::from_str::<Vec<u32>>(&plain) {
                let _ = named(&text, &error);
            }
        }
    }
}

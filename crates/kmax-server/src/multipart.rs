//! Forms with files (`multipart/form-data`, RFC 7578), of a body that is there as a whole.

use crate::problem::Problem;
use axum::body::Bytes;
use kmax_base::ErrorKind;

/// The most parts of a form.
const PARTS: usize = 1_000;
/// The most bytes of a part's headers.
const HEADERS: usize = 16 << 10;
/// The most characters of a boundary, by RFC 2046.
const BOUNDARY: usize = 70;

/// A part of a form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// The field's name.
    pub name: String,
    /// What the file is called, if it is one.
    pub file: Option<String>,
    /// Shares the memory of the body.
    pub bytes: Bytes,
}

/// Whether a body of that type is a form with files.
pub(crate) fn is_form(media_type: &str) -> bool {
    essence(media_type).eq_ignore_ascii_case("multipart/form-data")
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or("").trim()
}

/// The parts of a form.
///
/// # Errors
/// If it is none, or cut off.
pub(crate) fn parts(media_type: &str, body: &Bytes) -> Result<Vec<Part>, Problem> {
    let boundary = parameters(media_type).into_iter().find(|(name, _)| name == "boundary");
    let Some((_, boundary)) = boundary.filter(|(_, text)| (1..=BOUNDARY).contains(&text.len())) else {
        return Err(Problem::invalid("the form's Content-Type has no boundary of 1 to 70 characters"));
    };
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    let finder = memchr::memmem::Finder::new(&delimiter);
    // The first delimiter may begin the body, without a line before it.
    let mut at = if body.starts_with(&delimiter[2..]) {
        delimiter.len() - 2
    } else {
        finder.find(body).ok_or_else(|| damaged("it does not begin"))? + delimiter.len()
    };
    let mut parts = Vec::new();
    loop {
        if body[at..].starts_with(b"--") {
            return Ok(parts);
        }
        // Blanks may follow the boundary.
        let line = body[at..].iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(0);
        if !body[at + line..].starts_with(b"\r\n") {
            return Err(damaged("a boundary is not the end of its line"));
        }
        at += line;
        let length = finder.find(&body[at + 2..]).ok_or_else(|| damaged("it is cut off"))?;
        parts.push(part(&body.slice(at..at + 2 + length))?);
        if parts.len() > PARTS {
            return Err(Problem::too_large(format!("a form of more than {PARTS} parts is not read")));
        }
        at += 2 + length + delimiter.len();
    }
}

/// A part, from the end of the line of its boundary.
fn part(bytes: &Bytes) -> Result<Part, Problem> {
    let head = &bytes[..bytes.len().min(HEADERS)];
    let end =
        memchr::memmem::find(head, b"\r\n\r\n").ok_or_else(|| damaged("a part has no end of its headers"))?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let disposition = head.split("\r\n").filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value.trim())
    });
    let Some(disposition) = disposition.filter(|value| essence(value).eq_ignore_ascii_case("form-data"))
    else {
        return Err(damaged("a part is no form-data"));
    };
    let parameters = parameters(disposition);
    let find =
        |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let name = find("name").ok_or_else(|| damaged("a part has no name"))?;
    Ok(Part { name, file: find("filename"), bytes: bytes.slice(end + 4..) })
}

fn damaged(reason: &str) -> Problem {
    Problem::of(ErrorKind::Damaged, format!("damaged form: {reason}"))
}

/// The parameters after the first `;`: names in lower case, values without their quotes.
fn parameters(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', '\t', ';']).to_ascii_lowercase();
        let after = after.trim_start();
        let (text, left) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (text, left) = after.split_once(';').unwrap_or((after, ""));
                (text.trim().to_owned(), left)
            }
        };
        found.push((name, text));
        rest = left;
    }
    found
}

/// What stands before the closing quote, and what follows it. Browsers write a quote as `%22`, others as `\"`.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            // A path of Windows has backslashes that quote nothing.
            '\\' if text[at + 1..].starts_with(['"', '\\']) => {
                value.extend(characters.next().map(|(_, quoted)| quoted));
            }
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"-a b\"";

    fn parsed(body: &str) -> Result<Vec<Part>, Problem> {
        parts(TYPE, &Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn parts_have_names_and_bytes() {
        let body = "before\r\n---a b \r\nContent-Type: image/png\r\ncontent-disposition: form-data; name=image; filename=\"a \\\"b\\\";c.png\"\r\n\r\n\
                    \r\n--\r\n\r\n---a b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n---a b--\r\nafter";
        let found = parsed(body).expect("a form");
        assert_eq!(
            (found[0].name.as_str(), found[0].file.as_deref(), &found[0].bytes[..]),
            ("image", Some("a \"b\";c.png"), &b"\r\n--\r\n"[..])
        );
        assert_eq!((found[1].name.as_str(), found[1].file.as_deref(), found[1].bytes.len()), ("x", None, 0));
        assert_eq!(found.len(), 2);
        assert_eq!(parsed("---a b--"), Ok(vec![]));
    }

    #[test]
    fn what_is_cut_off_or_no_form_is_refused() {
        let whole = "---a b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nvalue\r\n---a b--";
        assert!(parsed(whole).is_ok());
        for end in 0..whole.len() {
            assert!(parsed(&whole[..end]).is_err(), "{end}");
        }
        for (body, reason) in [
            ("---a b\r\n\r\nvalue\r\n---a b--", "no form-data"),
            ("---a b\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n---a b--", "no name"),
            ("---a bc\r\n", "end of its line"),
        ] {
            let detail = parsed(body).expect_err(reason).detail;
            assert!(detail.contains(reason), "{detail}");
        }
        for media_type in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\""]
        {
            assert_eq!(parts(media_type, &Bytes::new()).expect_err("no boundary").status(), 400);
        }
    }
}

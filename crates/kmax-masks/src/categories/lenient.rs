//! Fields of a class that little depends on, in whatever form other tools write them.

use serde::{Deserialize, Deserializer};

use crate::fields::Any;

/// A colour: `[r, g, b]`, `[r, g, b, a]` or `"#rrggbb"`; black in any other form.
pub(super) fn color<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 3], D::Error> {
    let any = Any::deserialize(deserializer)?;
    Ok(match &any {
        Any::Text(text) => from_hex(text),
        _ => any.numbers(4).and_then(from_numbers),
    }
    .unwrap_or_default())
}

/// A text, or none.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Any::deserialize(deserializer)? {
        Any::Text(text) => Some(text),
        _ => None,
    })
}

fn from_numbers(channels: [f64; 3]) -> Option<[u8; 3]> {
    let fit = channels.iter().all(|value| (0.0..=255.0).contains(value));
    fit.then(|| channels.map(|value| value as u8))
}

fn from_hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    if !matches!(digits.len(), 6 | 8) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([channel(0)?, channel(2)?, channel(4)?])
}

#[cfg(test)]
mod tests {
    use crate::categories::Category;

    #[test]
    fn any_form_is_read() {
        for (json, color, group) in [
            (r#""color": [1, 2, 3], "supercategory": "a""#, [1, 2, 3], Some("a")),
            (r#""color": [1, 2, 3, 255], "supercategory": null"#, [1, 2, 3], None),
            (r##""color": "#0A0b0c", "supercategory": 7"##, [10, 11, 12], None),
            (r##""color": "#0A0b0cff", "supercategory": ["a"]"##, [10, 11, 12], None),
            (r#""color": [0.5, 2.0, 300]"#, [0; 3], None),
            (r#""color": [1, 2]"#, [0; 3], None),
            (r##""color": "#0A0b0""##, [0; 3], None),
            (r#""color": "red""#, [0; 3], None),
            (r#""color": null"#, [0; 3], None),
            (r#""color": {"r": 1}"#, [0; 3], None),
        ] {
            let text = format!(r#"{{"id": 3, "name": "shirt", {json}}}"#);
            let category: Category = serde_json::from_str(&text).expect(json);
            assert_eq!((category.color, category.supercategory.as_deref()), (color, group), "{json}");
        }
    }
}

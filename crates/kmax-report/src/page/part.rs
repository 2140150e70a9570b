//! Parts that several pages have.

use super::html::Html;

/// The most letters of a name or a reason that comes from a file.
const LETTERS: usize = 400;

/// Cards with one number each: what it is, the number, a word on it.
pub fn tiles(tiles: &[(&str, String, String)]) -> Html {
    let tile = |(label, value, note): &(&str, String, String)| {
        let mut tile = Html::of_class("dt", "label", *label);
        tile.push(Html::of_class("dd", "value", value.as_str()));
        if !note.is_empty() {
            tile.push(Html::of_class("dd", "note", note.as_str()));
        }
        Html::of_class("div", "tile", tile)
    };
    Html::of_class("dl", "tiles", tiles.iter().map(tile).collect::<Html>())
}

/// A box with something that should be looked at: a headline and a list of details.
pub fn warning(headline: &str, details: &[String]) -> Html {
    let mut inner = Html::element("strong", &[], headline);
    if !details.is_empty() {
        let items = details.iter().map(|detail| Html::element("li", &[], detail.as_str()));
        inner.push(Html::element("ul", &[], items.collect::<Html>()));
    }
    Html::element("div", &[("class", "warning"), ("role", "note")], inner)
}

/// A paragraph in the background.
pub fn note(text: impl Into<Html>) -> Html {
    Html::of_class("p", "note", text)
}

/// A share of 1 as a bar, drawn behind its number.
pub fn bar(share: f64, text: &str) -> Html {
    let width = format!("width:{:.1}%", 100.0 * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 });
    let fill = Html::element("span", &[("class", "fill"), ("style", &width)], "");
    let track = Html::of_class("span", "track", fill);
    Html::of_class("span", "bar", track.with(Html::of_class("span", "of", text)))
}

/// A text that does not grow the page without bound: its first letters.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
    }
}

/// A dot in a colour.
pub fn dot([red, green, blue]: [u8; 3]) -> Html {
    Html::element(
        "span",
        &[("class", "dot"), ("style", &format!("background:rgb({red},{green},{blue})"))],
        "",
    )
}

/// A small label.
pub fn chip(text: &str) -> Html {
    Html::of_class("span", "chip", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters() {
        assert_eq!(shortened("caf\u{e9}"), "caf\u{e9}");
        let long = shortened(&"\u{e9}".repeat(1_000_000));
        assert_eq!(long.chars().count(), LETTERS + 1);
    }

    #[test]
    fn bars_stay_within_their_track() {
        for (share, width) in [(-1.0, "0.0"), (0.25, "25.0"), (7.0, "100.0"), (f64::NAN, "0.0")] {
            assert!(bar(share, "x").into_string().contains(&format!("width:{width}%")));
        }
    }
}

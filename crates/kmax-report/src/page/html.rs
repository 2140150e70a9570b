//! Markup whose text cannot be taken for markup.

use kmax_metrics::render::escaped;

/// A piece of a page. Whatever is made from a string is text: only literals of this crate are markup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Markup as it stands in the source of this crate.
    pub fn raw(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// An element with attributes around its content.
    pub fn element(
        name: &'static str,
        attributes: &[(&'static str, &str)],
        content: impl Into<Self>,
    ) -> Self {
        let mut element = Self::void(name, attributes);
        element.push(content);
        element.0.push_str("</");
        element.0.push_str(name);
        element.0.push('>');
        element
    }

    /// An element of a class.
    pub fn of_class(name: &'static str, class: &'static str, content: impl Into<Self>) -> Self {
        Self::element(name, &[("class", class)], content)
    }

    /// An element that has no end, such as `img`.
    pub fn void(name: &'static str, attributes: &[(&'static str, &str)]) -> Self {
        let mut out = format!("<{name}");
        for (key, value) in attributes {
            out.push(' ');
            out.push_str(key);
            out.push_str("=\"");
            escape(&mut out, value);
            out.push('"');
        }
        out.push('>');
        Self(out)
    }

    /// Adds a piece, or text.
    pub fn push(&mut self, part: impl Into<Self>) {
        self.0.push_str(&part.into().0);
    }

    /// The same with a piece, or text, at its end.
    pub fn with(mut self, part: impl Into<Self>) -> Self {
        self.push(part);
        self
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The markup.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<&str> for Html {
    fn from(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        escape(&mut out, text);
        Self(out)
    }
}

impl From<String> for Html {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl<T: Into<Html>> FromIterator<T> for Html {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        parts.into_iter().fold(Self::new(), Self::with)
    }
}

/// Text for content and attributes alike. Controls, which HTML does not allow, become the sign of an unknown character.
fn escape(out: &mut String, text: &str) {
    let shown = |character: char| match character {
        // A script that runs from right to left could else reorder what stands around it.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other if other.is_control() && !matches!(other, '\n' | '\t') => '\u{fffd}',
        other => other,
    };
    out.push_str(&escaped(&text.chars().map(shown).collect::<String>()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped_once() {
        let inner = Html::of_class("b", "x", "a < b & \"c\"");
        let html = Html::element("p", &[("title", "\"><img>")], inner);
        let expected =
            "<p title=\"&quot;&gt;&lt;img&gt;\"><b class=\"x\">a &lt; b &amp; &quot;c&quot;</b></p>";
        assert_eq!(html.into_string(), expected);
    }

    #[test]
    fn controls_are_shown_as_unknown() {
        assert_eq!(Html::from("a\0b\u{202e}c\nd").into_string(), "a\u{fffd}b\u{fffd}c\nd");
    }
}

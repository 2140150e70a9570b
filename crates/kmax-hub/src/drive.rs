//! Google Drive: a public file's address, and the page that stands before a large one.
//!
//! A file that is too large to be scanned for viruses is not sent at once. A page asks for confirmation, in a form whose hidden fields
//! are the parameters of the real address.

use crate::transport::{encode, resolve};

/// Hosts of the service.
pub(crate) const HOSTS: [&str; 3] = ["drive.google.com", "drive.usercontent.google.com", "docs.google.com"];

/// Address at which a public file is asked for by its id.
pub(crate) fn address(id: &str) -> String {
    format!("https://drive.google.com/uc?export=download&id={id}")
}

/// What a page in place of a file means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The file's address after confirmation.
    Confirm(String),
    /// Too many people have fetched the file lately.
    Quota,
    /// Anything else, by its title.
    Other(String),
}

impl Page {
    /// Reads a page; `url` is where it stood.
    pub fn of(html: &str, url: &str) -> Self {
        if let Some(address) = form(html).or_else(|| link(html)).and_then(|address| resolve(url, &address)) {
            return Self::Confirm(address);
        }
        let lower = html.to_ascii_lowercase();
        if lower.contains("quota exceeded") || lower.contains("too many users have viewed or downloaded") {
            return Self::Quota;
        }
        let title = lower.find("<title>").and_then(|start| html.get(start + 7..)?.split('<').next());
        Self::Other(title.unwrap_or("a page without a title").trim().chars().take(80).collect())
    }
}

/// The form `download-form`: its action with its hidden fields.
fn form(html: &str) -> Option<String> {
    let form =
        tags(html, "form").find(|(tag, _)| attribute(tag, "id").as_deref() == Some("download-form"))?;
    let action = attribute(form.0, "action")?;
    let inside = form.1.split("</form").next()?;
    let mut separator = if action.contains('?') { '&' } else { '?' };
    let mut address = action;
    for (tag, _) in tags(inside, "input") {
        if let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) {
            address += &format!("{separator}{}={}", encode(&name), encode(&value));
            separator = '&';
        }
    }
    Some(address)
}

/// The link of older pages: `/uc?export=download&confirm=…`.
fn link(html: &str) -> Option<String> {
    let links = tags(html, "a").filter_map(|(tag, _)| attribute(tag, "href"));
    links.into_iter().find(|address| address.contains("export=download") && address.contains("confirm="))
}

/// The tags of a name, each with the text behind it.
fn tags<'a>(html: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    html.match_indices('<').filter_map(move |(start, _)| {
        let inside = html.get(start + 1..)?;
        let begins = inside.get(..name.len())?.eq_ignore_ascii_case(name);
        let rest = inside.get(name.len()..)?;
        let (tag, behind) = rest.split_once('>')?;
        (begins && tag.starts_with(|c: char| c.is_whitespace())).then_some((tag, behind))
    })
}

/// The value of an attribute in quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        let (before, behind) = rest.split_once('=')?;
        let quote = behind.trim_start().chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = behind.trim_start().get(1..)?.split_once(quote)?;
        if before.trim().rsplit(char::is_whitespace).next()?.eq_ignore_ascii_case(name) {
            return Some(value.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"));
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_gives_the_address() {
        let html = r#"<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
            <form id="search" action="/search"><input type="hidden" name="q" value="x"></form>
            <form id="download-form" action="https://drive.usercontent.google.com/download" method="get">
            <input type="submit" id="uc-download-link" value="Download anyway"/>
            <input type="hidden" name="id" value="1abc"><input type="hidden" name="export" value="download">
            <input type='hidden' name='confirm' value='t'><input type="hidden" name="uuid" value="a&amp;b c"></form>
            <input type="hidden" name="other" value="1"></body></html>"#;
        let expected =
            "https://drive.usercontent.google.com/download?id=1abc&export=download&confirm=t&uuid=a%26b%20c";
        assert_eq!(Page::of(html, "https://drive.google.com/uc?id=1abc"), Page::Confirm(expected.into()));
    }

    #[test]
    fn older_pages_have_a_link() {
        let html = r#"<a href="/help">?</a><a id="uc-download-link" href="/uc?export=download&amp;confirm=No3L&amp;id=1">x</a>"#;
        let expected = "https://drive.google.com/uc?export=download&confirm=No3L&id=1";
        assert_eq!(Page::of(html, "https://drive.google.com/uc?id=1"), Page::Confirm(expected.into()));
    }

    #[test]
    fn other_pages_are_told_apart() {
        let quota = "<title>Google Drive - Quota exceeded</title>";
        assert_eq!(Page::of(quota, "u"), Page::Quota);
        assert_eq!(Page::of("<title>Sign in</title>", "u"), Page::Other("Sign in".into()));
        for nonsense in
            ["", "<", "<form", "<form id=", "<form id=\"download-form\">", "<a href='", "<title>ä"]
        {
            assert!(matches!(Page::of(nonsense, "u"), Page::Other(_)), "{nonsense}");
        }
    }
}

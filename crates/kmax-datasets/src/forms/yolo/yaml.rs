//! The small part of YAML that settings of datasets are written in.

use std::path::Path;

use yaml_rust2::parser::{Event, Parser};

use super::super::text;
use crate::error::{Error, Result};

/// How deep lists and maps may stand in each other.
const MAX_DEPTH: usize = 16;

/// A value. What YAML would take for a number or a truth value is a text, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(known, _)| known == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads the first document of a file.
///
/// # Errors
/// If it cannot be read, is too large or no YAML, or has anchors.
pub(super) fn read(file: &Path) -> Result<Node> {
    let text = text::table(file)?;
    parse(&text).map_err(|(line, reason)| Error::entry(file, format!("line {line}"), reason))
}

/// A list or a map that is not at its end.
enum Open {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Vec<(String, Node)>, Option<String>),
}

fn parse(text: &str) -> std::result::Result<Node, (usize, String)> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (event, mark) =
            parser.next_token().map_err(|error| (error.marker().line(), error.info().to_owned()))?;
        let fail = |reason: &str| (mark.line(), reason.to_owned());
        let whole = match event {
            Event::Scalar(text, ..) => Node::Text(text),
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == MAX_DEPTH => {
                return Err(fail("is nested too deeply"));
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Node::List(list),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => return Err(fail("an end without a beginning")),
            },
            Event::Alias(_) => return Err(fail("aliases (`*name`) are not read")),
            Event::DocumentEnd | Event::StreamEnd => return Ok(Node::Map(Vec::new())),
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(whole),
            Some(Open::List(list)) => list.push(whole),
            Some(Open::Map(entries, key)) => match key.take() {
                Some(key) => entries.push((key, whole)),
                None => match whole {
                    Node::Text(text) => *key = Some(text),
                    _ => return Err(fail("a key is no text")),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_maps_and_texts_are_read() {
        let text = "# data\r\npath: ../x\r\nnames:\r\n  0: 'no'\r\n  1: yes\r\nlist: [a, \"b c\"]\r\n";
        let root = parse(text).expect("read");
        assert_eq!(root.get("path").and_then(Node::text), Some("../x"));
        assert_eq!(root.get("names").and_then(|names| names.get("1")), Some(&Node::Text("yes".into())));
        assert_eq!(
            root.get("list"),
            Some(&Node::List(vec![Node::Text("a".into()), Node::Text("b c".into())]))
        );
        assert_eq!(parse(""), Ok(Node::Map(Vec::new())));
    }

    #[test]
    fn what_could_grow_without_end_is_refused() {
        let said = |text: &str| parse(text).expect_err("refused");
        assert_eq!(said("a: &x [1]\nb: [*x, *x]\n"), (2, "aliases (`*name`) are not read".into()));
        // Brackets are counted by the parser itself.
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(said(&"- ".repeat(100_000)).1.contains("nested"));
        assert_eq!(said("a: [1\nb: }").0, 2);
        for odd in ["? [a]\n: b", ": :", "---\n...", "a: b\n c: d", "\u{0}", "%x"] {
            let _ = parse(odd);
        }
    }
}

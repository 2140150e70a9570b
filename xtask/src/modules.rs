//! Arrows between the modules of one crate: none runs back up through `lib.rs`, and none makes a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Sources by their path below `src`, with `/`.
pub type Sources = BTreeMap<String, String>;

/// Reads every Rust file below a folder.
pub fn sources(folder: &Path) -> std::io::Result<Sources> {
    fn walk(folder: &Path, prefix: &str, found: &mut Sources) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                walk(&path, &format!("{prefix}{name}/"), found)?;
            } else if name.ends_with(".rs") {
                found.insert(format!("{prefix}{name}"), std::fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }
    let mut found = Sources::new();
    walk(folder, "", &mut found)?;
    Ok(found)
}

/// What is wrong with the arrows of a crate, given its sources. Unit tests may look anywhere.
pub fn faults(sources: &Sources) -> Vec<String> {
    let Some(root) = sources.get("lib.rs") else { return Vec::new() };
    let modules: BTreeSet<&str> = root.lines().filter_map(declared).collect();
    let mut faults = Vec::new();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, text) in sources.iter().filter(|(file, _)| !is_test(file)) {
        let own = top(file);
        for line in without_tests(text) {
            for name in named(line, file) {
                match modules.get(name) {
                    Some(other) if *other != own => {
                        arrows.entry(own).or_default().insert(other);
                    }
                    Some(_) => {}
                    None if own != "lib" => {
                        faults.push(format!("{file} takes `{name}` from lib.rs: name its module"));
                    }
                    None => {}
                }
            }
        }
    }
    for module in &modules {
        if let Some(way) = way(&arrows, module, module) {
            faults.push(format!("modules in a circle: {}", way.join(" -> ")));
            break;
        }
    }
    faults.dedup();
    faults
}

/// The name of a module that a line of `lib.rs` declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

pub fn is_test(file: &str) -> bool {
    file.split('/').any(|part| matches!(part.trim_end_matches(".rs"), "tests" | "testing" | "twins"))
}

/// The module of `lib.rs` that a file belongs to.
fn top(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// Lines before the unit tests, comments left out.
pub fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]" && *line != "mod tests {")
        .map(|line| line.split("//").next().unwrap_or_default())
}

/// First names behind `crate::`, and behind `super::` in a file whose parent is `lib.rs`.
fn named<'a>(line: &'a str, file: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut roots = vec!["crate::"];
    if !file.contains('/') && file != "lib.rs" {
        roots.push("super::");
    }
    for root in roots {
        for (at, _) in line.match_indices(root) {
            if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == ':') {
                continue;
            }
            let rest = &line[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(first_names(list)),
                None => found.extend(first_names(rest).into_iter().take(1)),
            }
        }
    }
    found
}

/// The first name of each part of a list `a::b, C, d::{e, f}}`.
fn first_names(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut found = Vec::new();
    let mut start = true;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && (c.is_alphabetic() || c == '_') => {
                let rest = &list[at..];
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                found.push(&rest[..end]);
                start = false;
            }
            c if !c.is_whitespace() => start = false,
            _ => {}
        }
    }
    found
}

/// A way along the arrows from one module to another, both ends named.
fn way<'a>(
    arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    from: &'a str,
    to: &'a str,
) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut open = vec![vec![from]];
    while let Some(path) = open.pop() {
        let last = path.last().copied().unwrap_or(from);
        for next in arrows.get(last).into_iter().flatten() {
            let longer: Vec<_> = path.iter().copied().chain([*next]).collect();
            if *next == to {
                return Some(longer);
            }
            if seen.insert(*next) {
                open.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> Sources {
        files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
    }

    #[test]
    fn arrows_in_one_direction_are_fine() {
        let sources = crate_of(&[
            ("lib.rs", "mod a;\npub mod b;\npub use a::A;\n"),
            ("a.rs", "use crate::b::{B, c::D};\n#[cfg(test)]\nmod tests {\n    use crate::A;\n}\n"),
            ("b/mod.rs", "use super::x;\n// crate::A\n"),
        ]);
        assert_eq!(faults(&sources), [] as [String; 0]);
    }

    #[test]
    fn ways_through_the_root_and_circles_are_faults() {
        let sources = crate_of(&[
            ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\n"),
            ("a.rs", "use crate::b::B;\n"),
            ("b.rs", "use super::c;\n"),
            ("c.rs", "use crate::{A, a::A as Other};\n"),
        ]);
        let faults = faults(&sources);
        assert!(faults.iter().any(|f| f.contains("c.rs takes `A`")), "{faults:?}");
        assert!(faults.iter().any(|f| f.contains("circle: a -> b -> c -> a")), "{faults:?}");
    }
}

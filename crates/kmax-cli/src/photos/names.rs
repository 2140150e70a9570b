//! What the results of photos are called.

use super::ids::Ids;
use super::{Input, Named};
use kmax_masks::ImageId;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What standard input is called, and its results.
const STDIN: &str = "stdin";

/// Gives each photo a name of its own and an id. With `ids`, the second photo of a name is refused.
pub fn named(files: Vec<Named>, ids: Option<&Ids>) -> Vec<Input> {
    // Letters of either case are one on many file systems.
    let files = files.into_iter().map(|mut named| {
        let stdin = named.file.as_os_str() == "-";
        if stdin {
            named.file = STDIN.into();
        }
        (named, stdin)
    });
    let files: Vec<(Named, bool)> = files.collect();
    let stem = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stems: HashSet<String> = files.iter().map(|(named, _)| stem(&named.file).to_lowercase()).collect();
    let mut taken: HashMap<String, PathBuf> = HashMap::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut used: HashSet<ImageId> = HashSet::new();
    let mut inputs = Vec::with_capacity(files.len());
    for (at, (Named { file, id: said, url, stamp }, stdin)) in files.into_iter().enumerate() {
        let stem = stem(&file);
        let (mut name, mut note) = (stem.clone(), None);
        if let Some(other) = taken.get(&name.to_lowercase()) {
            let other = other.display().to_string();
            let free = |name: &String| {
                let name = name.to_lowercase();
                !taken.contains_key(&name) && !stems.contains(&name)
            };
            // Beyond the last one that was given: a list may name one photo a million times.
            let next = numbers.entry(stem.to_lowercase()).or_insert(2);
            name = (*next..).map(|n| format!("{stem}-{n}")).find(free).unwrap_or(name);
            *next += 1;
            note = Some(format!(
                "results of {} are called {name}, as {other} has the name {stem}",
                file.display()
            ));
        }
        taken.insert(name.to_lowercase(), file.clone());
        let file_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = match said {
            Some(id) => Some(Some(id)),
            None => ids.map(|ids| ids.get(&file_name).cloned()),
        };
        let refused = match &known {
            Some(None) => Some("no image of that name in the list of ids"),
            Some(Some(id)) if !used.insert(id.clone()) => Some("its id went to another photo of that name"),
            _ => None,
        };
        let refused = refused.map(|reason| format!("{}: {reason}", file.display()));
        let id = known.flatten().unwrap_or(ImageId::Number(at as i64 + 1));
        let stamp = stamp.map(OnceLock::from).unwrap_or_default();
        inputs.push(Input { file, url, stamp, stdin, name, id, note, refused });
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_photos_share_a_name() {
        let files = ["a.jpg", "b/a.png", "A.webp", "a-2.jpg", "c.jpg"].map(PathBuf::from);
        let inputs = named(files.map(Named::from).to_vec(), None);
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(names, ["a", "a-3", "A-4", "a-2", "c"]);
        assert!(
            inputs[1].note.as_ref().is_some_and(|note| note.contains("b/a.png") && note.contains("a.jpg"))
        );
        assert_eq!((inputs[0].note.as_ref(), &inputs[4].id), (None, &5.into()));
        // In a second, and not in an hour.
        let inputs = named(vec![Named::from(PathBuf::from("a.jpg")); 200_000], None);
        assert_eq!(inputs[199_999].name, "a-200000");
    }
}

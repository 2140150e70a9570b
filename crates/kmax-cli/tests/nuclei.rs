//! The built-in model of cell nuclei, on an image that it did not learn from.

#![cfg(feature = "builtin")]

mod support;

use serde_json::Value;
use support::kmax;

/// Nuclei that people outlined in `docs/images/nuclei.png`, slivers at its borders included. 44 were found when this was written.
const NUCLEI: usize = 50;

#[test]
fn nuclei_are_found_in_tiles_by_themselves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/nuclei.png");
    let run = kmax(folder.path(), "segment", &[image, "--model", "kmax-nuclei", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("tiles"), "{}", run.err);
    let line: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!((line["width"].as_u64(), line["height"].as_u64()), (Some(696), Some(520)));
    let segments = line["segments"].as_array().expect("a list");
    let found = segments.iter().filter(|segment| segment["name"] == "nucleus").count();
    assert!(found.abs_diff(NUCLEI) <= NUCLEI / 6, "{found} nuclei, not about {NUCLEI}");
}

#[test]
fn the_list_of_models_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let none: &[&str] = &[];
    let run = kmax(folder.path(), "models", none);
    let line = run.out.lines().find(|line| line.trim_start().starts_with("kmax-nuclei")).expect("a line");
    assert!(line.contains("nuclei in microscopy"), "{line}");
    let run = kmax(folder.path(), "models", &["--json"]);
    let all: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(
        all["built_in"].as_array().map(Vec::len),
        all["summaries"].as_object().map(serde_json::Map::len)
    );
    let run = kmax(folder.path(), "models", &["info", "kmax-nuclei"]);
    for part in ["apache-2.0", "nucleus", "tiles", "queries        48"] {
        assert!(run.out.contains(part), "no {part}: {}", run.out);
    }
}

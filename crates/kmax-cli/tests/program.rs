//! What holds for the program whatever the command: versions, manual, completions, how much it says, and the list of models.

mod support;

use serde_json::Value;
use std::collections::HashSet;
use support::{kmax, kmax_with, names};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn the_version_tells_features_and_kernels() {
    let folder = folder();
    let run = kmax(folder.path(), "--version", &[] as &[&str]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(lines.len(), 3, "{run:?}");
    assert!(lines[0].ends_with(env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("features: ") && lines[2].starts_with("kernels: "), "{run:?}");
    assert_eq!(kmax(folder.path(), "-V", &[] as &[&str]).out.lines().count(), 1);
}

#[test]
fn completions_and_manual_know_every_command() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = kmax(folder.path(), "completions", &[shell]);
        assert!(run.code == 0 && run.out.contains("segment") && run.out.contains("kmax"), "{shell}");
    }
    let run = kmax(folder.path(), "man", &["pages/man1", "--quiet"]);
    assert_eq!((run.code, run.err.as_str(), run.out.as_str()), (0, "", ""), "{run:?}");
    let pages = names(&folder.path().join("pages/man1"));
    for page in ["kmax.1", "kmax-segment.1", "kmax-models-info.1", "kmax-eval-model.1"] {
        assert!(pages.iter().any(|name| name == page), "no {page} in {pages:?}");
    }
    std::fs::write(folder.path().join("file"), "").expect("written");
    kmax(folder.path(), "man", &["file"]).fails(5, &["file"]);
}

#[test]
fn devices_are_listed_whether_they_can_be_used_or_not() {
    let folder = folder();
    let run = kmax(folder.path(), "devices", &["--threads", "2"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    for start in ["cpu ", "cuda", "metal", "--device auto takes "] {
        assert!(run.out.lines().any(|line| line.starts_with(start)), "no {start}: {}", run.out);
    }
    assert!(run.out.contains("kernels, 2 threads") && run.out.contains("; f32"), "{}", run.out);
    let run = kmax(folder.path(), "devices", &["--json", "--threads", "2"]);
    let devices: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!((&devices["cpu"]["threads"], &devices["cpu"]["precisions"][0]), (&2.into(), &"f32".into()));
    for (kind, built) in [("cuda", cfg!(feature = "cuda")), ("metal", cfg!(feature = "metal"))] {
        assert_eq!(devices[kind]["built"], built);
        assert!(devices[kind]["devices"].is_array(), "{devices}");
    }
    assert!(devices["auto"].is_string());
}

#[test]
fn usage_errors_are_a_line() {
    let folder = folder();
    let none: &[&str] = &[];
    kmax(folder.path(), "segmnt", none).fails(2, &["segmnt", "segment"]);
    kmax(folder.path(), "segment", none).fails(2, &["PHOTO"]);
    kmax(folder.path(), "segment", &["a.png", "--jsn"]).fails(2, &["--jsn", "--json"]);
    kmax(folder.path(), "segment", &["a.png", "--task", "all"]).fails(2, &["--task", "panoptic"]);
    kmax(folder.path(), "segment", &["a.png", "-q", "-v"]).fails(2, &["--quiet", "--verbose"]);
    for threads in ["0", "1025", "65535"] {
        kmax(folder.path(), "models", &["--threads", threads]).fails(2, &["--threads", "1..=1024"]);
    }
    let variables = [("RAYON_NUM_THREADS", "65535".to_owned())];
    kmax_with(folder.path(), "models", none, &variables).fails(2, &["RAYON_NUM_THREADS=65535", "1024"]);
}

#[test]
fn a_configuration_that_is_no_toml_is_told_in_a_line() {
    let folder = folder();
    std::fs::write(folder.path().join("run.toml"), "seed = 1\nstepz = [1,\n").expect("written");
    kmax(folder.path(), "train", &["--config", "run.toml"]).fails(3, &["run.toml", "line"]);
}

#[test]
fn models_are_listed_once_and_numbers_as_they_were_published() {
    let folder = folder();
    let run = kmax(folder.path(), "models", &["--json"]);
    let all: Value = serde_json::from_str(&run.out).expect("JSON");
    let published = all["published"].as_array().expect("a list");
    let variants: HashSet<_> = published.iter().filter_map(|row| row["variant"].as_str()).collect();
    assert_eq!(variants.len(), published.len());
    for checkpoint in published.iter().flat_map(|row| row["checkpoints"].as_array()).flatten() {
        assert!(checkpoint["pq"].to_string().len() <= 4, "{checkpoint}");
    }
    let run = kmax(folder.path(), "models", &["info", "kmax-people"]);
    for part in ["license", "apache-2.0", "weights", " MB", "hair", "pixel_threshold 0.4,"] {
        assert!(run.out.contains(part), "no {part}: {}", run.out);
    }
    let run = kmax(folder.path(), "models", &["info", "kmax-convnext-large-coco", "--json"]);
    let info: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(info["model"], "kmax-convnext-large-coco.deeplab2");
    assert_eq!(info["checkpoints"].as_array().map(Vec::len), Some(1));
    assert!(
        info["weights_bytes"].is_null() && info["things"].as_array().is_some_and(|list| list.len() == 80)
    );
}

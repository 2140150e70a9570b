//! `kmax segment`, run as a program.

#[path = "../small_model/mod.rs"]
mod small_model;
#[path = "../support/mod.rs"]
mod support;

mod devices;
mod photos;
mod refused;
mod results;

use serde_json::Value;
use small_model::model_folder;
use std::ffi::OsStr;
use std::path::Path;
use support::{Run, kmax, picture};

fn segment<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Run {
    kmax(folder, "segment", arguments)
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// A new folder, with `photo.png` in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    picture(50, 40).save(folder.path().join("photo.png")).expect("saved");
    folder
}

fn with_model<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let model = ["--model", model_folder().to_str().expect("a plain name")];
    arguments.iter().copied().chain(model).collect()
}

//! Finds the reference values shared by the project and compares tensors against them.
//!
//! Every test that needs the shared folder lives in `tests/` of this crate and starts with [`shared`] or
//! [`golden`]. The folder is `../shared` beside the repository, or wherever `KMAX_SHARED` says. Where it is
//! absent, a few of the values that are kept in `data/` of this crate take its place; a test that needs more is
//! counted as ignored, except where `KMAX_REQUIRE_GOLDENS` is set, as in `.ci/run`: there absence fails.

#![forbid(unsafe_code)]

mod compare;
mod harness;
mod module;
mod report;
mod synth;

pub use compare::{Golden, Noise, assert_close, assert_close_values, report};
pub use harness::{Outcome, run, say, skip, trial};
pub use module::{Module, ModuleCase, Outputs};
pub use report::{assert_report, json};
pub use synth::{Manifest, ManifestRow, Synth, image, image_tensor, unit};

use std::path::{Path, PathBuf};

/// The environment variable that overrides where the shared folder is.
pub const SHARED_VARIABLE: &str = "KMAX_SHARED";
/// The environment variable under which an absent shared folder is a failure.
pub const REQUIRE_VARIABLE: &str = "KMAX_REQUIRE_GOLDENS";

/// Parts of `shared/golden` that the repository has as a whole, in `data/golden`.
const KEPT: [&str; 5] =
    ["metrics/ade20k", "metrics/coco_instance", "metrics/coco_panoptic", "tf/checkpoints", "tf/evaluation"];

fn place() -> PathBuf {
    std::env::var_os(SHARED_VARIABLE)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

fn is_required() -> bool {
    std::env::var_os(REQUIRE_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether all reference values are there, not only those that the repository keeps.
pub fn is_whole() -> bool {
    place().is_dir()
}

/// The shared folder, or `None` when it is not there: the test is skipped then.
///
/// # Panics
/// Where the folder must exist.
pub fn shared(what: &str) -> Option<PathBuf> {
    let folder = place();
    if folder.is_dir() {
        return Some(folder);
    }
    let reason = format!("{what}: no shared folder at {} (set {SHARED_VARIABLE})", folder.display());
    assert!(!is_required(), "{reason}");
    skip(reason);
    None
}

/// The folder `shared/golden/PART`, or the one that is kept here, or `None`: the test is skipped then.
///
/// # Panics
/// As [`shared`].
pub fn golden(part: &str) -> Option<PathBuf> {
    find(part, |_| KEPT.contains(&part))
}

/// As [`golden`], for tests that read no other files of the part than `files`.
///
/// # Panics
/// As [`shared`].
pub fn golden_files(part: &str, files: &[&str]) -> Option<PathBuf> {
    find(part, |kept| files.iter().all(|file| kept.join(file).is_file()))
}

fn find(part: &str, is_kept: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/golden").join(part);
    if !is_whole() && !is_required() && is_kept(&kept) {
        return Some(kept);
    }
    shared(part).map(|folder| folder.join("golden").join(part))
}

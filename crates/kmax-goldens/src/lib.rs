//! Finds the reference values shared by the project and compares tensors against them.
//!
//! Every test that needs the shared folder lives in `tests/` of this crate and starts with [`shared`] or
//! [`golden`]. The folder is `../shared` beside the repository, or wherever `KMAX_SHARED` says. Where it is
//! absent a test says `skipped` on standard error and passes, except under CI (`CI` set), where absence fails.

mod compare;
mod module;
mod report;
mod synth;

pub use compare::{Golden, Noise, assert_close, assert_close_values, report};
pub use module::{Module, ModuleCase, Outputs};
pub use report::{assert_report, json};
pub use synth::{Manifest, ManifestRow, Synth, image, image_tensor, unit};

use std::io::Write;
use std::path::{Path, PathBuf};

/// The environment variable that overrides where the shared folder is.
pub const SHARED_VARIABLE: &str = "KMAX_SHARED";

/// The shared folder, or `None` after saying `skipped: WHAT` when it is not there.
///
/// # Panics
/// Under CI, where the folder must exist.
pub fn shared(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(SHARED_VARIABLE)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{what}: no shared folder at {} (set {SHARED_VARIABLE})",
        folder.display()
    );
    // Written to the handle itself: the test harness captures the print macros of a passing test.
    let _ = writeln!(std::io::stderr(), "skipped: {what}: no shared folder at {}", folder.display());
    None
}

/// The folder `shared/golden/PART`, or `None` after saying `skipped`.
///
/// # Panics
/// As [`shared`].
pub fn golden(part: &str) -> Option<PathBuf> {
    shared(part).map(|folder| folder.join("golden").join(part))
}

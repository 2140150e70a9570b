//! Compiled modules on disk: a run that finds one starts without the compiler's seconds.

use super::compile::{Program, version};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

/// Bytes of a module that are read.
const LARGEST: u64 = 16 << 20;

/// A name for all that the code follows from.
pub(super) fn name(program: &Program) -> String {
    let mut hasher = DefaultHasher::new();
    (&program.text, version()).hash(&mut hasher);
    let (file, _) = program.module.file();
    let module = file.trim_end_matches(".h");
    format!("{module}-sm_{}-{}-{:016x}.cubin", program.architecture, program.real, hasher.finish())
}

/// The folder `kernels` of the user's cache: of `KMAX_CACHE`, else `$XDG_CACHE_HOME/kmax`, else `~/.cache/kmax`.
fn folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = || {
        let home = || variable("HOME").or_else(std::env::home_dir);
        Some(variable("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))?.join("kmax"))
    };
    Some(variable("KMAX_CACHE").or_else(caches)?.join("kernels"))
}

/// The module of that name, if there is one.
pub(super) fn read(name: &str) -> Option<Vec<u8>> {
    kmax_base::read::read_file(&folder()?.join(name), LARGEST).ok()
}

/// Keeps a module. Where that is not possible, the next run compiles again.
pub(super) fn write(name: &str, code: &[u8]) {
    let Some(folder) = folder() else { return };
    if std::fs::create_dir_all(&folder).is_ok() {
        let _ = kmax_base::write_atomically(&folder.join(name), code);
    }
}

//! What is not yet in its place: files and folders under names that begin with [`PREFIX`], each held by a lock for as long as its process
//! lives. What nobody holds was left by a process that was killed, and is removed by the next one that writes in that folder.

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, NamedTempFile, TempDir};

/// Begins the name of everything that is not yet in its place. It is hidden, and of one length whatever the file's name.
pub const PREFIX: &str = ".kmax-";

/// Begins the name of a folder for what is about to be replaced.
const ASIDE: &str = ".kmax.old-";

/// How often another name is tried where somebody removes what was made before it is locked.
const ATTEMPTS: usize = 16;

/// A folder that is not yet in its place. It is removed with all that is in it, unless it is renamed.
#[derive(Debug)]
pub struct Beside {
    folder: TempDir,
    _lock: Option<File>,
    _own: Own,
}

impl Beside {
    /// Beside `path`, on the same file system.
    ///
    /// # Errors
    /// If the parent folder does not exist or cannot be written.
    pub fn folder(path: &Path) -> Result<Self> {
        Self::folder_in(folder_of(path))
    }

    /// In the folder `parent`.
    ///
    /// # Errors
    /// If it does not exist or cannot be written.
    pub fn folder_in(parent: &Path) -> Result<Self> {
        tidy(parent);
        for _ in 0..ATTEMPTS {
            let folder = Builder::new().prefix(PREFIX).tempdir_in(parent)?;
            // Where folders cannot be opened they are not locked, and not removed by others.
            let lock = File::open(folder.path()).ok();
            let held = lock.as_ref().is_none_or(|lock| lock.lock().is_ok());
            if held && folder.path().is_dir() {
                let own = Own::new(folder.path());
                return Ok(Self { folder, _lock: lock, _own: own });
            }
        }
        Err(Error::new(ErrorKind::AlreadyExists, "somebody removes temporary folders as they are made"))
    }

    /// An empty folder beside `path` for what is about to be replaced. By another name: should this process be killed then, it holds all
    /// that there is of the old, and nobody removes it.
    ///
    /// # Errors
    /// If the parent folder does not exist or cannot be written.
    pub fn aside(path: &Path) -> Result<TempDir> {
        Builder::new().prefix(ASIDE).tempdir_in(folder_of(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder `parent`, which is removed unless it is persisted.
    pub(crate) fn file(parent: &Path) -> Result<(NamedTempFile, Own)> {
        tidy(parent);
        for _ in 0..ATTEMPTS {
            let file = Builder::new().prefix(PREFIX).tempfile_in(parent)?;
            // A file system without locks has no other who would remove it.
            let _ = file.as_file().lock();
            if file.path().exists() {
                let own = Own::new(file.path());
                return Ok((file, own));
            }
        }
        Err(Error::new(ErrorKind::AlreadyExists, "somebody removes temporary files as they are made"))
    }
}

/// The folder that a path's last part lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// What this process has not yet put into its place.
static UNPLACED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unplaced() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNPLACED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An entry of [`UNPLACED`].
#[derive(Debug)]
pub(crate) struct Own(PathBuf);

impl Own {
    fn new(path: &Path) -> Self {
        unplaced().insert(path.to_path_buf());
        Self(path.to_path_buf())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        unplaced().remove(&self.0);
    }
}

/// Removes what this process has not yet put into its place: for one that is about to end without going back through its calls.
pub fn remove_own() {
    for path in unplaced().iter() {
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

/// The most folders of which is remembered that they are tidy.
const REMEMBERED: usize = 1 << 12;

/// Removes what killed processes left in a folder: once for each process and folder, for it takes as long as the folder is.
fn tidy(folder: &Path) {
    static DONE: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let done = done.get_or_insert_default();
    let Ok(folder) = folder.canonicalize() else { return };
    if done.len() >= REMEMBERED || !done.insert(folder.clone()) {
        return;
    }
    remove_leftovers(&folder);
}

/// Removes what killed processes left in a folder. One that cannot be removed does no harm.
pub fn remove_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = match entry.file_type() {
            Ok(kind) if kind.is_file() => true,
            Ok(kind) if kind.is_dir() => false,
            // Neither is ours.
            _ => continue,
        };
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        let Some(_lock) = unheld(&path) else { continue };
        let _ = if is_file { std::fs::remove_file(&path) } else { std::fs::remove_dir_all(&path) };
    }
}

/// Takes the lock that a living process would hold.
fn unheld(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_stays_and_what_nobody_holds_goes() -> Result<()> {
        let parent = tempfile::tempdir()?;
        let at = |name: &str| parent.path().join(name);
        std::fs::write(at(".kmax-left"), b"half")?;
        std::fs::create_dir(at(".kmax-folder"))?;
        std::fs::write(at(".kmax-folder/weights"), b"half")?;
        std::fs::write(at("kmax-mine"), b"whole")?;
        let file = Beside::file(parent.path())?;
        let folder = Beside::folder(&at("model"))?;
        assert!(!at(".kmax-left").exists() && !at(".kmax-folder").exists());
        // Another process would find these two.
        remove_leftovers(parent.path());
        assert!(file.0.path().is_file() && folder.path().is_dir() && at("kmax-mine").is_file());
        let kept = Beside::folder(&at("model"))?;
        drop((file, folder));
        assert_eq!(std::fs::read_dir(parent.path())?.count(), 2);
        assert!(unplaced().contains(kept.path()));
        drop(kept);
        assert_eq!(std::fs::read_dir(parent.path())?.count(), 1);
        Ok(())
    }
}

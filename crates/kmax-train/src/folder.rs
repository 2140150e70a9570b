//! The folder of a run: held by one process, cleared of what a killed one left, set aside for a new run.

use crate::checkpoint::Checkpoint;
use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::log::LOG;
use kmax_base::beside::remove_leftovers;
use kmax_base::read::open_to_append;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Name of the file that a process holds while it trains.
const LOCK: &str = "run.lock";

/// A run's folder, held. The lock dies with its process.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: File,
}

impl Held {
    /// Makes the folder if need be and holds it.
    ///
    /// # Errors
    /// If another process holds it, or it cannot be written.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let file = folder.join(LOCK);
        let fail = |e: std::io::Error| Error::Output { file: file.clone(), reason: e.to_string() };
        std::fs::create_dir_all(folder).map_err(fail)?;
        let lock = open_to_append(&file).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { folder: folder.into() }),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        remove_leftovers(folder);
        Ok(Self { _lock: lock })
    }
}

/// Renames the folder of an earlier run to the first free of `NAME.1`, `NAME.2`, …, if there is one, and says what it is called
/// now. A folder that holds no checkpoint and no log is no run, and stays.
///
/// # Errors
/// If the folder holds the run's data too, if another process trains into it, or if it cannot be renamed.
pub fn set_aside(config: &TrainConfig) -> Result<Option<PathBuf>> {
    let folder = settled(&config.output);
    let is_run = !Checkpoint::list(&folder).is_empty() || folder.join(LOG).is_file();
    if !is_run {
        return Ok(None);
    }
    for path in config.data.paths().map(|path| settled(path)) {
        if path.starts_with(&folder) {
            let (folder, path) = (folder.display(), path.display());
            return Err(Error::Setting(format!("{folder}: cannot be set aside, as {path} is in it")));
        }
    }
    drop(Held::new(&folder)?);
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fail = |reason: String| Error::Output { file: folder.clone(), reason };
    let mut names = (1..10_000).map(|number| folder.with_file_name(format!("{name}.{number}")));
    let aside = names.find(|aside| !aside.exists());
    let aside = aside.ok_or_else(|| fail("ten thousand runs are set aside already".into()))?;
    std::fs::rename(&folder, &aside).map_err(|e| fail(e.to_string()))?;
    Ok(Some(aside))
}

/// A path as the system knows it, however it is spelled; as it is, if there is nothing.
pub(crate) fn settled(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

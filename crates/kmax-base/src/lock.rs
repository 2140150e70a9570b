//! Files that one program holds at a time.

use crate::read::open_to_append;
use crate::write::folder_of;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Result};
use std::path::Path;

/// Holds `file`, which is made with its folder if need be, until what comes back is dropped or the process ends. If another program
/// holds it, `waiting` is called, and then it is waited for. `None` where the file system has no locks.
///
/// # Errors
/// If the file cannot be made or locked.
pub fn wait(file: &Path, waiting: impl FnOnce()) -> Result<Option<File>> {
    std::fs::create_dir_all(folder_of(file))?;
    let file = open_to_append(file)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            waiting();
            file.lock().map(|()| Some(file))
        }
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn one_at_a_time() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a/b.lock");
        let held = wait(&file, || panic!("nobody holds it"))?;
        let (told, heard) = mpsc::channel();
        let other = std::thread::spawn(move || wait(&file, || told.send(()).expect("heard")).map(drop));
        assert!(heard.recv().is_ok(), "it waits");
        drop(held);
        other.join().expect("no panic")
    }
}

//! Where results go: a folder of this machine, or below a URL of an object store.

use crate::exit::{Code, Failure, OrExit, Outcome};
use kmax_store::{Depth, Place, Stamp, Url};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A folder, or what stands for one. Files are written on this machine first; those for a store are sent when they are whole.
pub struct Out {
    folder: PathBuf,
    store: Option<Store>,
}

struct Store {
    url: Url,
    /// What the results that were there before hold, by their names.
    stamps: HashMap<String, Stamp>,
    /// Why nothing can be written there any more.
    fault: OnceLock<String>,
    _folder: TempDir,
}

impl Out {
    /// Makes the folder, and sees whether anything can be written there: better now than after the first photo.
    pub fn create(place: &Path) -> Outcome<Self> {
        if let Place::Local(folder) = Place::read(place)? {
            crate::output::folder(&folder)?;
            tempfile::tempfile_in(&folder).map_err(|error| {
                let reason = format!("nothing can be written there: {error}");
                Failure::new(Code::Output, format!("{}: {reason}", folder.display()))
            })?;
        }
        Self::open(place).map_err(|failure| Failure::new(Code::Output, failure.message))
    }

    /// What is there.
    pub fn open(place: &Path) -> Outcome<Self> {
        let url = match Place::read(place)? {
            Place::Store(url) => url,
            Place::Local(folder) => return Ok(Self { folder, store: None }),
        };
        let there = kmax_store::list(&url, Depth::All)?;
        let stamps = there.into_iter().map(|object| (object.name, object.stamp)).collect();
        let folder = tempfile::tempdir().or_exit(Code::Output)?;
        let path = folder.path().to_path_buf();
        Ok(Self { folder: path, store: Some(Store { url, stamps, fault: OnceLock::new(), _folder: folder }) })
    }

    /// Where files are written. What is for a store is there only until it is sent.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL, if it is one.
    pub fn url(&self) -> Option<&Url> {
        self.store.as_ref().map(|store| &store.url)
    }

    /// The names of what was there before, in the folder itself.
    pub fn names(&self) -> Outcome<Vec<String>> {
        match &self.store {
            Some(store) => Ok(store.stamps.keys().filter(|name| !name.contains('/')).cloned().collect()),
            None => Ok(kmax_datasets::parts::names(&self.folder)?),
        }
    }

    /// What a result held that was there before; none of a folder, whose files are looked at themselves.
    pub fn stamp(&self, name: &str) -> Option<&Stamp> {
        self.store.as_ref()?.stamps.get(name)
    }

    /// Sends a file that is whole, and gives its stamp; in a folder it is where it belongs.
    pub fn send(&self, name: &str) -> Outcome<Option<Stamp>> {
        let Some(store) = &self.store else { return Ok(None) };
        let file = self.folder.join(name);
        let data = kmax_base::read::read_file(&file, MOST)
            .map_err(|error| Failure::new(Code::Output, format!("{}: {error}", file.display())))?;
        let sent = store.url.join(name).and_then(|url| kmax_store::write(&url, data));
        // There is room for the next ones, whatever became of it.
        let _ = std::fs::remove_file(&file);
        let stamp = sent.inspect_err(|error| {
            if error.is_of_the_store() {
                let _ = store.fault.set(error.to_string());
            }
        })?;
        Ok(Some(stamp))
    }

    /// Why nothing can be written any more.
    pub fn fault(&self) -> Option<Failure> {
        let fault = self.store.as_ref()?.fault.get()?;
        Some(Failure::new(Code::Output, fault))
    }
}

/// The largest result: a map of all pixels that a photo may have, and as much again.
const MOST: u64 = 1 << 34;

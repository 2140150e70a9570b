//! Models from clients of the Hugging Face Hub that a program already has.

use crate::error::{Error, Result};
use crate::folder::Model;
use crate::source::MODEL_FILES;
use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};

/// Somebody who has the files of a model: a client of the Hub, a cache, a folder of one's own.
///
/// It is implemented for this workspace's own client (feature `hub`), and for `ApiRepo` and `CacheRepo` of the crate `hf-hub` (feature
/// `hf-hub`).
pub trait ModelRepo {
    /// The path of the file `name`, one of [`MODEL_FILES`], fetched if need be. All of them must lie in one folder.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be had.
    fn file(&self, name: &str) -> std::result::Result<PathBuf, Box<dyn std::error::Error + Send + Sync>>;
}

impl Model {
    /// Opens the model whose files `repo` gives.
    ///
    /// They are verified like any others: the configuration and its limits, the names, shapes and values of the weights; and where a
    /// file lies in a cache of the Hub, its content against the checksum that it is named by, which not every client does.
    ///
    /// # Errors
    /// If a file cannot be had, and those of [`Model::open`].
    pub fn from_repo(repo: &dyn ModelRepo) -> Result<Self> {
        let mut folder: Option<PathBuf> = None;
        for wanted in MODEL_FILES {
            let file = match repo.file(wanted.name) {
                Ok(file) => file,
                Err(source) if wanted.required => {
                    return Err(Error::Fetch { kind: ErrorKind::NotFound, source });
                }
                Err(_) => continue,
            };
            verify(&file)?;
            let parent = file.parent().unwrap_or(Path::new(".")).to_path_buf();
            if folder.get_or_insert_with(|| parent.clone()) != &parent {
                let reason = "lies in another folder than the model's other files";
                return Err(Error::file(&file, ErrorKind::Unsupported, reason));
            }
        }
        Self::open(&folder.unwrap_or_default())
    }
}

#[cfg(feature = "hub")]
fn verify(file: &Path) -> Result<()> {
    kmax_hub::verify(file).map_err(|error| Error::Fetch { kind: error.kind(), source: Box::new(error) })
}

#[cfg(not(feature = "hub"))]
fn verify(_file: &Path) -> Result<()> {
    Ok(())
}

#[cfg(feature = "hf-hub")]
mod hf {
    use super::{ModelRepo, PathBuf};

    impl ModelRepo for hf_hub::api::sync::ApiRepo {
        fn file(&self, name: &str) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
            Ok(self.get(name)?)
        }
    }

    impl ModelRepo for hf_hub::CacheRepo {
        fn file(&self, name: &str) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
            self.get(name).ok_or_else(|| format!("{name} is not in the cache").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl ModelRepo for Folder {
        fn file(&self, name: &str) -> std::result::Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
            let file = self.0.join(name);
            if file.is_file() { Ok(file) } else { Err(format!("no {name}").into()) }
        }
    }

    #[test]
    fn what_is_required_must_be_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = Model::from_repo(&Folder(folder.path().into())).expect_err("nothing is there");
        assert!(error.to_string().contains("no config.json"), "{error}");
    }
}

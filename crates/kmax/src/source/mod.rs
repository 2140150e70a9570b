//! Where models come from.

mod built_in;
mod repo;

pub use repo::HubRepo;

#[cfg(not(feature = "hub"))]
use crate::Error;
use crate::{Model, Result};
use std::path::Path;

impl Model {
    /// The model of that name: a built-in one, a model folder by its path, or with the feature `hub` a repository of the
    /// Hugging Face Hub, `hf://owner/name[@revision]`.
    ///
    /// # Errors
    /// If there is no such model, or a file of it is missing or wrong.
    pub fn named(name: &str) -> Result<Self> {
        if name.starts_with(repo::SCHEME) {
            return Self::from_hub(&name.parse()?);
        }
        let is_built_in = Self::built_in_names().any(|built_in| built_in == name);
        match Path::new(name) {
            folder if !is_built_in && folder.exists() => Self::open(folder),
            _ => Self::built_in(name),
        }
    }

    #[cfg(feature = "hub")]
    fn from_hub(repo: &HubRepo) -> Result<Self> {
        Self::open(&crate::hub::Hub::from_env()?.folder(repo, &mut |_| ())?)
    }

    #[cfg(not(feature = "hub"))]
    fn from_hub(repo: &HubRepo) -> Result<Self> {
        Err(Error::UnknownModel(format!("{repo}: this program was built without the feature `hub`")))
    }
}

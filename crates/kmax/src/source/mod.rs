//! Where models come from.

mod built_in;
mod releases;
mod repo;

pub use releases::{LICENSE, RELEASES, Release, releases};
pub use repo::HubRepo;

use crate::{Error, Model, Preset, Result};
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
            _ if !is_built_in && Preset::named(name).is_some() => Err(Error::UnknownModel(elsewhere(name))),
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

/// What to do about a variant that is known, but whose weights are elsewhere.
fn elsewhere(variant: &str) -> String {
    let url = releases(variant).next().map(|release| format!(" ({})", release.url)).unwrap_or_default();
    let names: Vec<_> = Model::built_in_names().collect();
    format!(
        "{variant} is not built in (there is: {}): download its checkpoint{url}, run `kmax convert --from FILE --to \
         FOLDER`, and give that folder",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_variant_says_where_its_weights_are() {
        let message = Model::named("kmax-maxs-coco").expect_err("not built in").to_string();
        assert!(
            message.contains("kmax_maxs_gelu_coco_train.tar.gz") && message.contains("kmax convert"),
            "{message}"
        );
        let message = Model::named("hf://a/../b").expect_err("no repository").to_string();
        assert!(message.contains("hf://owner/name") || message.contains(".."), "{message}");
    }
}

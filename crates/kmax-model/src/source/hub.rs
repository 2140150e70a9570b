//! Models from the Hugging Face Hub: the feature `hub`.

use crate::error::{Error, Result};
use crate::source::{MODEL_FILES, ModelRepo};
use kmax_hub::{Event, File, Hub, HubFile, HubRepo};
use std::path::PathBuf;

/// Ends of the names of files that may hold a checkpoint.
const CHECKPOINTS: [&str; 9] =
    [".pth", ".pt", ".pkl", ".bin", ".safetensors", ".tar.gz", ".tar", ".ckpt", ".safetensors.index.json"];
/// The most files that a message lists.
const LISTED: usize = 12;

/// The files of a model as the Hub's client wants them.
pub fn hub_files() -> [File<'static>; 4] {
    MODEL_FILES.map(|file| File { name: file.name, required: file.required, limit: file.limit })
}

/// The model folder that a repository is, fetched if need be.
///
/// # Errors
/// If it cannot be had, or is no model folder: then the message lists the checkpoints that it holds.
pub fn fetch_model(hub: &Hub, repo: &HubRepo, events: &mut dyn FnMut(Event<'_>)) -> Result<PathBuf> {
    match hub.folder(repo, &hub_files(), events) {
        Ok(folder) => Ok(folder),
        Err(error @ kmax_hub::Error::NoFile { .. }) => {
            let files = hub.files(repo, events).unwrap_or_default();
            Err(no_model(repo, error, files.iter().map(|file| (file.name.as_str(), file.size))))
        }
        Err(error) => Err(fetching(error)),
    }
}

/// What else a repository holds that could be meant.
fn no_model<'a>(
    repo: &HubRepo,
    error: kmax_hub::Error,
    files: impl Iterator<Item = (&'a str, Option<u64>)>,
) -> Error {
    let named = |(name, size): (&'a str, Option<u64>)| {
        let file = HubFile::new(repo.clone(), name).ok()?;
        let size = size.map_or_else(String::new, |size| format!(" ({:.1} MB)", 1e-6 * size as f64));
        CHECKPOINTS.iter().any(|end| name.ends_with(end)).then(|| format!("{file}{size}"))
    };
    let all: Vec<_> = files.filter_map(named).collect();
    if all.is_empty() {
        return fetching(error);
    }
    let more = all.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed = all.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    Error::UnknownModel(format!(
        "{repo} is no model folder ({error}); it holds what may be checkpoints, one of which can be named: {listed}{more}"
    ))
}

fn fetching(error: kmax_hub::Error) -> Error {
    Error::Fetch { kind: error.kind(), source: Box::new(error) }
}

/// A repository through a client of this workspace.
#[derive(Clone, Copy)]
pub struct HubModel<'a> {
    /// The client.
    pub hub: &'a Hub,
    /// The repository.
    pub repo: &'a HubRepo,
}

impl ModelRepo for HubModel<'_> {
    fn file(&self, name: &str) -> std::result::Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
        let limit = MODEL_FILES.iter().find(|file| file.name == name).map_or(0, |file| file.limit);
        let file = HubFile::new(self.repo.clone(), name)?;
        Ok(self.hub.file(&file, limit, &mut |_| ())?.path)
    }
}

/// As [`fetch_model`] with the environment's client and no events.
pub(super) fn open(name: &str) -> Result<crate::folder::Model> {
    let hub = Hub::from_env().map_err(fetching)?;
    if HubFile::is_spelled(name) {
        let file: HubFile = name.parse().map_err(fetching)?;
        let found = hub.cached_file(&file).zip(super::Cache::from_env()).and_then(|(cached, cache)| {
            let repo = file.repo();
            // Of several, which differ in what was chosen, none is meant more than the others.
            match &cache.converted(repo.owner(), repo.name(), &cached.digest)[..] {
                [only] => cache.model(only),
                _ => None,
            }
        });
        let absent =
            || Error::UnknownModel(format!("{name} is a checkpoint: `kmax pull {name}` converts it first"));
        return crate::folder::Model::open(&found.ok_or_else(absent)?);
    }
    let repo = name.parse().map_err(fetching)?;
    crate::folder::Model::open(&fetch_model(&hub, &repo, &mut |_| ())?)
}

impl From<kmax_hub::Error> for Error {
    fn from(error: kmax_hub::Error) -> Self {
        Self::Fetch { kind: error.kind(), source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_base::ErrorKind;

    #[test]
    fn a_repository_of_checkpoints_says_so() {
        let repo: HubRepo = "hf://some/one@v1".parse().expect("a name");
        let missing = || kmax_hub::Error::NoFile {
            repo: "hf://some/one".into(),
            file: "config.json".into(),
            revision: "v1".into(),
        };
        let files =
            [("a/b.pth", Some(1_500_000)), ("README.md", None), ("x/../y.pth", None), ("c.bin", None)];
        let error = no_model(&repo, missing(), files.into_iter());
        let text = error.to_string();
        assert!(text.contains("hf://some/one/a/b.pth@v1 (1.5 MB), hf://some/one/c.bin@v1"), "{text}");
        assert!(!text.contains("..") && error.kind() == ErrorKind::NotFound, "{text}");
        let plain = no_model(&repo, missing(), [("README.md", None)].into_iter());
        assert!(matches!(plain, Error::Fetch { kind: ErrorKind::NotFound, .. }));
    }
}

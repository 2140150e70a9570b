//! A Hub and its cache.

use crate::client::{self, Client, Metadata};
use crate::download::Wanted;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::layout::{self, Layout};
use crate::patience::Patience;
use crate::repo::{HubFile, HubRepo, RepoFile};
use crate::settings::Settings;
use std::path::{Path, PathBuf};

/// Why nothing is fetched.
const OFFLINE: &str = "nothing may be fetched (offline: HF_HUB_OFFLINE is set)";

/// A file of a repository that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// Its name, without folders.
    pub name: &'a str,
    /// Whether the folder is of no use without it.
    pub required: bool,
    /// The most bytes that it can have. A larger one is refused before it is stored.
    pub limit: u64,
}

/// A file in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedFile {
    /// Where it is: in the folder of a snapshot.
    pub path: PathBuf,
    /// What names its content: mostly its checksum, else the commit.
    pub digest: String,
}

impl CachedFile {
    fn in_folder(folder: &Path, file: &HubFile) -> Self {
        let path = folder.join(file.path());
        let blob = std::fs::read_link(&path).ok().and_then(|blob| blob.file_name().map(ToOwned::to_owned));
        let name = blob.or_else(|| folder.file_name().map(ToOwned::to_owned)).unwrap_or_default();
        Self { path, digest: name.to_string_lossy().into_owned() }
    }
}

/// A Hub and its cache.
pub struct Hub {
    settings: Settings,
    client: Client,
}

impl Hub {
    /// The Hub that the environment names: see [`Settings::from_env`].
    ///
    /// # Errors
    /// If a variable makes no sense.
    pub fn from_env() -> Result<Self> {
        Settings::from_env().map(Self::new)
    }

    /// A Hub with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { client: Client::new(&settings), settings }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Repositories in the cache, of any kind of model, with the revisions it knows.
    pub fn cached(&self) -> Vec<HubRepo> {
        layout::repositories(&self.settings.cache)
    }

    /// The folder of a repository in the cache, if it has all required `files`; nothing is asked.
    pub fn cached_folder(&self, repo: &HubRepo, files: &[File<'_>]) -> Option<PathBuf> {
        let layout = Layout::new(&self.settings.cache, repo);
        let commit = layout.commit(repo.revision())?;
        files
            .iter()
            .all(|file| !file.required || layout.has(&commit, file.name))
            .then(|| layout.snapshot(&commit))
    }

    /// The folder of a repository with these `files`, fetched in their order as far as the cache does not have them.
    ///
    /// A commit that is complete in the cache needs no request; a branch or tag needs one, to see whether it has moved.
    /// If that fails for now, the cached state is used. Sizes and checksums are verified before a file counts, and a
    /// download that broke off goes on where it stopped, also in the next run.
    ///
    /// # Errors
    /// If the repository cannot be had, from the cache or the Hub; the message says what to do.
    pub fn folder(
        &self,
        repo: &HubRepo,
        files: &[File<'_>],
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<PathBuf> {
        let cached = self.cached_folder(repo, files);
        let absent = |reason: String| Error::Absent {
            repo: repo.to_string(),
            cache: self.settings.cache.clone(),
            reason,
        };
        if self.settings.offline {
            return cached.ok_or_else(|| absent(OFFLINE.into()));
        }
        if let (true, Some(folder)) = (client::is_commit(repo.revision()), &cached) {
            return Ok(folder.clone());
        }
        match (self.update(repo, files, cached.is_some(), events), cached) {
            (Err(error), Some(folder)) if error.is_temporary() => {
                events(Event::Stale { error: &error });
                Ok(folder)
            }
            (Err(error @ Error::Connection { .. }), None) => {
                Err(absent(format!("cannot be fetched ({error})")))
            }
            (outcome, _) => outcome,
        }
    }

    /// One file of a repository, fetched if the cache does not have it as it is now; at most `limit` bytes. As [`Self::folder`] in
    /// all else.
    ///
    /// # Errors
    /// As [`Self::folder`].
    pub fn file(&self, file: &HubFile, limit: u64, events: &mut dyn FnMut(Event<'_>)) -> Result<CachedFile> {
        let files = [File { name: file.path(), required: true, limit }];
        let folder = self.folder(file.repo(), &files, events)?;
        Ok(CachedFile::in_folder(&folder, file))
    }

    /// That file as the cache has it; nothing is asked.
    pub fn cached_file(&self, file: &HubFile) -> Option<CachedFile> {
        let files = [File { name: file.path(), required: true, limit: u64::MAX }];
        let folder = self.cached_folder(file.repo(), &files)?;
        Some(CachedFile::in_folder(&folder, file))
    }

    /// The files that a repository has at its revision, sorted by name.
    ///
    /// # Errors
    /// If the Hub cannot be asked, or has no such repository.
    pub fn files(&self, repo: &HubRepo, events: &mut dyn FnMut(Event<'_>)) -> Result<Vec<RepoFile>> {
        if self.settings.offline {
            return Err(Error::Absent {
                repo: format!("the list of files of {repo}"),
                cache: self.settings.cache.clone(),
                reason: OFFLINE.into(),
            });
        }
        let mut patience = self.client.patience();
        let mut files = loop {
            match self.client.files(repo) {
                Ok(files) => break files,
                Err(error) => patience.wait(error, events)?,
            }
        };
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Looks the revision up and fetches what is missing.
    fn update(
        &self,
        repo: &HubRepo,
        files: &[File<'_>],
        has_alternative: bool,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<PathBuf> {
        let layout = Layout::new(&self.settings.cache, repo);
        let patience = if has_alternative { Patience::none() } else { self.client.patience() };
        let Some(first) = files.first() else {
            return Err(Error::protocol(&repo.to_string(), "no file of it is wanted"));
        };
        let asked = self.metadata(repo, repo.revision(), first.name, patience, events)?;
        let commit = asked.commit.clone();
        let mut asked = Some(asked);
        for &File { name: file, required, limit } in files {
            if layout.has(&commit, file) || (!required && layout.lacks(&commit, file)) {
                continue;
            }
            let found = match asked.take_if(|_| file == first.name) {
                Some(found) => Ok(found),
                None => self.metadata(repo, &commit, file, self.client.patience(), events),
            };
            match found {
                Ok(metadata) => {
                    self.fetch(&layout, Wanted { repo, file, metadata: &metadata, limit }, &commit, events)?
                }
                Err(Error::NoFile { .. } | Error::NotFound { .. }) if !required => {
                    layout.remember_absence(&commit, file)?
                }
                Err(error) => return Err(error),
            }
        }
        // Last: until now the revision was what the cache had of it.
        layout.remember(repo.revision(), &commit)?;
        Ok(layout.snapshot(&commit))
    }

    fn metadata(
        &self,
        repo: &HubRepo,
        revision: &str,
        file: &str,
        mut patience: Patience,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Metadata> {
        loop {
            match self.client.metadata(repo, revision, file) {
                Ok(metadata) => return Ok(metadata),
                Err(error) => patience.wait(error, events)?,
            }
        }
    }

    fn fetch(
        &self,
        layout: &Layout,
        wanted: Wanted<'_>,
        commit: &str,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        let Wanted { file, metadata: Metadata { etag, .. }, .. } = wanted;
        let _lock = layout.lock(etag, || events(Event::Waiting { file }))?;
        let blob = layout.blob(etag);
        let fresh = !blob.is_file();
        if fresh {
            let partial = layout.partial(etag);
            wanted.download(&self.client, &partial, events)?;
            std::fs::rename(&partial, &blob).map_err(|e| Error::io(&blob, e))?;
            events(Event::Finished);
        }
        layout.link(etag, commit, file, fresh)
    }
}

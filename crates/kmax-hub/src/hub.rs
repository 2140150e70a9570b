//! A Hub and its cache.

use crate::client::{self, Client, Metadata, Patience};
use crate::download::Wanted;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::layout::{self, Layout};
use crate::repo::HubRepo;
use crate::settings::Settings;
use std::path::PathBuf;

/// A file of a repository that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// Its name, without folders.
    pub name: &'a str,
    /// Whether the folder is of no use without it.
    pub required: bool,
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
            return cached.ok_or_else(|| absent("HF_HUB_OFFLINE is set".into()));
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
        for &File { name: file, required } in files {
            if layout.has(&commit, file) || (!required && layout.lacks(&commit, file)) {
                continue;
            }
            let found = match asked.take_if(|_| file == first.name) {
                Some(found) => Ok(found),
                None => self.metadata(repo, &commit, file, self.client.patience(), events),
            };
            match found {
                Ok(metadata) => {
                    self.fetch(&layout, Wanted { repo, file, metadata: &metadata }, &commit, events)?
                }
                Err(Error::NotFound { .. }) if !required => layout.remember_absence(&commit, file)?,
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

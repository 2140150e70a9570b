//! The Hugging Face Hub: `hf://owner/name[@revision]` becomes a model folder in a cache shared with Python.
//!
//! A client of our own on `ureq`. hf-hub 1.0 stores the body of a failed answer as the file, and 0.5 knows neither
//! `HF_TOKEN`, `HF_HUB_CACHE` nor `HF_HUB_OFFLINE`, checks neither size nor checksum, and corrupts a file that it resumes
//! from a server without ranges. What a model folder needs of the Hub is two requests, and these few pages.

mod client;
mod download;
mod error;
mod etag;
mod layout;
mod settings;

pub use error::{Error, Result};
pub use settings::Settings;

use crate::config::{CONFIG_FILE, PREPROCESSOR_FILE};
use crate::folder::{CARD_FILE, WEIGHTS_FILE};
use crate::source::HubRepo;
use client::{Client, Metadata, Patience};
use download::Wanted;
use layout::Layout;
use std::path::PathBuf;
use std::time::Duration;

/// What a model folder is made of, and whether it can do without. The small ones come first.
const FILES: [(&str, bool); 4] =
    [(CONFIG_FILE, true), (PREPROCESSOR_FILE, false), (CARD_FILE, false), (WEIGHTS_FILE, true)];

/// Something a user may want to see while a model is fetched.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A file begins, at byte `from` if it was begun before. It may begin again.
    Started {
        /// Its name.
        file: &'a str,
        /// Its size in bytes, where it is known.
        size: Option<u64>,
        /// Bytes that are there already.
        from: u64,
    },
    /// So many bytes more of the file.
    Received(u64),
    /// The file is complete and right.
    Finished,
    /// A request failed and is repeated after a pause.
    Retrying {
        /// Why.
        error: &'a Error,
        /// How long.
        pause: Duration,
    },
    /// Another program fetches the same file.
    Waiting {
        /// Its name.
        file: &'a str,
    },
    /// The Hub cannot be reached now, and what the cache has is used.
    Stale {
        /// Why.
        error: &'a Error,
    },
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

    /// The folder of a repository in the cache, if it is complete; nothing is asked.
    pub fn cached_folder(&self, repo: &HubRepo) -> Option<PathBuf> {
        let layout = Layout::new(&self.settings.cache, repo);
        let commit = layout.commit(repo.revision())?;
        FILES
            .iter()
            .all(|(file, needed)| !needed || layout.has(&commit, file))
            .then(|| layout.snapshot(&commit))
    }

    /// The model folder of a repository, fetched as far as the cache does not have it.
    ///
    /// A commit that is complete in the cache needs no request; a branch or tag needs one, to see whether it has moved.
    /// If that fails for now, the cached state is used. Sizes and checksums are verified before a file counts, and a
    /// download that broke off goes on where it stopped, also in the next run.
    ///
    /// # Errors
    /// If the repository cannot be had, from the cache or the Hub; the message says what to do.
    pub fn folder(&self, repo: &HubRepo, events: &mut dyn FnMut(Event<'_>)) -> Result<PathBuf> {
        let cached = self.cached_folder(repo);
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
        match (self.update(repo, cached.is_some(), events), cached) {
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
        has_alternative: bool,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<PathBuf> {
        let layout = Layout::new(&self.settings.cache, repo);
        let patience = if has_alternative { Patience::none() } else { self.client.patience() };
        let config = self.metadata(repo, repo.revision(), CONFIG_FILE, patience, events)?;
        let commit = config.commit.clone();
        let mut config = Some(config);
        for (file, needed) in FILES {
            if layout.has(&commit, file) || (!needed && layout.lacks(&commit, file)) {
                continue;
            }
            let found = match config.take_if(|_| file == CONFIG_FILE) {
                Some(found) => Ok(found),
                None => self.metadata(repo, &commit, file, self.client.patience(), events),
            };
            match found {
                Ok(metadata) => {
                    self.fetch(&layout, Wanted { repo, file, metadata: &metadata }, &commit, events)?
                }
                Err(Error::NotFound { .. }) if !needed => layout.remember_absence(&commit, file)?,
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

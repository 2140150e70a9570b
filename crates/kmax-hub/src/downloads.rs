//! Plain files from the web, each resumed where it broke off and compared with its server's checksum.

use crate::address::{Address, mirrored};
use crate::drive::Page;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::facts::Facts;
use crate::layout::{create_parent, lock};
use crate::patience::Patience;
use crate::receive::Partial;
use crate::transfer::Transfer;
use crate::transport::{Answer, Transport};
use kmax_base::read::open_to_append;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest page that is read in search of a file's address.
const LARGEST_PAGE: u64 = 1 << 20;

/// A folder that files of the web are fetched into.
///
/// ```text
/// KEY.incomplete   a file that has begun
/// KEY.json         what its server said of it: size, ETag, checksum
/// KEY              the file, complete and right
/// ```
pub struct Downloads {
    folder: PathBuf,
    mirror: Option<String>,
    offline: bool,
    pause: Duration,
    transport: Transport,
}

/// A file that has been fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Where it is.
    pub file: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The checksum that its server announced and that it has, in words; `None`: none was announced.
    pub checksum: Option<String>,
}

impl Downloads {
    /// Files are kept in `folder`. With a `mirror` (`http://host/path`) the same paths are asked there, and not at the files' own
    /// hosts; `offline` forbids all requests.
    pub fn new(folder: &Path, mirror: Option<&str>, offline: bool) -> Self {
        Self {
            folder: folder.into(),
            mirror: mirror.map(String::from),
            offline,
            pause: Duration::from_secs(1),
            transport: Transport::new("", None),
        }
    }

    /// The pause before a failed request is repeated for the first time, else a second; it doubles with each repetition.
    #[must_use]
    pub fn pausing(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Fetches a file of at most `limit` bytes. What an earlier run has of it is taken up if it is still the same file.
    ///
    /// # Errors
    /// If it cannot be had, is not a file (Google Drive may answer a page), is larger, or has another checksum than announced.
    pub fn fetch(
        &self,
        address: &Address,
        limit: u64,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<Downloaded> {
        let key = address.key();
        let (file, note) = (self.folder.join(&key), self.folder.join(format!("{key}.json")));
        let path = self.folder.join(format!("{key}.incomplete"));
        let name = address.name();
        create_parent(&file)?;
        let waiting = || events(Event::Waiting { file: &name });
        let _lock = lock(&self.folder.join(format!("{key}.lock")), waiting)?;
        let mut facts = Facts::read(&note);
        if !file.is_file() {
            if self.offline {
                return Err(Error::Absent {
                    repo: address.to_string(),
                    cache: self.folder.clone(),
                    reason: "no request is allowed (offline)".into(),
                });
            }
            let fail = |e| Error::io(&path, e);
            let open = open_to_append(&path).map_err(fail)?;
            let partial = Partial { file: open, path: &path, name: &name };
            let mut transfer = Transfer { limit, partial, facts, note: &note };
            let patience = Patience::new(self.pause);
            let fetched = transfer.complete(patience, |have, facts| self.open(address, have, facts), events);
            if let Err(error) = fetched {
                // Nothing of it is worth keeping if nothing came.
                if transfer.partial.length()? == 0 {
                    self.remove(address)?;
                }
                return Err(error);
            }
            transfer.partial.file.sync_data().map_err(fail)?;
            facts = transfer.facts;
            std::fs::rename(&path, &file).map_err(|e| Error::io(&file, e))?;
            events(Event::Finished);
        }
        let checksum = facts.checksum();
        if let Some(checksum) = &checksum {
            checksum.verify(&file, &address.url())?;
        }
        let size = std::fs::metadata(&file).map_err(|e| Error::io(&file, e))?.len();
        Ok(Downloaded { file, size, checksum: checksum.map(|checksum| checksum.text()) })
    }

    /// Removes a file that was fetched or begun. Whether there was one.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub fn remove(&self, address: &Address) -> Result<bool> {
        let key = address.key();
        let mut found = false;
        for name in [key.clone(), format!("{key}.incomplete"), format!("{key}.json"), format!("{key}.lock")] {
            let file = self.folder.join(name);
            match std::fs::remove_file(&file) {
                Ok(()) => found = true,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(&file, e)),
            }
        }
        Ok(found)
    }

    /// The answer that holds the file from the byte `have` on, or all of it.
    fn open(&self, address: &Address, have: u64, facts: &Facts) -> Result<Answer> {
        let hosts = address.hosts();
        let get = |url: &str, from| {
            let rewrite = |url| mirrored(url, self.mirror.as_deref(), &hosts);
            self.transport.follow(url, from, facts.validator(), rewrite)
        };
        if let Address::Url(url) = address {
            let answer = get(url, have)?;
            let reason = "answers a page, expected a file";
            return if is_page(&answer) { Err(Error::protocol(&answer.url, reason)) } else { Ok(answer) };
        }
        // From its beginning: whether a page stands before the file is not known yet, and of that every byte counts.
        let answer = get(&address.url(), 0)?;
        if !is_page(&answer) {
            return if have > 0 { get(&address.url(), have) } else { Ok(answer) };
        }
        let by_hand = format!("fetch it with a browser from {address} and give the file to `kmax convert`");
        let denied = |reason: String| {
            let reason = format!("{reason}; {by_hand}");
            Error::Denied { repo: format!("Google Drive, {address}"), reason }
        };
        let url = answer.url.clone();
        let html = answer.read(LARGEST_PAGE)?;
        match Page::of(&String::from_utf8_lossy(&html), &url) {
            Page::Confirm(next) => {
                let answer = get(&next, have)?;
                if is_page(&answer) {
                    return Err(denied("another page follows the confirmation".into()));
                }
                Ok(answer)
            }
            Page::Quota => {
                Err(denied("the limit of downloads for this file is reached: try again tomorrow".into()))
            }
            Page::Other(title) => {
                Err(denied(format!("answers the page `{}` in place of the file", title.escape_debug())))
            }
        }
    }
}

/// Whether an answer is a page to be read by people.
fn is_page(answer: &Answer) -> bool {
    let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let is_attachment = answer.header("content-disposition").is_some_and(|text| text.contains("attachment"));
    let succeeded = (200..300).contains(&answer.status);
    succeeded && kind.starts_with("text/html") && !is_attachment
}

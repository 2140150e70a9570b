//! Fetching one file of a repository: resumed where it broke off, and checked before it counts.

use crate::client::{Client, Metadata};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::layout;
use crate::receive::{Partial, part};
use crate::repo::HubRepo;
use kmax_base::read::open_to_append;
use std::path::Path;

/// One file of a repository at a commit.
pub(crate) struct Wanted<'a> {
    pub repo: &'a HubRepo,
    pub file: &'a str,
    pub metadata: &'a Metadata,
    /// The most bytes that it may have.
    pub limit: u64,
}

impl Wanted<'_> {
    /// Fetches it into `partial`, which may hold its beginning. Afterwards it is there in full and right.
    pub fn download(&self, client: &Client, path: &Path, events: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let (url, size) = (client.address(self.repo, &self.metadata.commit, self.file), self.metadata.size);
        if size.is_some_and(|size| size > self.limit) {
            return Err(Error::TooLarge { url, size, limit: self.limit });
        }
        layout::create_parent(path)?;
        let fail = |e| Error::io(path, e);
        let file = open_to_append(path).map_err(fail)?;
        let mut partial = Partial { file, path, name: self.file };
        let mut patience = client.patience();
        loop {
            let mut have = partial.length()?;
            if size.is_none_or(|size| have > size) {
                // Nothing says where it would end.
                partial.truncate(0)?;
                have = 0;
            }
            if size == Some(have) {
                break;
            }
            match self.continue_from(have, client, &mut partial, events) {
                Ok(()) => break,
                Err(error) => {
                    patience.progress(partial.length()?.saturating_sub(have), size);
                    patience.wait(error, events)?;
                }
            }
        }
        partial.file.sync_data().map_err(fail)?;
        drop(partial);
        if let Err(reason) = self.metadata.etag.verify(path).map_err(fail)? {
            std::fs::remove_file(path).map_err(fail)?;
            return Err(Error::Corrupt { url, reason });
        }
        Ok(())
    }

    /// One request, until the file is complete.
    fn continue_from(
        &self,
        have: u64,
        client: &Client,
        partial: &mut Partial<'_>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        let answer = client.fetch(self.repo, &self.metadata.commit, self.file, have)?;
        let start = if answer.status == 206 { part(&answer)?.0 } else { 0 };
        if start != 0 && start != have {
            return Err(Error::protocol(&answer.url, format!("answers from byte {start}, asked for {have}")));
        }
        partial.receive(answer, start, self.metadata.size, self.limit, events)
    }
}

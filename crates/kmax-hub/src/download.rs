//! Fetching one file: resumed where it broke off, and checked before it counts.

use crate::client::{Answer, Client, Metadata, Patience};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::layout;
use crate::repo::HubRepo;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use ureq::http::header;

/// One file of a repository at a commit.
pub(crate) struct Wanted<'a> {
    pub repo: &'a HubRepo,
    pub file: &'a str,
    pub metadata: &'a Metadata,
}

impl Wanted<'_> {
    /// Fetches it into `partial`, which may hold its beginning. Afterwards it is there in full and right.
    pub fn download(&self, client: &Client, partial: &Path, events: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let (url, size) = (client.address(self.repo, &self.metadata.commit, self.file), self.metadata.size);
        layout::create_parent(partial)?;
        let fail = |e| Error::io(partial, e);
        let mut file = OpenOptions::new().create(true).append(true).open(partial).map_err(fail)?;
        let mut patience: Option<Patience> = None;
        loop {
            let mut have = file.metadata().map_err(fail)?.len();
            if size.is_none_or(|size| have > size) {
                // Nothing says where it would end.
                file.set_len(0).map_err(fail)?;
                have = 0;
            }
            if size == Some(have) {
                break;
            }
            match self.continue_from(have, client, &mut file, partial, events) {
                Ok(()) => break,
                Err(error) => {
                    // Whoever makes progress may go on for ever.
                    if file.metadata().map_err(fail)?.len() > have {
                        patience = None;
                    }
                    patience.get_or_insert_with(|| client.patience()).wait(error, events)?;
                }
            }
        }
        file.sync_data().map_err(fail)?;
        drop(file);
        if let Err(reason) = self.metadata.etag.verify(partial).map_err(fail)? {
            std::fs::remove_file(partial).map_err(fail)?;
            return Err(Error::Corrupt { url, reason });
        }
        Ok(())
    }

    /// One request, until the file is complete.
    fn continue_from(
        &self,
        have: u64,
        client: &Client,
        file: &mut File,
        partial: &Path,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        let fail = |e| Error::io(partial, e);
        let mut answer = client.fetch(self.repo, &self.metadata.commit, self.file, have)?;
        let start = if answer.status == 206 { first_byte(&answer)? } else { 0 };
        if start != 0 && start != have {
            return Err(Error::protocol(&answer.url, format!("answers from byte {start}, asked for {have}")));
        }
        if start != have {
            // The server begins anew, so must the file.
            file.set_len(start).map_err(fail)?;
        }
        let size = self.metadata.size;
        events(Event::Started { file: self.file, size, from: start });
        let mut buffer = vec![0; 1 << 18];
        let mut have = start;
        let mut body = answer.body.as_reader();
        loop {
            let count = body.read(&mut buffer).map_err(|e| Error::Connection {
                url: answer.url.clone(),
                reason: format!("broke off after {have} bytes of {}: {e}", self.file),
            })?;
            have += count as u64;
            match (count, size) {
                (_, Some(size)) if have > size => {
                    return Err(Error::protocol(
                        &answer.url,
                        format!("more than the {size} bytes announced"),
                    ));
                }
                (0, Some(size)) if have < size => {
                    let reason = format!("ended after {have} of {size} bytes of {}", self.file);
                    return Err(Error::Connection { url: answer.url, reason });
                }
                (0, _) => return Ok(()),
                _ => {}
            }
            file.write_all(&buffer[..count]).map_err(fail)?;
            events(Event::Received(count as u64));
        }
    }
}

/// Where a part of a file begins: `Content-Range: bytes 7-99/100`.
fn first_byte(answer: &Answer) -> Result<u64> {
    let text = answer.headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let first = text.and_then(|text| text.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok());
    first.ok_or_else(|| Error::protocol(&answer.url, format!("part of a file with Content-Range {text:?}")))
}

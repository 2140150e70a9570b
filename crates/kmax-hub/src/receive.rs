//! An answer's body on its way into a file.

use crate::error::{Error, Result};
use crate::event::Event;
use crate::pace::Paced;
use crate::transport::Answer;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use ureq::http::header;

/// A file that grows at a place.
pub(crate) struct Partial<'a> {
    pub file: File,
    pub path: &'a Path,
    /// What it is called when it is spoken of.
    pub name: &'a str,
}

impl Partial<'_> {
    pub fn length(&self) -> Result<u64> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(|e| Error::io(self.path, e))
    }

    pub fn truncate(&self, length: u64) -> Result<()> {
        self.file.set_len(length).map_err(|e| Error::io(self.path, e))
    }

    /// Takes up a body that begins at the byte `start`, until the file has `size` bytes; where that is not known until the body
    /// ends, but no more than `limit`.
    pub fn receive(
        &mut self,
        mut answer: Answer,
        start: u64,
        size: Option<u64>,
        limit: u64,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        if self.length()? != start {
            // The server begins anew, so must the file.
            self.truncate(start)?;
        }
        events(Event::Started { file: self.name, size, from: start });
        let mut buffer = vec![0; 1 << 18];
        let mut have = start;
        let mut body = Paced::new(answer.body.as_reader());
        loop {
            let count = body.read(&mut buffer).map_err(|e| Error::Connection {
                url: answer.url.clone(),
                reason: format!("broke off after {have} bytes of {}: {e}", self.name),
            })?;
            have += count as u64;
            match (count, size) {
                (_, Some(size)) if have > size => {
                    return Err(Error::protocol(
                        &answer.url,
                        format!("more than the {size} bytes announced"),
                    ));
                }
                (_, None) if have > limit => {
                    return Err(Error::TooLarge { url: answer.url.clone(), size: None, limit });
                }
                (0, Some(size)) if have < size => {
                    let reason = format!("ended after {have} of {size} bytes of {}", self.name);
                    return Err(Error::Connection { url: answer.url, reason });
                }
                (0, _) => return Ok(()),
                _ => {}
            }
            self.file.write_all(&buffer[..count]).map_err(|e| Error::io(self.path, e))?;
            events(Event::Received(count as u64));
        }
    }
}

/// First byte of the part that an answer holds, and the size of the whole, of `Content-Range: bytes 7-99/100`.
pub(crate) fn part(answer: &Answer) -> Result<(u64, Option<u64>)> {
    let text = answer.header(header::CONTENT_RANGE.as_str());
    let numbers = text.and_then(|text| {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        Some((range.split('-').next()?.trim().parse().ok()?, size.trim().parse().ok()))
    });
    numbers.ok_or_else(|| Error::protocol(&answer.url, format!("part of a file with Content-Range {text:?}")))
}

//! The journal of a part, wherever the results are.
//!
//! A store has no file to which lines are added: the journal is kept on this machine, and sent now and then. What it did not tell before the
//! process was killed is done again, and comes out as it was.

use super::out::Out;
use crate::exit::{Code, Failure, Outcome};
use kmax_datasets::Journal;
use kmax_store::{Stamp, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};

/// At least so long a journal is not sent again,
const PAUSE: Duration = Duration::from_secs(5);
/// and so many times as long as sending it took: a long one costs no more of the time than a short one.
const SHARE: u32 = 20;

/// A journal, and where it is sent to.
pub struct Kept<L> {
    lines: Journal<L>,
    sent: Option<Sent>,
}

struct Sent {
    url: Url,
    /// What was sent last: anything else comes from another process.
    stamp: Option<Stamp>,
    next: Instant,
    is_behind: bool,
}

impl<L: Serialize + DeserializeOwned> Kept<L> {
    /// Begins a journal, or goes on with the one that is there.
    pub fn open(out: &Out, name: &str, of: &str) -> Outcome<(Self, Vec<L>)> {
        let file = out.folder().join(name);
        let sent = match out.url() {
            None => None,
            Some(folder) => {
                let url = folder.join(name)?;
                let mut stamp = None;
                if out.stamp(name).is_some() {
                    let (text, found) = kmax_store::read(&url, MOST)?;
                    crate::output::write(&file, &text)?;
                    stamp = Some(found);
                }
                Some(Sent { url, stamp, next: Instant::now(), is_behind: true })
            }
        };
        let (lines, found) = Journal::open(&file, of)?;
        Ok((Self { lines, sent }, found))
    }

    /// Adds a line, and sends the journal if it is time.
    pub fn add(&mut self, out: &Out, name: &str, line: &L) -> Outcome {
        self.lines.add(line)?;
        if let Some(sent) = &mut self.sent {
            sent.is_behind = true;
            if Instant::now() >= sent.next {
                self.send(out, name)?;
            }
        }
        Ok(())
    }

    /// Sends what was not sent yet.
    pub fn send(&mut self, out: &Out, name: &str) -> Outcome {
        let Some(sent) = self.sent.as_mut().filter(|sent| sent.is_behind) else { return Ok(()) };
        let begun = Instant::now();
        if kmax_store::stamp(&sent.url)? != sent.stamp {
            let reason = "another process is making these results";
            return Err(Failure::new(Code::Input, format!("{}: {reason}", sent.url)));
        }
        let file = out.folder().join(name);
        let text = kmax_base::read::read_file(&file, MOST)
            .map_err(|error| Failure::new(Code::Output, format!("{}: {error}", file.display())))?;
        sent.stamp = Some(kmax_store::write(&sent.url, text)?);
        sent.is_behind = false;
        sent.next = Instant::now() + PAUSE.max(begun.elapsed() * SHARE);
        Ok(())
    }
}

/// The longest journal.
pub const MOST: u64 = 1 << 31;

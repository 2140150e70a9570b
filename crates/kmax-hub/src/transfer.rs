//! One plain file on its way.

use crate::client::failed;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::facts::Facts;
use crate::patience::Patience;
use crate::receive::{Partial, part};
use crate::transport::Answer;
use std::path::Path;

/// A file that is fetched, and how far it has come.
pub(crate) struct Transfer<'a> {
    /// The most bytes that it may have.
    pub limit: u64,
    pub partial: Partial<'a>,
    pub facts: Facts,
    /// Where the facts are kept for a later run.
    pub note: &'a Path,
}

impl Transfer<'_> {
    /// Requests until the file is complete: `open` asks for what lies behind a byte.
    pub fn complete(
        &mut self,
        mut patience: Patience,
        open: impl Fn(u64, &Facts) -> Result<Answer>,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        loop {
            let mut have = self.partial.length()?;
            if !self.facts.can_resume() || self.facts.size.is_some_and(|size| have > size) {
                self.partial.truncate(0)?;
                have = 0;
            }
            if have > 0 && self.facts.size == Some(have) {
                return Ok(());
            }
            match open(have, &self.facts).and_then(|answer| self.take(answer, have, events)) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    patience.progress(self.partial.length()?.saturating_sub(have), self.facts.size);
                    patience.wait(error, events)?;
                }
            }
        }
    }

    /// Takes up an answer to a request for what lies behind `have`.
    fn take(&mut self, answer: Answer, have: u64, events: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let start = match answer.status {
            200 => 0,
            206 => part(&answer)?.0,
            416 => return self.begin_anew(answer, "has no bytes behind those that are here"),
            401 | 403 => {
                let reason = format!("access is denied ({})", answer.status);
                return Err(Error::Denied { repo: answer.url, reason });
            }
            404 | 410 => {
                let what = format!("there is no such file ({})", answer.status);
                return Err(Error::NotFound { repo: answer.url, what });
            }
            _ => return Err(failed(&answer)),
        };
        let said = Facts::of(&answer)?;
        if start != 0 && (start != have || !self.facts.same_file(&said)) {
            return self.begin_anew(answer, "has changed meanwhile");
        }
        if said.size.is_some_and(|size| size > self.limit) {
            return Err(Error::TooLarge { url: answer.url, size: said.size, limit: self.limit });
        }
        if start == 0 {
            self.partial.truncate(0)?;
            said.write(self.note)?;
            self.facts = said;
        }
        self.partial.receive(answer, start, self.facts.size, self.limit, events)
    }

    fn begin_anew(&self, answer: Answer, reason: &str) -> Result<()> {
        self.partial.truncate(0)?;
        let reason = format!("the file {reason}; it is fetched anew");
        Err(Error::Connection { url: answer.url, reason })
    }
}

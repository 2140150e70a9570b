//! Which failures are worth repeating, and how often.

use crate::error::{Error, Result};
use crate::event::Event;
use std::time::Duration;

/// Repetitions of a failed request before it is given up.
const REPETITIONS: u32 = 4;
/// Longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What a request must bring of a file so that those before it are forgotten: a hundredth. Whatever a server does, there is an end
/// after a hundred times [`REPETITIONS`].
const PROGRESS: u64 = 100;

/// How often a failed request is still repeated.
pub(crate) struct Patience {
    left: u32,
    pause: Duration,
    first: Duration,
}

impl Patience {
    /// The usual one; `pause` is the first.
    pub fn new(pause: Duration) -> Self {
        Self { left: REPETITIONS, pause, first: pause }
    }

    /// For somebody who has an alternative.
    pub fn none() -> Self {
        Self { left: 0, pause: Duration::ZERO, first: Duration::ZERO }
    }

    /// Takes note that `bytes` of a file of `size` came: enough of it begins anew. Where the size is not known nothing can be
    /// taken up, and nothing was gained.
    pub fn progress(&mut self, bytes: u64, size: Option<u64>) {
        if size.is_some_and(|size| bytes >= size.div_ceil(PROGRESS).max(1)) {
            *self = Self::new(self.first);
        }
    }

    /// Waits after a temporary failure; gives any other back, and the last.
    pub fn wait(&mut self, error: Error, events: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let pause = match &error {
            Error::Busy { retry_after: Some(wait), .. } => *wait,
            _ => self.pause,
        };
        if !error.is_temporary() || self.left == 0 || pause > LONGEST_PAUSE {
            return Err(error);
        }
        self.left -= 1;
        self.pause *= 2;
        events(Event::Retrying { error: &error, pause });
        std::thread::sleep(pause);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_progress_is_none() {
        let mut patience = Patience::new(Duration::ZERO);
        let failure = || Error::Connection { url: "u".into(), reason: "broke".into() };
        let mut count = 0;
        while patience.wait(failure(), &mut |_| ()).is_ok() {
            count += 1;
            patience.progress(9, Some(1000));
            patience.progress(u64::MAX, None);
        }
        assert_eq!(count, REPETITIONS);
        patience.progress(10, Some(1000));
        assert!(patience.wait(failure(), &mut |_| ()).is_ok());
        let fault = Error::protocol("u", "no Hub");
        assert!(patience.wait(fault, &mut |_| ()).is_err());
    }
}

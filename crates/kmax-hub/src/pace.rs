//! Servers that send on and on, and next to nothing.

use std::io::{Error, ErrorKind, Read, Result};
use std::time::{Duration, Instant};

/// What a body must bring at least, in bytes a second, seen over [`WINDOW`]: a hundredth of a slow telephone line. A gigabyte
/// would take twelve days.
pub(crate) const LEAST_RATE: u64 = 1_000;

/// The time over which that is measured.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);

/// A reader that ends with an error where less comes than that.
pub(crate) struct Paced<R> {
    inner: R,
    pace: Pace,
}

impl<R: Read> Paced<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, pace: Pace::new(Instant::now()) }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.inner.read(buffer)?;
        if count > 0 && !self.pace.goes_on(count as u64, Instant::now()) {
            let (rate, window) = (LEAST_RATE, WINDOW.as_secs());
            let reason = format!("less than {rate} bytes a second came for {window} s");
            return Err(Error::new(ErrorKind::TimedOut, reason));
        }
        Ok(count)
    }
}

/// What came since when.
struct Pace {
    begun: Instant,
    bytes: u64,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { begun: now, bytes: 0 }
    }

    /// Takes note of what came; whether it is enough.
    fn goes_on(&mut self, bytes: u64, now: Instant) -> bool {
        self.bytes += bytes;
        let passed = now.duration_since(self.begun);
        if passed < WINDOW {
            return true;
        }
        let enough = self.bytes >= LEAST_RATE * passed.as_secs();
        *self = Self::new(now);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dripping_is_no_download_and_slowness_is_one() {
        let begun = Instant::now();
        // How many seconds it lasts at so many bytes a second.
        let lasts = |rate: u64| {
            let mut pace = Pace::new(begun);
            (1..200).find(|second| !pace.goes_on(rate, begun + Duration::from_secs(*second)))
        };
        assert_eq!((lasts(1), lasts(LEAST_RATE - 1), lasts(LEAST_RATE)), (Some(30), Some(30), None));
        // Fast at first, then dripping.
        let mut pace = Pace::new(begun);
        assert!(pace.goes_on(1 << 30, begun + WINDOW));
        assert!(!pace.goes_on(1, begun + 2 * WINDOW));
    }
}

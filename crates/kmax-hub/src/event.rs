//! What happens while files are fetched.

use crate::error::Error;
use std::time::Duration;

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

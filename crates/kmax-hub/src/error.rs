//! What can go wrong between here and the Hub.

use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Errors of the Hub.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What is no name of a repository or revision.
    #[error("{0}")]
    Name(String),
    /// An environment variable that makes no sense.
    #[error("{name}: {reason}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// 401 or 403.
    #[error("{repo}: {reason}")]
    Denied {
        /// The repository.
        repo: String,
        /// What the Hub said and what to do.
        reason: String,
    },
    /// 404: the repository, the revision or a file.
    #[error("{repo}: {what}")]
    NotFound {
        /// The repository.
        repo: String,
        /// What there is none of.
        what: String,
    },
    /// 404: the repository has no such file.
    #[error("{repo}: has no {file} at `{revision}` (404)")]
    NoFile {
        /// The repository.
        repo: String,
        /// The file.
        file: String,
        /// The revision.
        revision: String,
    },
    /// A file that is larger than it can be.
    #[error("{url}: has {}, and {limit} are the most that such a file can have", bytes(*.size))]
    TooLarge {
        /// The address asked.
        url: String,
        /// What was announced; `None`: more came than the limit.
        size: Option<u64>,
        /// The limit in bytes.
        limit: u64,
    },
    /// 429.
    #[error("{url}: too many requests (429){}", again(*.retry_after))]
    Busy {
        /// The address asked.
        url: String,
        /// How long the Hub wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    #[error("{url}: the server failed ({status}); try again later")]
    Server {
        /// The address asked.
        url: String,
        /// The answer's status.
        status: u16,
    },
    /// No connection, or one that broke.
    #[error("{url}: {reason}")]
    Connection {
        /// The address asked.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// An answer that is not one of a Hub.
    #[error("{url}: {reason}")]
    Protocol {
        /// The address asked.
        url: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A downloaded file with other content than announced. It was removed.
    #[error("{url}: {reason}; the file was removed, run the command again to fetch it anew")]
    Corrupt {
        /// Where the file came from.
        url: String,
        /// What differs.
        reason: String,
    },
    /// A file of a cache with other content than it is named by.
    #[error("{}: {reason}; remove it and fetch it anew", file.display())]
    Differs {
        /// The file.
        file: PathBuf,
        /// What differs.
        reason: String,
    },
    /// Neither the cache nor the network has it.
    #[error(
        "{repo} is not in the cache at {} and {reason}: run this once with a connection, point HF_HOME at a filled \
         cache, or give a model folder",
        cache.display()
    )]
    Absent {
        /// The repository.
        repo: String,
        /// The cache.
        cache: PathBuf,
        /// Why it cannot be fetched.
        reason: String,
    },
    /// The cache cannot be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Result of the Hub.
pub type Result<T> = std::result::Result<T, Error>;

fn again(wait: Option<Duration>) -> String {
    wait.map_or("; try again later".into(), |wait| format!("; try again in {} s", wait.as_secs()))
}

fn bytes(size: Option<u64>) -> String {
    size.map_or("more bytes than announced".into(), |size| format!("{size} bytes"))
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Name(_) | Self::Setting { .. } => ErrorKind::InvalidArgument,
            Self::Denied { .. } | Self::NotFound { .. } | Self::NoFile { .. } | Self::Absent { .. } => {
                ErrorKind::NotFound
            }
            Self::Busy { .. } | Self::Server { .. } | Self::Connection { .. } | Self::Protocol { .. } => {
                ErrorKind::Network
            }
            Self::Corrupt { .. } | Self::Differs { .. } | Self::TooLarge { .. } => ErrorKind::Damaged,
            Self::Io { .. } => ErrorKind::CannotWrite,
        }
    }

    pub(crate) fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Io { file: file.into(), source }
    }

    pub(crate) fn protocol(url: &str, reason: impl Into<String>) -> Self {
        Self::Protocol { url: url.into(), reason: reason.into() }
    }

    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Server { .. } | Self::Connection { .. })
    }
}

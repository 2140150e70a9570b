//! Why the server cannot begin, or go on.

use kmax_base::ErrorKind;
use std::net::SocketAddr;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened at.
    #[error("{address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// An address that others reach, and nothing that keeps them out.
    #[error("{0} can be reached by others: give a token (--token-file), or say --insecure")]
    Open(SocketAddr),
    /// A setting that makes no sense.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// Threads cannot be started.
    #[error("threads: {0}")]
    Threads(std::io::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(_) | Self::Setting { .. } => ErrorKind::InvalidArgument,
            Self::Listen { .. } | Self::Threads(_) => ErrorKind::Internal,
        }
    }

    pub(crate) fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { name, reason: reason.into() }
    }
}

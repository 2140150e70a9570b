//! How the server is to behave.

use std::net::SocketAddr;
use std::time::Duration;

/// One mebibyte.
const MIB: u64 = 1 << 20;

/// Where the server listens, whom it answers, and what it bears.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The address; port 0 is any free one.
    pub address: SocketAddr,
    /// Whom it answers.
    pub access: Access,
    /// What it bears.
    pub limits: Limits,
    /// Where the images of Label Studio's tasks may be fetched from.
    pub label_studio: Option<LabelStudio>,
}

/// Whom the server answers.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Access {
    /// What a client must know, as `Authorization: Bearer TOKEN` or as the password of basic authentication; at least
    /// [`TOKEN_LENGTH`] printable characters. `None`: everybody who reaches the address.
    pub token: Option<String>,
    /// Whether an address that others reach may go without a token.
    pub insecure: bool,
    /// Origins, such as `https://example.org`, whose pages may use the server from a browser.
    pub origins: Vec<String>,
    /// Names by which clients may call the server beside its address and `localhost`, such as that of a proxy.
    pub hosts: Vec<String>,
}

impl Access {
    /// With a token, if there is one.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// Open to everybody who reaches the address, or not.
    #[must_use]
    pub fn with_insecure(self, insecure: bool) -> Self {
        Self { insecure, ..self }
    }

    /// With origins whose pages may use the server.
    #[must_use]
    pub fn with_origins(self, origins: Vec<String>) -> Self {
        Self { origins, ..self }
    }

    /// With further names of the server.
    #[must_use]
    pub fn with_hosts(self, hosts: Vec<String>) -> Self {
        Self { hosts, ..self }
    }
}

/// The fewest characters of a token.
pub const TOKEN_LENGTH: usize = 16;

/// A Label Studio whose images may be fetched.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LabelStudio {
    /// Its address, such as `http://localhost:8081`; images are fetched from below it and from nowhere else.
    pub url: String,
    /// The access token of a user of it, sent with each fetch.
    pub token: Option<String>,
}

impl LabelStudio {
    /// At an address, as a user of it.
    pub fn new(url: impl Into<String>, token: Option<String>) -> Self {
        Self { url: url.into(), token }
    }
}

/// What the server bears.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Photos that are worked on at once, 1 to 64. All share the same threads for their arithmetic.
    pub workers: usize,
    /// Requests that wait for a worker, 0 to 10 000; beyond them the answer is 429.
    pub queue: usize,
    /// Bytes of a request's body.
    pub body: u64,
    /// Pixels of a photo, by its header.
    pub pixels: u64,
    /// Bytes of all bodies and answers that are in memory at once; beyond them the answer is 429.
    pub memory: u64,
    /// Photos of a batch.
    pub batch: usize,
    /// Time from the whole body to the answer, waiting included.
    pub request: Duration,
    /// Time for a request's headers, and for a connection to be idle.
    pub headers: Duration,
    /// Time for a request's body.
    pub upload: Duration,
    /// Time for a client to take an answer.
    pub download: Duration,
    /// Connections at once; a further one takes the place of the one that was idle longest.
    pub connections: usize,
    /// Predictions that are kept.
    pub predictions: usize,
    /// Bytes of the predictions that are kept.
    pub predictions_memory: u64,
    /// Time that a prediction is kept after it was last asked about.
    pub predictions_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 1,
            queue: 16,
            body: 64 * MIB,
            pixels: 50_000_000,
            memory: 512 * MIB,
            batch: 32,
            request: Duration::from_secs(120),
            headers: Duration::from_secs(15),
            upload: Duration::from_secs(60),
            download: Duration::from_secs(120),
            connections: 512,
            predictions: 32,
            predictions_memory: 512 * MIB,
            predictions_time: Duration::from_secs(900),
        }
    }
}

impl Settings {
    /// At an address, with every limit at its default, for everybody who reaches it.
    pub fn new(address: SocketAddr) -> Self {
        let (access, limits) = (Access::default(), Limits::default());
        Self { address, access, limits, label_studio: None }
    }
}

//! What happens while a model is pulled.

use kmax_convert::{EncoderSummary, Summary};

/// Something a user may want to see.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A download begins: said once, before the first byte.
    Fetching {
        /// Name of the model or file.
        name: &'a str,
        /// The address, as a person would open it.
        from: &'a str,
        /// Size of the file, where the server says it.
        bytes: Option<u64>,
        /// Licence of the weights in the Hub's spelling, where it is known.
        license: &'a str,
    },
    /// The download goes on.
    Download(kmax_hub::Event<'a>),
    /// The server announced no checksum: that the checkpoint is right nobody knows until it is converted.
    Unverified {
        /// Name of the model or file.
        name: &'a str,
    },
    /// A checkpoint on the Hub was converted before, with choices that are taken again.
    Reused {
        /// Name of the file.
        name: &'a str,
        /// What the cache calls the model.
        entry: &'a str,
    },
    /// The checkpoint is there, and is converted now.
    Converting {
        /// Name of the model or file.
        name: &'a str,
    },
    /// A model was made of it.
    Converted(&'a Summary),
    /// An encoder was made of it.
    ConvertedEncoder(&'a EncoderSummary),
}

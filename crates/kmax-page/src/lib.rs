//! The page that people look at: what is in a photo, and how the k-means steps found it.
//!
//! [`files`] are its HTML, styles, scripts and samples, for a server that answers the page's requests. [`Folder`] is the same as a
//! static folder for any web host, where the visitor's browser runs the models itself: exported networks with what the page must know
//! of them, and the engine, [`Runtime`], out of the npm package [`PACKAGE`].
//!
//! ```
//! let files = kmax_page::files();
//! let index = files.iter().find(|file| file.path == "index.html");
//! assert!(index.is_some_and(|file| file.media_type == "text/html; charset=utf-8"));
//! ```

#![forbid(unsafe_code)]

mod error;
mod files;
mod folder;
mod package;
mod runtime;

pub use error::{Error, Result};
pub use files::{File, files};
pub use folder::{Folder, Network, Written};
pub use kmax_base::ErrorKind;
pub use package::{PACKAGE, VERSION, address, verify};
pub use runtime::Runtime;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

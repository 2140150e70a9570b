//! The Hugging Face Hub: files of `hf://owner/name[@revision]` become a folder in a cache shared with Python.
//!
//! This crate knows repositories and files, and nothing of models: [`Hub::folder`] takes the list of [`File`]s that are wanted.
//!
//! A client of our own on `ureq`. hf-hub 1.0 stores the body of a failed answer as the file, and 0.5 knows neither
//! `HF_TOKEN`, `HF_HUB_CACHE` nor `HF_HUB_OFFLINE`, checks neither size nor checksum, and corrupts a file that it resumes
//! from a server without ranges. What a folder needs of the Hub is two requests, and these few pages.
//!
//! ```no_run
//! use kmax_hub::{Event, File, Hub, HubRepo};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let repo: HubRepo = "hf://owner/name@main".parse()?;
//! let file = |name, required| File { name, required, limit: 1 << 20 };
//! let files = [file("config.json", true), file("README.md", false)];
//! let hub = Hub::from_env()?;
//! let folder = hub.folder(&repo, &files, &mut |event| {
//!     if let Event::Started { file, size, .. } = event {
//!         println!("{file}: {size:?} bytes");
//!     }
//! })?;
//! println!("{}", folder.display());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod address;
mod checksum;
mod client;
mod download;
mod downloads;
mod drive;
mod error;
mod etag;
mod event;
mod facts;
mod hub;
mod layout;
mod pace;
mod patience;
mod receive;
mod repo;
mod settings;
mod transfer;
mod transport;
mod verify;

pub use address::Address;
pub use downloads::{Downloaded, Downloads};
pub use error::{Error, Result};
pub use event::Event;
pub use hub::{CachedFile, File, Hub};
pub use repo::{HubFile, HubRepo, RepoFile, SCHEME};
pub use settings::{Settings, endpoint};
pub use verify::verify;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

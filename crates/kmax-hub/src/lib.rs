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
//! let files = [File { name: "config.json", required: true }, File { name: "README.md", required: false }];
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

mod client;
mod download;
mod error;
mod etag;
mod event;
mod hub;
mod layout;
mod repo;
mod settings;

pub use error::{Error, Result};
pub use event::Event;
pub use hub::{File, Hub};
pub use repo::{HubRepo, SCHEME};
pub use settings::Settings;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

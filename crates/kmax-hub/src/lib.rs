//! The Hugging Face Hub: files of `hf://owner/name[@revision]` become a folder in a cache shared with Python.
//!
//! This crate knows repositories and files, and nothing of models: [`Hub::folder`] takes the list of [`File`]s that are wanted.
//!
//! A client of our own on `ureq`. hf-hub 1.0 stores the body of a failed answer as the file, and 0.5 knows neither
//! `HF_TOKEN`, `HF_HUB_CACHE` nor `HF_HUB_OFFLINE`, checks neither size nor checksum, and corrupts a file that it resumes
//! from a server without ranges. What a folder needs of the Hub is two requests, and these few pages.

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

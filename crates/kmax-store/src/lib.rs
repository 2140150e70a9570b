//! Objects of S3, Google Cloud Storage and Azure Blob Storage by their URLs: listed, read and written whole.
//!
//! An object is there whole or not at all, so nothing has to be renamed. What it holds is told by its [`Stamp`], which a store gives with
//! every answer, and which changes with the bytes.
//!
//! Faults that may pass (no connection, a server that is busy) are tried again for half a minute. What stays is told with the URL, and whether
//! the store or the one object is to blame: [`Error::is_of_the_store`].

#![forbid(unsafe_code)]

#[cfg(feature = "cloud")]
mod cloud;
mod error;
mod object;
#[cfg(not(feature = "cloud"))]
mod refused;
mod url;

#[cfg(feature = "cloud")]
use cloud as stores;
#[cfg(not(feature = "cloud"))]
use refused as stores;

pub use error::{Error, Result};
pub use object::{Depth, Object, Stamp};
pub use url::{Place, Url};

/// Whether this build reads and writes objects.
pub const IS_BUILT: bool = cfg!(feature = "cloud");

/// The objects below a URL, by name. There may be none: stores have no folders.
///
/// # Errors
/// If the store cannot be reached, or does not give a list.
pub fn list(folder: &Url, depth: Depth) -> Result<Vec<Object>> {
    stores::list(folder, depth)
}

/// An object's bytes, of which there may be `limit` at most, and its stamp.
///
/// # Errors
/// If it is not there, cannot be read, is longer, or there is no memory for it.
pub fn read(url: &Url, limit: u64) -> Result<(Vec<u8>, Stamp)> {
    stores::read(url, limit)
}

/// The stamp of an object, if it is there.
///
/// # Errors
/// If the store does not say.
pub fn stamp(url: &Url) -> Result<Option<Stamp>> {
    stores::stamp(url)
}

/// Writes an object, in place of what was there, and gives its stamp.
///
/// # Errors
/// If it cannot be written; what was there stays.
pub fn write(url: &Url, data: Vec<u8>) -> Result<Stamp> {
    stores::write(url, data)
}

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

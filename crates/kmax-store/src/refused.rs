//! A build without the clients.

use crate::error::{Error, Result};
use crate::object::{Depth, Object, Stamp};
use crate::url::Url;

fn refuse<T>(url: &Url) -> Result<T> {
    Err(Error::NotBuilt { url: url.to_string() })
}

pub fn list(folder: &Url, _: Depth) -> Result<Vec<Object>> {
    refuse(folder)
}

pub fn read(url: &Url, _: u64) -> Result<(Vec<u8>, Stamp)> {
    refuse(url)
}

pub fn stamp(url: &Url) -> Result<Option<Stamp>> {
    refuse(url)
}

pub fn write(url: &Url, _: Vec<u8>) -> Result<Stamp> {
    refuse(url)
}

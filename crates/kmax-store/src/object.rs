//! What is said of an object.

use crate::url::Url;

/// What a store says of an object's contents: its entity tag, or what stands for one.
pub type Stamp = String;

/// An object of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Where it is.
    pub url: Url,
    /// Its name below what was listed, with `/`.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// What it holds.
    pub stamp: Stamp,
}

/// What a list looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The objects in a folder.
    Folder,
    /// Those in folders below it too.
    All,
}

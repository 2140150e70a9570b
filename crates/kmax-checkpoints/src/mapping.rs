//! The only unsafe code of the crate: mapping a file into memory.
//!
//! Checkpoints have gigabytes. Mapped, a tensor is borrowed from the file where it lies, and a model is never in memory
//! twice.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a file that is not empty, to be read.
pub(crate) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is only ever read as plain bytes, for which every bit pattern is valid. Writing to or shortening the
    // file meanwhile breaks the mapping's contract; as with every memory-mapped format, that a checkpoint stays untouched
    // while it is read is asked of the user.
    unsafe { Mmap::map(file) }
}

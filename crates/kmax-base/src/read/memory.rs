//! Whether there is memory for what is going to be read.

use std::io::{Error, ErrorKind, Result};

use super::size;
use crate::memory::available;

/// What is smaller is not asked about: it costs more to ask than to fail.
const SMALL: u64 = 1 << 24;

/// `Ok` if as many bytes can be had. Where the system does not say (it does on Linux), everything passes, and the allocation
/// itself decides.
///
/// # Errors
/// `OutOfMemory`, saying how much is needed and how much is left.
pub fn check_memory(bytes: u64) -> Result<()> {
    if bytes < SMALL {
        return Ok(());
    }
    match available() {
        Some(left) if bytes > left => {
            let message = format!("needs {} of memory, and {} are left", size(bytes), size(left));
            Err(Error::new(ErrorKind::OutOfMemory, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_things_fit_and_impossible_ones_do_not() {
        assert!(check_memory(1).is_ok());
        if cfg!(target_os = "linux") {
            let error = check_memory(u64::MAX).expect_err("more than there is");
            assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        }
    }
}

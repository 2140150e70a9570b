//! Whether there is memory for what is going to be read.

use std::io::{Error, ErrorKind, Result};

use super::size;

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

/// Bytes that Linux can give without swapping: of the machine, and of the control group if that has less.
fn available() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = machine.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)?;
    Some(group().map_or(machine, |group| group.min(machine)))
}

/// What the control group (version 2) has left; none if it has no limit. Pages of files, which it gives back, do not count as used.
fn group() -> Option<u64> {
    let file = |name: &str| std::fs::read_to_string(format!("/sys/fs/cgroup/memory.{name}")).ok();
    let number = |name: &str| file(name)?.trim().parse::<u64>().ok();
    let cached: u64 = file("stat")?
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| matches!(*name, "active_file" | "inactive_file"))
        .filter_map(|(_, pages)| pages.parse::<u64>().ok())
        .sum();
    Some(number("max")?.saturating_sub(number("current")?.saturating_sub(cached)))
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

//! How much memory there is.

/// Bytes that this process may still take, if the system says: on Linux the least of what is free, what its control group allows
/// and what its address space may grow by. `None` elsewhere. It is a moment's truth: others take memory too.
pub fn available() -> Option<u64> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let text = |file: &str| std::fs::read_to_string(file).ok();
    let free = text("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
    let space = text("/proc/self/limits").and_then(|text| limit(&text, "Max address space"));
    let used = text("/proc/self/status").and_then(|text| kilobytes(&text, "VmSize:"));
    let space = space.map(|space| space.saturating_sub(used.unwrap_or(0)));
    [free, group(), space].into_iter().flatten().min()
}

/// Bytes of the machine's memory, if the system says: on Linux.
pub fn total() -> Option<u64> {
    kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// What the process' control group (version 2) has left; `None` if it has no limit. Pages of files, which it gives back, do not count
/// as used.
fn group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let file = |name: &str| std::fs::read_to_string(format!("/sys/fs/cgroup{path}/memory.{name}")).ok();
    let number = |name: &str| file(name)?.trim().parse::<u64>().ok();
    let files = file("stat").map_or(0, |stat| pages_of_files(&stat));
    Some(number("max")?.saturating_sub(number("current")?.saturating_sub(files)))
}

/// Bytes of files in memory, of lines such as `active_file 4096`.
fn pages_of_files(stat: &str) -> u64 {
    let lines = stat.lines().filter_map(|line| line.split_once(' '));
    let of_files = lines.filter(|(name, _)| matches!(*name, "active_file" | "inactive_file"));
    of_files.filter_map(|(_, bytes)| bytes.parse::<u64>().ok()).sum()
}

/// A line such as `MemAvailable:   22020480 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The soft limit in a line such as `Max address space  unlimited  unlimited  bytes`; `None` if there is none.
fn limit(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        let text = "MemTotal:       24689764 kB\nMemAvailable:   22020480 kB\n";
        assert_eq!(kilobytes(text, "MemTotal:"), Some(24_689_764 * 1024));
        assert_eq!(kilobytes(text, "MemAvailable:"), Some(22_020_480 * 1024));
        assert_eq!((kilobytes(text, "SwapFree:"), kilobytes("Mem: much", "Mem:")), (None, None));
        let text = "Max data size             unlimited            unlimited            bytes\n\
                    Max address space         4096000000           unlimited            bytes\n";
        assert_eq!(limit(text, "Max address space"), Some(4_096_000_000));
        assert_eq!((limit(text, "Max data size"), limit(text, "Max stack size")), (None, None));
        assert_eq!(pages_of_files("anon 7\nactive_file 4096\ninactive_file 8192\nfile_dirty 1\n"), 12_288);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn there_is_some() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
        assert!(total() > Some(1 << 24));
    }
}

//! How much memory there is.

/// Bytes that this process may still take, if the system says: on Linux the least of what is free, what its control group allows
/// and what its address space may grow by. `None` elsewhere. It is a moment's truth: others take memory too.
pub fn available() -> Option<u64> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let text = |file: &str| std::fs::read_to_string(file).ok();
    let free = text("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
    let group = text("/proc/self/cgroup").and_then(|text| {
        let path = text.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
        let number = |name: &str| {
            let file = format!("/sys/fs/cgroup{path}/{name}");
            std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
        };
        Some(number("memory.max")?.saturating_sub(number("memory.current")?))
    });
    let space = text("/proc/self/limits").and_then(|text| limit(&text, "Max address space"));
    let used = text("/proc/self/status").and_then(|text| kilobytes(&text, "VmSize:"));
    let space = space.map(|space| space.saturating_sub(used.unwrap_or(0)));
    [free, group, space].into_iter().flatten().min()
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
        assert_eq!(kilobytes(text, "MemAvailable:"), Some(22_020_480 * 1024));
        assert_eq!((kilobytes(text, "SwapFree:"), kilobytes("Mem: much", "Mem:")), (None, None));
        let text = "Max data size             unlimited            unlimited            bytes\n\
                    Max address space         4096000000           unlimited            bytes\n";
        assert_eq!(limit(text, "Max address space"), Some(4_096_000_000));
        assert_eq!((limit(text, "Max data size"), limit(text, "Max stack size")), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn there_is_some() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}

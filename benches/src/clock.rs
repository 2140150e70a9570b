//! What the system knows of this process. On other systems than Linux: nothing.

/// CPU seconds that all threads of this process have used so far.
pub fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() * 1e-9
}

/// Minor page faults of this process so far.
pub fn page_faults() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    text.split(' ').nth(9).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The largest resident memory of this process so far, or since [`forget_peak`], in megabytes of 10^6 bytes.
pub fn peak_rss_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1.024e-3
}

/// Lets [`peak_rss_mb`] begin anew.
pub fn forget_peak() {
    // Elsewhere than on Linux the peak is not known anyway.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

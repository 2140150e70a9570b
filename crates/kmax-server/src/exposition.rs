//! Numbers for Prometheus.

use crate::metrics::head;
use crate::state::State;
use kmax_base::read::{MAX_SETTINGS, read_text};
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::Ordering;

/// All numbers, in Prometheus' text form.
pub(crate) fn text(state: &State) -> String {
    let mut text = String::new();
    let metrics = &state.metrics;
    head(&mut text, "kmax_build_info", "gauge", "The version, always 1.");
    let _ = writeln!(text, "kmax_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    let (kept, kept_bytes) = state.kept.size();
    let (running, taken) = (state.queue.running() as u64, state.queue.taken() as u64);
    let gauges = [
        ("kmax_requests_running", running, "Requests that a worker is at."),
        ("kmax_requests_waiting", taken.saturating_sub(running), "Requests that wait for a worker."),
        ("kmax_request_places", state.queue.places() as u64, "Requests that may wait or be worked on."),
        ("kmax_body_bytes", state.budget.used(), "Bytes of bodies and answers in memory."),
        (
            "kmax_body_bytes_limit",
            state.settings.limits.memory,
            "Bytes of bodies and answers that there may be.",
        ),
        (
            "kmax_connections",
            metrics.connections.load(Ordering::Relaxed) as u64,
            "Connections that are open.",
        ),
        ("kmax_predictions", kept as u64, "Predictions that are kept."),
        ("kmax_predictions_bytes", kept_bytes, "Bytes of the predictions that are kept."),
    ];
    for (name, value, help) in gauges {
        head(&mut text, name, "gauge", help);
        let _ = writeln!(text, "{name} {value}");
    }
    if let Some(bytes) = resident() {
        head(&mut text, "process_resident_memory_bytes", "gauge", "Memory of the process.");
        let _ = writeln!(text, "process_resident_memory_bytes {bytes}");
    }
    let counters = [
        ("kmax_panics_total", state.queue.panics(), "Requests that met a fault in the program."),
        (
            "kmax_connections_dropped_total",
            metrics.dropped.load(Ordering::Relaxed),
            "Connections closed for being idle, slow, or one too many.",
        ),
    ];
    for (name, value, help) in counters {
        head(&mut text, name, "counter", help);
        let _ = writeln!(text, "{name} {value}");
    }
    metrics.write(&mut text);
    text
}

/// The memory of this process that is in use, if the system says.
fn resident() -> Option<u64> {
    let status = read_text(Path::new("/proc/self/status"), MAX_SETTINGS).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

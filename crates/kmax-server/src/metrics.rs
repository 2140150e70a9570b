//! What is counted as it happens.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Upper ends of the classes of durations, in seconds.
const ENDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// What a worker does for a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Decode,
    Network,
    Postprocess,
    Encode,
}

const STAGES: [(Stage, &str); 4] = [
    (Stage::Decode, "decode"),
    (Stage::Network, "network"),
    (Stage::Postprocess, "postprocess"),
    (Stage::Encode, "encode"),
];

/// How many took how long.
#[derive(Debug, Default, Clone)]
struct Durations {
    counts: [u64; ENDS.len()],
    count: u64,
    sum: f64,
}

impl Durations {
    fn add(&mut self, seconds: f64) {
        for (count, end) in self.counts.iter_mut().zip(ENDS) {
            *count += u64::from(seconds <= end);
        }
        self.count += 1;
        self.sum += seconds;
    }

    fn write(&self, text: &mut String, name: &str, label: &str) {
        for (count, end) in self.counts.iter().zip(ENDS) {
            let _ = writeln!(text, "{name}_bucket{{{label},le=\"{end:?}\"}} {count}");
        }
        let _ = writeln!(text, "{name}_bucket{{{label},le=\"+Inf\"}} {}", self.count);
        let _ = writeln!(text, "{name}_sum{{{label}}} {:?}", self.sum);
        let _ = writeln!(text, "{name}_count{{{label}}} {}", self.count);
    }
}

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By route, method and status.
    requests: Mutex<BTreeMap<(String, String, u16), u64>>,
    /// By route.
    durations: Mutex<BTreeMap<String, Durations>>,
    stages: Mutex<[Durations; STAGES.len()]>,
    /// Connections that are open.
    pub connections: AtomicUsize,
    /// Connections that were closed because they were idle too long, took too long, or one too many.
    pub dropped: AtomicU64,
}

impl Metrics {
    /// Counts a request that was answered.
    pub fn request(&self, route: &str, method: &str, status: u16, begun: Instant) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_owned(), method.to_owned(), status)).or_default() += 1;
        drop(requests);
        let mut durations = self.durations.lock().unwrap_or_else(PoisonError::into_inner);
        durations.entry(route.to_owned()).or_default().add(begun.elapsed().as_secs_f64());
    }

    /// Does a stage of the work and notes its time.
    pub fn stage<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        let place = STAGES.iter().position(|(other, _)| *other == stage).unwrap_or(0);
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)[place].add(begun.elapsed().as_secs_f64());
        done
    }

    /// Writes the requests and the times.
    pub fn write(&self, text: &mut String) {
        head(text, "kmax_requests_total", "counter", "Requests that were answered.");
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, method, status), count) in requests.iter() {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            let _ = writeln!(text, "kmax_requests_total{{{labels}}} {count}");
        }
        drop(requests);
        let name = "kmax_request_seconds";
        head(text, name, "histogram", "Time from a request's headers to its answer's.");
        for (route, durations) in self.durations.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            durations.write(text, name, &format!("route=\"{route}\""));
        }
        let name = "kmax_stage_seconds";
        head(text, name, "histogram", "Time of each stage of a photo.");
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        for (durations, (_, stage)) in stages.iter().zip(STAGES) {
            durations.write(text, name, &format!("stage=\"{stage}\""));
        }
    }
}

/// What a number is called and means.
pub(crate) fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_up_to_each_end() {
        let mut durations = Durations::default();
        [0.002, 0.01, 100.0].into_iter().for_each(|seconds| durations.add(seconds));
        let mut text = String::new();
        durations.write(&mut text, "x", "a=\"b\"");
        for line in [
            "x_bucket{a=\"b\",le=\"0.001\"} 0",
            "x_bucket{a=\"b\",le=\"0.0025\"} 1",
            "x_bucket{a=\"b\",le=\"0.01\"} 2",
            "x_bucket{a=\"b\",le=\"60.0\"} 2",
            "x_bucket{a=\"b\",le=\"+Inf\"} 3",
            "x_sum{a=\"b\"} 100.012",
            "x_count{a=\"b\"} 3",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}

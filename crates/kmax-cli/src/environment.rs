//! Settings that the allocator and Candle read from the environment before `main` runs.
//!
//! There is no safe way to change them from inside, so the program replaces itself once, with them set. What the user
//! has set stays.

/// The allocator keeps its pages: returning and faulting them in again costs as much as the arithmetic of layers.
const PURGE: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "-1");
/// Candle's own threads sleep rather than spin beside ours.
const SPIN: (&str, &str) = ("CANDLE_BARRIER_POOL_SPIN_LIMIT", "0");
/// Read by both thread pools.
const THREADS: &str = "RAYON_NUM_THREADS";

/// What is missing in an environment, `found` by name.
fn missing(threads: Option<u16>, found: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
    let fixed = [PURGE, SPIN].into_iter().filter(|(name, _)| found(name).is_none());
    let mut missing: Vec<_> = fixed.map(|(name, value)| (name, value.to_string())).collect();
    if let Some(threads) = threads.map(|n| n.to_string())
        && found(THREADS).as_ref() != Some(&threads)
    {
        missing.push((THREADS, threads));
    }
    missing
}

/// Starts the program anew where its environment lacks something; where that fails or is not possible, it goes on as it is.
pub fn settle(threads: Option<u16>) {
    let missing = missing(threads, |name| std::env::var(name).ok());
    if missing.is_empty() {
        return;
    }
    #[cfg(unix)]
    if let Ok(program) = std::env::current_exe() {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new(program);
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        // Comes back only with an error.
        let _ = command.args(std::env::args_os().skip(1)).envs(missing).exec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_missing_the_second_time() {
        let first = missing(Some(3), |_| None);
        assert_eq!(first.len(), 3);
        let set = |name: &str| first.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
        assert!(missing(Some(3), set).is_empty() && missing(None, set).is_empty());
        assert_eq!(missing(Some(2), set), [(THREADS, "2".to_string())]);
    }

    #[test]
    fn what_the_user_set_stays() {
        assert!(missing(None, |_| Some("10".into())).is_empty());
    }
}

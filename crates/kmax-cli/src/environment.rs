//! Settings that Candle reads from the environment, once, when its own thread pool is first used.
//!
//! It has no other way to set them. `main` sets them before there is a second thread, where that is sound; changing the
//! environment is `unsafe` in this edition of Rust, so it goes through `dotenvy`, which is made for it. What the user has set
//! stays. The allocator's setting is read before `main` runs: `allocator.c` makes that.

use crate::exit::{Code, Failure, OrExit, Outcome};
use kmax_base::limits;

/// Candle's own threads sleep rather than spin beside ours: an eighth of a training step, more on a busy machine.
const SPIN: &str = "CANDLE_BARRIER_POOL_SPIN_LIMIT=0";
/// Read by whatever could ask the network.
const OFFLINE: &str = "HF_HUB_OFFLINE=1";
/// Read by both thread pools.
const THREADS: &str = "RAYON_NUM_THREADS";

/// Sets what is not set, and the number of threads if one is given, and that nothing may be fetched. Only for the beginning of `main`.
pub fn settle(threads: Option<u16>, offline: bool) -> Outcome {
    dotenvy::from_read(SPIN.as_bytes()).or_exit(Code::Failed)?;
    if offline {
        dotenvy::from_read_override(OFFLINE.as_bytes()).or_exit(Code::Failed)?;
    }
    let Some(threads) = threads else { return check(std::env::var(THREADS).ok().as_deref()) };
    dotenvy::from_read_override(format!("{THREADS}={threads}").as_bytes()).or_exit(Code::Failed)?;
    // Ours would come too late for a pool that exists already.
    rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global().or_exit(Code::Usage)
}

/// Rayon starts as many threads as it is told to.
fn check(threads: Option<&str>) -> Outcome {
    let most = limits::THREADS;
    match threads.and_then(|threads| threads.parse::<u64>().ok()) {
        Some(threads) if threads > most as u64 => {
            Err(Failure::new(Code::Usage, format!("{THREADS}={threads}: at most {most} threads are started")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_a_limit_in_the_environment_too() {
        for (threads, right) in
            [(None, true), (Some("0"), true), (Some("1024"), true), (Some("x"), true), (Some("65535"), false)]
        {
            assert_eq!(check(threads).is_ok(), right, "{threads:?}");
        }
    }
}

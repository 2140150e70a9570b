//! The processes of a run that a launcher started several times over.

use crate::exit::{Code, Outcome};
use kmax::nn::Ranks;
use kmax::train::launched;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// This process among them; most often alone.
#[derive(Default)]
pub struct Team {
    /// Whether this process was told to stop.
    pub stop: Arc<AtomicBool>,
    #[cfg(feature = "mpi")]
    job: Option<kmax::train::mpi::Job>,
}

#[cfg(feature = "mpi")]
impl Team {
    /// Meets the others, if there are any.
    pub fn join() -> Outcome<Self> {
        if launched() == 1 {
            return Ok(Self::default());
        }
        let job = kmax::train::mpi::Job::join()?;
        Ok(Self { job: Some(job), ..Self::default() })
    }

    /// All of them.
    pub fn ranks(&self) -> Ranks {
        self.job.as_ref().map(kmax::train::mpi::Job::ranks).unwrap_or_default()
    }

    /// Ends this process' part. What failed in one ends all: they would wait for it for ever.
    pub fn end(self, outcome: Outcome) -> Outcome {
        let (Some(job), Err(failure)) = (&self.job, &outcome) else { return outcome };
        let rank = job.ranks().rank();
        if failure.code == Code::Partial {
            // All have stopped together; the first says so.
            if rank == 0 {
                return outcome;
            }
            drop(self);
            std::process::exit(Code::Partial as i32);
        }
        if rank == 0 {
            crate::output::tell(&format!("error: {}", failure.message));
        } else {
            // What fails everywhere is said once, by the first, which then ends this process too.
            std::thread::sleep(std::time::Duration::from_secs(10));
            if !self.stop.load(std::sync::atomic::Ordering::Relaxed) {
                crate::output::tell(&format!("error: rank {rank}: {}", failure.message));
            }
        }
        job.abort(failure.code as u8)
    }
}

#[cfg(not(feature = "mpi"))]
impl Team {
    /// Refuses to be one of several, which would all do the same.
    pub fn join() -> Outcome<Self> {
        let count = launched();
        if count == 1 {
            return Ok(Self::default());
        }
        let message = format!(
            "this was started as one of {count} processes, but the program was built without the feature `mpi` (docs/TRAINING.md)"
        );
        Err(crate::exit::Failure::new(Code::Usage, message))
    }

    /// One process.
    pub fn ranks(&self) -> Ranks {
        Ranks::single()
    }

    /// Ends this process' part.
    pub fn end(self, outcome: Outcome) -> Outcome {
        outcome
    }
}

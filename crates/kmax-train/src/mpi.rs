//! Ranks that are the processes of an MPI job.

use crate::error::{Error, Result};
use crate::launch::launched;
use ::mpi::Threading;
use ::mpi::environment::Universe;
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::{Communicator, CommunicatorCollectives};
use kmax_nn::{Ranks, Transport};

/// This process in the job that a launcher (`mpirun`, `srun`) started. It leaves the job when this is dropped, and waits for the
/// others to do so.
pub struct Job {
    _universe: Universe,
}

impl Job {
    /// Joins the others.
    ///
    /// # Errors
    /// If the process has joined already, or the MPI library cannot serve it.
    pub fn join() -> Result<Self> {
        // A step runs on a thread of the pool, and never on two.
        let joined = ::mpi::initialize_with_threading(Threading::Serialized);
        let Some((universe, threading)) = joined else {
            return Err(Error::Setting("MPI is in use already".into()));
        };
        if threading < Threading::Serialized {
            let reason =
                "this MPI library serves the main thread alone; training needs MPI_THREAD_SERIALIZED";
            return Err(Error::Setting(reason.into()));
        }
        let (expected, found) = (launched(), World.size());
        if expected != found {
            return Err(Error::Setting(format!(
                "the launcher started {expected} processes and MPI sees {found}: the launcher has to be of the MPI library that the \
                 program was built with"
            )));
        }
        Ok(Self { _universe: universe })
    }

    /// Its processes.
    pub fn ranks(&self) -> Ranks {
        Ranks::of(World)
    }

    /// Ends all processes of the job, with that exit code.
    pub fn abort(&self, code: u8) -> ! {
        SimpleCommunicator::world().abort(code.into())
    }
}

/// All processes of the job. The library's own answer to one that is gone is to end the others.
#[derive(Debug)]
struct World;

impl Transport for World {
    fn rank(&self) -> usize {
        usize::try_from(SimpleCommunicator::world().rank()).unwrap_or_default()
    }

    fn size(&self) -> usize {
        usize::try_from(SimpleCommunicator::world().size()).unwrap_or(1)
    }

    fn gather(&self, own: &[f64], all: &mut [f64]) -> kmax_kernels::Result<()> {
        SimpleCommunicator::world().all_gather_into(own, all);
        Ok(())
    }

    fn gather_singles(&self, own: &[f32], all: &mut [f32]) -> kmax_kernels::Result<()> {
        SimpleCommunicator::world().all_gather_into(own, all);
        Ok(())
    }

    fn exchange_singles(&self, own: &[f32], all: &mut [f32]) -> kmax_kernels::Result<()> {
        SimpleCommunicator::world().all_to_all_into(own, all);
        Ok(())
    }
}

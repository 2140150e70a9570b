//! The processes that train together: what they sum, in an order that timing does not change.
//!
//! A batch that is shared among ranks has the gradients of the whole batch if every sum over images runs over all ranks: the
//! statistics of batch norms, the sums of their backward pass, the loss and the gradients. How numbers travel is a [`Transport`]'s
//! affair.

mod across;
mod threads;

use crate::error::{Error, Result};
pub(crate) use across::across;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Float32 numbers of one exchange of [`Ranks::sum_singles`]: 16 MiB.
const PIECE: usize = 1 << 22;

/// How the ranks reach each other. Each function is called by every rank, in the same order and with as many numbers, and
/// returns when all have called it.
pub trait Transport: Debug + Send + Sync {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// Puts `own` of every rank into `all`, in the order of the ranks.
    ///
    /// # Errors
    /// If a rank is gone.
    fn gather(&self, own: &[f64], all: &mut [f64]) -> Result<()>;

    /// As [`Self::gather`], in float32.
    ///
    /// # Errors
    /// As [`Self::gather`].
    fn gather_singles(&self, own: &[f32], all: &mut [f32]) -> Result<()>;

    /// Cuts `own` into a piece for each rank, and puts the pieces that are for this one into `all`, in the order of the ranks.
    ///
    /// # Errors
    /// As [`Self::gather`].
    fn exchange_singles(&self, own: &[f32], all: &mut [f32]) -> Result<()>;
}

/// This process among those that train together; by default it is alone.
///
/// A clone is the same rank. Sums are taken in float64 in the order of the ranks, so that they are the same on every rank and in
/// every run.
#[derive(Debug, Clone, Default)]
pub struct Ranks {
    transport: Option<Arc<dyn Transport>>,
    stop: Option<Arc<AtomicBool>>,
    stopped: Arc<AtomicBool>,
}

impl Ranks {
    /// One process.
    pub fn single() -> Self {
        Self::default()
    }

    /// The ranks that `transport` reaches.
    pub fn of(transport: impl Transport + 'static) -> Self {
        Self { transport: Some(Arc::new(transport)), ..Self::default() }
    }

    /// Does `work` as each of `size` ranks, which are threads of this process, and gives the results in their order: for tests.
    ///
    /// # Errors
    /// If there are no threads to be had.
    pub fn on_threads<R: Send>(size: usize, work: impl Fn(Self) -> R + Sync) -> Result<Vec<R>> {
        let work = &work;
        std::thread::scope(|scope| {
            let ranks = threads::Threads::all(size).into_iter().map(Self::of);
            let threads = ranks.map(|ranks| {
                // A rank that waits for others holds its thread, so that a common pool could run out of them.
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
                let pool = pool.map_err(|error| Error::Ranks(error.to_string()))?;
                Ok(scope.spawn(move || pool.install(|| work(ranks))))
            });
            let threads = threads.collect::<Result<Vec<_>>>()?;
            let done = threads.into_iter().map(|thread| thread.join());
            Ok(done.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect())
        })
    }

    /// The same, stopped at the next meeting once `stop` is set on any rank.
    #[must_use]
    pub fn stopped_by(self, stop: Option<Arc<AtomicBool>>) -> Self {
        Self { stop, stopped: Arc::default(), ..self }
    }

    /// The number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.transport.as_ref().map_or(0, |transport| transport.rank())
    }

    /// How many ranks there are, at least 1.
    pub fn size(&self) -> usize {
        self.transport.as_ref().map_or(1, |transport| transport.size().max(1))
    }

    /// Whether this is the rank that writes and tells.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Whether a meeting ended in [`Error::Stopped`].
    pub fn have_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// `own` of every rank, in their order. Nobody is stopped here.
    ///
    /// # Errors
    /// If a rank is gone.
    pub fn gather(&self, own: &[f64]) -> Result<Vec<f64>> {
        let Some(transport) = &self.transport else { return Ok(own.to_vec()) };
        let mut all = vec![0.0; own.len() * self.size()];
        transport.gather(own, &mut all)?;
        Ok(all)
    }

    /// Whether `own` is true on any rank.
    ///
    /// # Errors
    /// If a rank is gone.
    pub fn any(&self, own: bool) -> Result<bool> {
        Ok(self.gather(&[f64::from(u8::from(own))])?.iter().any(|said| *said != 0.0))
    }

    /// A meeting within a step: as [`Self::gather`], a row for each rank, unless one of them was told to stop.
    ///
    /// # Errors
    /// [`Error::Stopped`], on all ranks alike, or if a rank is gone.
    pub fn meet(&self, own: &[f64]) -> Result<Vec<Vec<f64>>> {
        let asked = self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
        let row = [own, &[f64::from(u8::from(asked))]].concat();
        let mut rows: Vec<Vec<f64>> = self.gather(&row)?.chunks(row.len()).map(<[f64]>::to_vec).collect();
        let mut stopped = false;
        for row in &mut rows {
            stopped |= row.pop().is_some_and(|said| said != 0.0);
        }
        if stopped {
            self.stopped.store(true, Ordering::Relaxed);
            return Err(Error::Stopped);
        }
        Ok(rows)
    }

    /// Each number becomes its sum over the ranks: a meeting.
    ///
    /// # Errors
    /// As [`Self::meet`].
    pub fn sum(&self, values: &mut [f64]) -> Result<()> {
        let rows = self.meet(values)?;
        for (i, value) in values.iter_mut().enumerate() {
            *value = rows.iter().map(|row| row[i]).sum();
        }
        Ok(())
    }

    /// As [`Self::sum`] of many numbers: each rank adds up a part of them, and gives it to the others. Nobody is stopped here.
    ///
    /// # Errors
    /// If a rank is gone.
    pub fn sum_singles(&self, values: &mut [f32]) -> Result<()> {
        let Some(transport) = &self.transport else { return Ok(()) };
        let size = self.size();
        for values in values.chunks_mut(PIECE) {
            let part = values.len().div_ceil(size);
            let mut row = values.to_vec();
            row.resize(part * size, 0.0);
            let mut theirs = vec![0.0; part * size];
            transport.exchange_singles(&row, &mut theirs)?;
            let mut sums = vec![0f64; part];
            for theirs in theirs.chunks_exact(part) {
                sums.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            let sums: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
            transport.gather_singles(&sums, &mut row)?;
            values.copy_from_slice(&row[..values.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_the_same_everywhere_and_run_in_the_order_of_the_ranks() -> Result<()> {
        // In another order the small one would be lost.
        let own = [1e16, -1e16, 1.0];
        let sums = Ranks::on_threads(3, |ranks| {
            let mut values = [own[ranks.rank()], ranks.rank() as f64];
            ranks.sum(&mut values).map(|()| values)
        })?;
        for sum in sums {
            assert_eq!(sum.ok(), Some([1.0, 3.0]));
        }
        Ok(())
    }

    #[test]
    fn many_numbers_are_summed_in_pieces() -> Result<()> {
        // One that the pieces and the ranks do not divide.
        let count = PIECE + 5;
        let sums = Ranks::on_threads(4, |ranks| {
            let mut values: Vec<f32> = (0..count).map(|i| (i % 1000) as f32 + ranks.rank() as f32).collect();
            ranks.sum_singles(&mut values).map(|()| values)
        })?;
        for sum in sums {
            let sum = sum.expect("all are there");
            assert!(sum.iter().enumerate().all(|(i, sum)| *sum == 4.0 * (i % 1000) as f32 + 6.0));
        }
        Ok(())
    }

    #[test]
    fn one_that_is_told_to_stop_stops_all() -> Result<()> {
        let told = Ranks::on_threads(3, |ranks| {
            let stop = Arc::new(AtomicBool::new(ranks.rank() == 1));
            let ranks = ranks.stopped_by(Some(stop));
            (ranks.any(ranks.rank() == 2).ok(), ranks.meet(&[]).is_err(), ranks.have_stopped())
        })?;
        assert_eq!(told, [(Some(true), true, true); 3]);
        let alone = Ranks::single().stopped_by(Some(Arc::new(AtomicBool::new(false))));
        assert!(alone.meet(&[2.0]).is_ok_and(|rows| rows == [[2.0]]));
        Ok(())
    }

    #[test]
    fn a_rank_that_is_gone_is_an_error() -> Result<()> {
        let told = Ranks::on_threads(2, |ranks| match ranks.rank() {
            0 => true,
            _ => ranks.gather(&[0.0]).is_err_and(|error| error.to_string().contains("gone")),
        })?;
        assert_eq!(told, [true, true]);
        Ok(())
    }
}

//! Ranks that are threads of one process.

use super::Transport;
use crate::error::{Error, Result};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// One of the ranks: a channel to each of them, itself included, and one from each.
#[derive(Debug)]
pub(super) struct Threads {
    rank: usize,
    to: Vec<Sender<Vec<f64>>>,
    from: Mutex<Vec<Receiver<Vec<f64>>>>,
}

impl Threads {
    /// All of them.
    pub(super) fn all(size: usize) -> Vec<Self> {
        let mut from: Vec<Vec<_>> = (0..size).map(|_| Vec::new()).collect();
        let link = |from: &mut Vec<_>| {
            let (sender, receiver) = channel();
            from.push(receiver);
            sender
        };
        let to: Vec<Vec<_>> = (0..size).map(|_| from.iter_mut().map(link).collect()).collect();
        let ranks = to.into_iter().zip(from).enumerate();
        ranks.map(|(rank, (to, from))| Self { rank, to, from: Mutex::new(from) }).collect()
    }

    /// Sends a row to each rank, and puts what comes from each into `all`.
    fn pass<'a>(&self, rows: impl Iterator<Item = &'a [f64]>, all: &mut [f64]) -> Result<()> {
        let gone = |rank: usize| Error::Ranks(format!("rank {rank} is gone"));
        for (rank, (to, row)) in self.to.iter().zip(rows).enumerate() {
            to.send(row.to_vec()).map_err(|_| gone(rank))?;
        }
        let from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let length = all.len() / from.len().max(1);
        for (rank, (from, place)) in from.iter().zip(all.chunks_exact_mut(length.max(1))).enumerate() {
            let row = from.recv().map_err(|_| gone(rank))?;
            if row.len() != place.len() {
                return Err(Error::Ranks(format!("rank {rank} sent {} numbers, not {length}", row.len())));
            }
            place.copy_from_slice(&row);
        }
        Ok(())
    }
}

impl Transport for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn gather(&self, own: &[f64], all: &mut [f64]) -> Result<()> {
        self.pass(std::iter::repeat(own), all)
    }

    fn gather_singles(&self, own: &[f32], all: &mut [f32]) -> Result<()> {
        singles(own, all, |own, all| self.gather(own, all))
    }

    fn exchange_singles(&self, own: &[f32], all: &mut [f32]) -> Result<()> {
        let part = (own.len() / self.size().max(1)).max(1);
        singles(own, all, |own, all| self.pass(own.chunks_exact(part), all))
    }
}

/// Through float64, which holds every float32.
fn singles(own: &[f32], all: &mut [f32], pass: impl FnOnce(&[f64], &mut [f64]) -> Result<()>) -> Result<()> {
    let own: Vec<f64> = own.iter().map(|value| f64::from(*value)).collect();
    let mut wide = vec![0.0; all.len()];
    pass(&own, &mut wide)?;
    all.iter_mut().zip(wide).for_each(|(to, value)| *to = value as f32);
    Ok(())
}

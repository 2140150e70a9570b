//! The part of each batch that one of several processes makes.

use crate::error::{Error, Result};

/// One of several processes that make the same batches together.
///
/// A batch is computed in `parts` equal parts, one after the other, and each part is divided among the processes: together they
/// see what one process sees, part by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The number of this process, from 0.
    pub rank: usize,
    /// Processes.
    pub ranks: usize,
    /// Parts of a batch.
    pub parts: usize,
}

impl Default for Share {
    fn default() -> Self {
        Self { rank: 0, ranks: 1, parts: 1 }
    }
}

impl Share {
    /// Examples of a batch that this process makes.
    pub(super) fn of(self, batch: usize) -> usize {
        batch / self.ranks
    }

    /// Where in the batch its `own`-th example stands.
    pub(super) fn place(self, batch: usize, own: usize) -> usize {
        let (part, size) = (batch / self.parts, batch / self.parts / self.ranks);
        own / size * part + self.rank * size + own % size
    }

    /// Whether a batch can be shared so.
    ///
    /// # Errors
    /// If it cannot be cut into equal parts.
    pub(super) fn check(self, batch: usize) -> Result<()> {
        let Self { rank, ranks, parts } = self;
        if rank >= ranks || parts == 0 {
            return Err(Error::setting("share", format!("rank {rank} of {ranks}, {parts} parts")));
        }
        if !batch.is_multiple_of(ranks * parts) {
            let parts = if parts == 1 { String::new() } else { format!(" in {parts} equal parts") };
            let reason = format!("{batch} images cannot be shared equally among {ranks} processes{parts}");
            return Err(Error::setting("batch", reason));
        }
        Ok(())
    }
}

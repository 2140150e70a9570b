//! Telling from several threads how far a task is.

use std::sync::{Mutex, PoisonError};

use kmax_base::Progress;

use crate::error::{Error, Result};

/// Counts what is done. The total may grow when it turns out that there is more to do.
pub struct Told<'a> {
    progress: &'a dyn Progress,
    count: Mutex<(usize, usize)>,
}

impl<'a> Told<'a> {
    /// Says that nothing of `total` is done.
    pub fn new(progress: &'a dyn Progress, total: usize) -> Self {
        progress.advance(0, total);
        Self { progress, count: Mutex::new((0, total)) }
    }

    /// There are so many more to do.
    pub fn expect(&self, more: usize) {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).1 += more;
    }

    /// Does one part, unless the task is to stop.
    pub fn part<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        if self.progress.cancelled() {
            return Err(Error::Cancelled);
        }
        let done = work();
        // The lock is held while it is told, so that the counts rise.
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.0 += 1;
        self.progress.advance(count.0, count.1);
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rise_to_a_total_that_may_grow() -> Result<()> {
        let heard = Mutex::new(Vec::new());
        let listen = |done: usize, total: usize| heard.lock().expect("not poisoned").push((done, total));
        let told = Told::new(&listen, 1);
        assert_eq!(told.part(|| 5)?, 5);
        told.expect(2);
        told.part(|| ())?;
        assert_eq!(*heard.lock().expect("not poisoned"), [(0, 1), (1, 1), (2, 3)]);
        Ok(())
    }
}

//! Telling how far a long task is, and stopping it.

/// Told how far a long task is, and asked whether it should go on.
///
/// `()` hears nothing and never stops. A closure of two counts hears, and never stops either.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use kmax_base::Progress;
///
/// struct Bar<'a>(&'a AtomicBool);
///
/// impl Progress for Bar<'_> {
///     fn advance(&self, done: usize, total: usize) {
///         eprintln!("{done} of {total}");
///     }
///     fn cancelled(&self) -> bool {
///         self.0.load(Ordering::Relaxed)
///     }
/// }
///
/// let stop = AtomicBool::new(true);
/// assert!(Bar(&stop).cancelled());
/// ```
pub trait Progress: Sync {
    /// `done` of `total` parts are done. A task says so once before its first part, with 0, and then after each; `done`
    /// rises from call to call, also where several threads work.
    fn advance(&self, _done: usize, _total: usize) {}

    /// Whether the task should stop. It is asked before each part, from any thread; a task that stops gives an error of the
    /// kind [`Cancelled`](crate::ErrorKind::Cancelled).
    fn cancelled(&self) -> bool {
        false
    }
}

impl Progress for () {}

impl<F: Fn(usize, usize) + Sync> Progress for F {
    fn advance(&self, done: usize, total: usize) {
        self(done, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn closures_hear_and_nothing_hears_nothing() {
        let heard = Mutex::new(Vec::new());
        let listen = |done: usize, total: usize| heard.lock().expect("not poisoned").push((done, total));
        let told: [&dyn Progress; 2] = [&(), &listen];
        for progress in told {
            progress.advance(1, 3);
            assert!(!progress.cancelled());
        }
        assert_eq!(*heard.lock().expect("not poisoned"), [(1, 3)]);
    }
}

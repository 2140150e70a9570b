//! The same work for many items, on all threads.

use std::sync::{Mutex, PoisonError};

use kmax_base::Progress;
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Looks at every item on rayon's threads. Of several errors it is always that of the first item that comes out.
///
/// # Errors
/// Those of `look`, and [`Error::Cancelled`].
pub(crate) fn each<I: Sync, T: Send>(
    items: &[I],
    progress: &dyn Progress,
    look: impl Fn(usize, &I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    progress.advance(0, items.len());
    let done = Mutex::new(0);
    let found: Vec<Result<T>> = items
        .par_iter()
        .enumerate()
        .map(|(index, item)| {
            if progress.cancelled() {
                return Err(Error::Cancelled);
            }
            let found = look(index, item);
            // The lock is held while it is told, so that the counts rise.
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            *done += 1;
            progress.advance(*done, items.len());
            found
        })
        .collect();
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rise_and_the_first_error_comes_out() {
        let told = Mutex::new(Vec::new());
        let listen = |done: usize, total: usize| told.lock().expect("not poisoned").push((done, total));
        let items: Vec<usize> = (0..50).collect();
        let found = each(&items, &listen, |index, &item| {
            if item >= 40 { Err(Error::setting("item", item.to_string())) } else { Ok(index) }
        });
        assert!(found.is_err_and(|error| error.to_string() == "item: 40"));
        assert_eq!(*told.lock().expect("not poisoned"), (0..=50).map(|n| (n, 50)).collect::<Vec<_>>());
    }

    #[test]
    fn it_can_be_stopped() {
        struct Stop;
        impl Progress for Stop {
            fn cancelled(&self) -> bool {
                true
            }
        }
        let found = each(&[1, 2], &Stop, |_, &item| Ok(item));
        assert!(found.is_err_and(|error| error.kind() == kmax_base::ErrorKind::Cancelled));
    }
}

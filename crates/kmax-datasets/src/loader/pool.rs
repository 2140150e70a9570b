//! The threads of a loader and their queue.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use kmax_transforms::Draw;

use super::order::{Showing, length, order};
use super::{Examples, LoaderConfig, Position};
use crate::error::{Error, Result};

/// What the threads share. Examples are numbered from the start of the loader.
struct State<T> {
    /// The next example that a thread may begin.
    begin: u64,
    /// The next example that is handed out.
    take: u64,
    /// Made, but not handed out.
    ready: HashMap<u64, Result<T>>,
    /// The order of the epoch that `begin` is in.
    order: (u64, Vec<Showing>),
    /// Whether the loader is gone.
    stop: bool,
}

struct Shared<E: Examples> {
    examples: Arc<E>,
    state: Mutex<State<E::Example>>,
    /// Waited for by threads: the queue has room.
    room: Condvar,
    /// Waited for by the loader: an example is ready.
    made: Condvar,
    config: LoaderConfig,
    start: Position,
}

/// A pool of threads that makes examples in order, a bounded number ahead.
pub(super) struct Pool<E: Examples> {
    shared: Arc<Shared<E>>,
    threads: Vec<JoinHandle<()>>,
}

impl<E: Examples> Pool<E> {
    pub(super) fn start(examples: Arc<E>, config: &LoaderConfig, start: Position) -> Result<Self> {
        let state = State {
            begin: 0,
            take: 0,
            ready: HashMap::new(),
            order: (start.epoch, order(config, start.epoch, examples.len())),
            stop: false,
        };
        let shared = Arc::new(Shared {
            examples,
            state: Mutex::new(state),
            room: Condvar::new(),
            made: Condvar::new(),
            config: config.clone(),
            start,
        });
        let mut pool = Self { shared, threads: Vec::with_capacity(config.workers) };
        for number in 0..config.workers {
            let shared = pool.shared.clone();
            let thread = std::thread::Builder::new().name(format!("loader-{number}"));
            let thread = thread.spawn(move || shared.work());
            // Dropping the pool ends the threads that did start.
            pool.threads.push(thread.map_err(|error| Error::setting("workers", error.to_string()))?);
        }
        Ok(pool)
    }

    /// The next example, waiting for it if need be.
    pub(super) fn take(&self) -> Result<E::Example> {
        let mut state = self.shared.lock();
        let number = state.take;
        loop {
            if let Some(example) = state.ready.remove(&number) {
                state.take += 1;
                drop(state);
                self.shared.room.notify_all();
                return example;
            }
            state = self.shared.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    #[cfg(test)]
    pub(super) fn examples(&self) -> &E {
        &self.shared.examples
    }
}

impl<E: Examples> Drop for Pool<E> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.room.notify_all();
        for thread in self.threads.drain(..) {
            // Panics of examples are caught where they happen, so there is nothing to pass on.
            let _ = thread.join();
        }
    }
}

impl<E: Examples> Shared<E> {
    fn lock(&self) -> MutexGuard<'_, State<E::Example>> {
        // No code that may panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some((number, draw)) = self.begin() {
            let example = catch_unwind(AssertUnwindSafe(|| self.examples.example(draw)));
            let example = example.unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let reason = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                Err(Error::Worker {
                    epoch: draw.epoch,
                    index: draw.index as usize,
                    reason: reason.to_owned(),
                })
            });
            self.lock().ready.insert(number, example);
            self.made.notify_one();
        }
    }

    /// The next example to make, once the queue has room; `None` when the loader is gone.
    fn begin(&self) -> Option<(u64, Draw)> {
        let (batch, share) = (self.config.batch as u64, self.config.share);
        let own = share.of(self.config.batch) as u64;
        let room = own * (self.config.ahead as u64 + 1);
        let mut state = self.lock();
        while !state.stop && state.begin >= state.take + room {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop {
            return None;
        }
        let number = state.begin;
        state.begin += 1;
        // Each epoch leaves out what does not fill a batch.
        let per_epoch = length(&self.config, self.examples.len()) as u64 / batch * batch;
        let within = share.place(self.config.batch, (number % own) as usize) as u64;
        let place = (self.start.batch as u64 + number / own) * batch + within;
        let (epoch, place) = (self.start.epoch + place / per_epoch, (place % per_epoch) as usize);
        if state.order.0 != epoch {
            state.order = (epoch, order(&self.config, epoch, self.examples.len()));
        }
        let Showing { image, copy } = state.order.1[place];
        Some((number, Draw { seed: self.config.seed, epoch, index: image as u64, copy }))
    }
}

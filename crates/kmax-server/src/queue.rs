//! The queue in front of the network, and the threads that work it off.

use crate::error::{Error, Result as Outcome};
use crate::problem::Problem;
use kmax_base::{ErrorKind, Progress};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Work with its place in the queue; gone when it begins, or when nobody waits for it any more.
type Slot = Arc<Mutex<Option<(Work, OwnedSemaphorePermit)>>>;
type Work = Box<dyn FnOnce() + Send>;

/// Whether anybody still waits for a result.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// An error if nobody waits any more: asked between the stages of the work.
    pub fn check(&self) -> Result<(), Problem> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Problem::of(ErrorKind::Cancelled, "nobody waits for it"));
        }
        Ok(())
    }
}

/// Tiles are told to nobody, and stop with the rest.
impl Progress for Cancel {
    fn advance(&self, _: usize, _: usize) {}

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Work that waits its turn.
#[derive(Debug)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    /// Places in all.
    whole: usize,
    workers: usize,
    /// The longest that a request may take.
    patience: Duration,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<(VecDeque<Slot>, bool)>,
    more: Condvar,
    running: AtomicUsize,
    panics: AtomicU64,
    /// Microseconds of a piece of work, averaged over the last ones.
    usual: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<Slot>, bool)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a worker does until the queue is closed and empty.
    fn work(&self) {
        loop {
            let mut waiting = self.lock();
            let slot = loop {
                match waiting.0.pop_front() {
                    Some(slot) => break slot,
                    None if waiting.1 => return,
                    None => waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(waiting);
            let Some((work, place)) = take(&slot) else { continue };
            self.running.fetch_add(1, Ordering::Relaxed);
            let begun = Instant::now();
            work();
            let took = begun.elapsed().as_micros() as u64;
            let before = self.usual.load(Ordering::Relaxed);
            self.usual.store(if before == 0 { took } else { (7 * before + took) / 8 }, Ordering::Relaxed);
            self.running.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        }
    }
}

fn take(slot: &Slot) -> Option<(Work, OwnedSemaphorePermit)> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Takes the work back when nobody waits for it any more.
struct Waiting {
    slot: Slot,
    cancel: Cancel,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.cancel.0.store(true, Ordering::Relaxed);
        take(&self.slot);
    }
}

impl Queue {
    /// Starts the workers.
    pub fn start(workers: usize, waiting: usize, patience: Duration) -> Outcome<Self> {
        let shared = Arc::new(Shared::default());
        for number in 1..=workers {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(format!("worker {number}"));
            thread.spawn(move || shared.work()).map_err(Error::Threads)?;
        }
        let whole = workers + waiting;
        Ok(Self { shared, places: Arc::new(Semaphore::new(whole)), whole, workers, patience })
    }

    /// Requests that are waiting or worked on.
    pub fn taken(&self) -> usize {
        self.whole - self.places.available_permits()
    }

    /// Requests that are worked on.
    pub fn running(&self) -> usize {
        self.shared.running.load(Ordering::Relaxed)
    }

    /// Places for requests in all.
    pub fn places(&self) -> usize {
        self.whole
    }

    /// Requests that ended in a panic.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// The time until a new request would be done, by the last ones.
    fn expected(&self) -> Duration {
        let usual = Duration::from_micros(self.shared.usual.load(Ordering::Relaxed));
        usual * (self.taken() as u32 + 1) / self.workers as u32
    }

    /// An error if a request would not be taken now.
    pub fn check(&self) -> Result<(), Problem> {
        let expected = self.expected();
        let full = self.places.available_permits() == 0;
        // What has begun is not turned away for being slow.
        if full || self.taken() >= self.workers && expected > self.patience {
            return Err(self.full());
        }
        Ok(())
    }

    fn full(&self) -> Problem {
        let (taken, seconds) = (self.taken(), self.expected().as_secs().clamp(1, 60));
        Problem::busy(format!("{taken} requests are waiting or worked on"), seconds)
    }

    /// Does the work on one of the worker threads, in its turn. Dropping the future takes it out of the queue.
    ///
    /// # Errors
    /// That of the work; 429 if the queue is full, 503 if it took too long, 500 if the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.check()?;
        let place = self.places.clone().try_acquire_owned().map_err(|_| self.full())?;
        self.in_place(place, work).await
    }

    /// As [`Self::run`], but waits for a place: for what follows on something that had one.
    pub async fn run_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = tokio::time::timeout(self.patience, self.places.clone().acquire_owned()).await;
        let place = place.ok().and_then(Result::ok).ok_or_else(|| self.full())?;
        self.in_place(place, work).await
    }

    async fn in_place<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        work: impl FnOnce(&Cancel) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, done) = oneshot::channel();
        let cancel = Cancel::default();
        let (shared, asked) = (self.shared.clone(), cancel.clone());
        let work = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&asked))).unwrap_or_else(|_| {
                shared.panics.fetch_add(1, Ordering::Relaxed);
                Err(Problem::internal("a fault in the program; it is written to its standard error"))
            });
            // Nobody may be waiting.
            let _ = answer.send(outcome);
        };
        let slot: Slot = Arc::new(Mutex::new(Some((Box::new(work), place))));
        let waiting = Waiting { slot: slot.clone(), cancel };
        self.shared.lock().0.push_back(slot);
        self.shared.more.notify_one();
        let outcome = tokio::time::timeout(self.patience, done).await;
        drop(waiting);
        match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Problem::internal("the work was lost")),
            Err(_) => {
                let seconds = self.patience.as_secs_f64();
                let detail = format!("not done within {seconds} s");
                Err(Problem::of(ErrorKind::Cancelled, detail).retry_after(1))
            }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.lock().1 = true;
        self.shared.more.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{self, RecvTimeoutError};

    fn queue(waiting: usize, patience: Duration) -> Arc<Queue> {
        Arc::new(Queue::start(1, waiting, patience).expect("threads"))
    }

    /// Occupies the worker until the sender is dropped.
    async fn occupied(queue: &Arc<Queue>) -> mpsc::Sender<()> {
        let (release, until) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let at = queue.clone();
        tokio::spawn(async move {
            at.run(move |_| {
                let _ = begun.send(());
                let _ = until.recv();
                Ok(())
            })
            .await
        });
        begins.await.expect("begun");
        release
    }

    #[tokio::test]
    async fn what_finds_no_place_is_told_when_to_come_back() {
        let queue = queue(1, Duration::from_secs(60));
        let release = occupied(&queue).await;
        let at = queue.clone();
        let second = tokio::spawn(async move { at.run(|_| Ok(2)).await });
        while queue.taken() < 2 {
            tokio::task::yield_now().await;
        }
        let refused = queue.run(|_| Ok(3)).await.expect_err("full");
        assert_eq!(refused.status(), 429);
        use axum::response::IntoResponse;
        assert!(refused.into_response().headers().contains_key("retry-after"));
        drop(release);
        assert_eq!(second.await.expect("joined").expect("done"), 2);
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_queue() {
        let queue = queue(1, Duration::from_secs(60));
        let release = occupied(&queue).await;
        let at = queue.clone();
        let (sender, receiver) = mpsc::channel::<()>();
        let waits = tokio::spawn(async move { at.run(move |_| Ok(sender.send(()).is_ok())).await });
        while queue.taken() < 2 {
            tokio::task::yield_now().await;
        }
        waits.abort();
        assert!(waits.await.is_err_and(|error| error.is_cancelled()));
        // The place is free, and what the work held is gone, while the worker is still at the first.
        assert_eq!((queue.taken(), receiver.recv()), (1, Err(mpsc::RecvError)));
        drop(release);
        assert_eq!(queue.run(|_| Ok(4)).await.expect("done"), 4);
    }

    #[tokio::test]
    async fn a_panic_and_a_slow_one_are_their_own() {
        let patient = queue(1, Duration::from_secs(60));
        let fault = patient.run(|_| -> Result<(), Problem> { panic!("a test of panics") }).await;
        assert_eq!((fault.expect_err("a fault").status().as_u16(), patient.panics()), (500, 1));
        // The worker goes on.
        assert_eq!(patient.run(|_| Ok(1)).await.expect("done"), 1);
        let hasty = queue(1, Duration::from_millis(50));
        let (told, hears) = mpsc::channel();
        let slow = hasty.run(move |cancel| {
            while cancel.check().is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            told.send(()).map_err(Problem::internal)
        });
        assert_eq!(slow.await.expect_err("late").status(), 503);
        // It ends: it is told to, or never began.
        assert!(matches!(
            hears.recv_timeout(Duration::from_secs(60)),
            Ok(()) | Err(RecvTimeoutError::Disconnected)
        ));
    }
}

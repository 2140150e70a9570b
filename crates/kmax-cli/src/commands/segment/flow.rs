//! Photos one after the other, where the next ones are read and the last ones are written beside the network.

use rayon::Scope;
use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver};

/// What is in memory at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// The most that the network gets together.
    pub batch: usize,
    /// How many are read ahead of that, and how many may be being written, on rayon's threads. With 0 everything is done in turn, on the
    /// thread that asks for it.
    pub beside: usize,
}

impl Width {
    /// How many others are in memory beside one that is being read.
    pub fn others(self) -> usize {
        if self.beside == 0 { self.batch - 1 } else { self.batch + 2 * self.beside - 1 }
    }
}

/// What is done with an item.
pub struct Stages<Read, Work, Write, Done> {
    /// Reads it. What needs more memory than its share is [`Early::Alone`], and is read again, with `true`, when nothing else is there.
    pub read: Read,
    /// What the network says of several that were read; as many results as items.
    pub work: Work,
    /// Writes what was found.
    pub write: Write,
    /// Hears of each item in order, and says whether to go on.
    pub done: Done,
}

/// What became of an item that was read ahead of its turn.
pub enum Early<R> {
    /// It is there, or cannot be read.
    Read(R),
    /// It has to be read alone.
    Alone,
}

/// Work that was begun, and is asked for later.
enum Begun<T> {
    Done(T),
    Begun(Receiver<T>),
}

impl<T: Send> Begun<T> {
    fn new<'s>(beside: Option<&Scope<'s>>, work: impl FnOnce() -> T + Send + 's) -> Self
    where
        T: 's,
    {
        let Some(scope) = beside else { return Self::Done(work()) };
        let (sender, receiver) = mpsc::sync_channel(1);
        scope.spawn(move |_| {
            // Nobody waits for what was begun before the end was asked for.
            let _ = sender.send(work());
        });
        Self::Begun(receiver)
    }

    /// `None` if the work has panicked, which its scope goes on with.
    fn wait(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Begun(receiver) => receiver.recv().ok(),
        }
    }
}

/// Takes the items through all stages, and gives how many were done. The order of results is that of the items.
///
/// The network runs in rayon's pool, as everything beside it: whoever waits for a part of it does something else meanwhile.
///
/// # Errors
/// The first that `done` gives; what was begun is finished, and told no more.
pub fn run<I: Sync, R: Send, P: Send, W: Send, E: Send>(
    items: &[I],
    width: Width,
    mut stages: Stages<
        impl Fn(&I, bool) -> Early<Result<R, E>> + Sync,
        impl FnMut(Vec<R>) -> Vec<Result<P, E>> + Send,
        impl Fn(&I, P) -> Result<W, E> + Sync,
        impl FnMut(&I, Result<W, E>) -> Result<bool, E>,
    >,
) -> Result<usize, E> {
    let (read, write) = (&stages.read, &stages.write);
    rayon::in_place_scope(|scope| {
        let beside = (width.beside > 0).then_some(scope);
        let (mut next, mut told) = (0, 0);
        let mut reads: VecDeque<Begun<Early<Result<R, E>>>> = VecDeque::new();
        let mut writes: VecDeque<Begun<Result<W, E>>> = VecDeque::new();
        let mut go_on = true;
        while go_on && (next < items.len() || !reads.is_empty()) {
            while next < items.len() && reads.len() < width.batch + width.beside {
                let item = &items[next];
                reads.push_back(Begun::new(beside, move || read(item, false)));
                next += 1;
            }
            let first = next - reads.len();
            let mut batch = Vec::new();
            while batch.len() < width.batch
                && let Some(early) = reads.pop_front()
            {
                match early.wait() {
                    Some(Early::Read(result)) => batch.push(result),
                    None => {
                        go_on = false;
                        break;
                    }
                    Some(Early::Alone) if batch.is_empty() => {
                        // Those behind it are read again when it is out of the way.
                        reads.drain(..).for_each(|early| drop(early.wait()));
                        while go_on && let Some(result) = writes.pop_front().and_then(Begun::wait) {
                            go_on = (stages.done)(&items[told], result)?;
                            told += 1;
                        }
                        next = first + 1;
                        if go_on && let Early::Read(result) = read(&items[first], true) {
                            batch.push(result);
                        }
                        break;
                    }
                    Some(Early::Alone) => {
                        reads.push_front(Begun::Done(Early::Alone));
                        break;
                    }
                }
            }
            let items_of_batch = &items[first..first + batch.len()];
            for (item, result) in
                items_of_batch.iter().zip(through(&mut stages.work, batch, beside.is_some()))
            {
                writes.push_back(match result {
                    Ok(found) => Begun::new(beside, move || write(item, found)),
                    Err(error) => Begun::Done(Err(error)),
                });
            }
            while go_on
                && writes.len() > width.beside
                && let Some(result) = writes.pop_front().and_then(Begun::wait)
            {
                go_on = (stages.done)(&items[told], result)?;
                told += 1;
            }
        }
        // What went through the network is written, whatever was asked meanwhile.
        while let Some(result) = writes.pop_front().and_then(Begun::wait) {
            (stages.done)(&items[told], result)?;
            told += 1;
        }
        Ok(told)
    })
}

/// The results of the network of those that were read, at the places of the others their faults.
fn through<R: Send, P: Send, E: Send>(
    work: &mut (impl FnMut(Vec<R>) -> Vec<Result<P, E>> + Send),
    batch: Vec<Result<R, E>>,
    in_pool: bool,
) -> Vec<Result<P, E>> {
    let mut faults = Vec::with_capacity(batch.len());
    let mut there = Vec::with_capacity(batch.len());
    for result in batch {
        match result {
            Ok(item) => {
                there.push(item);
                faults.push(None);
            }
            Err(error) => faults.push(Some(error)),
        }
    }
    if there.is_empty() {
        return faults.into_iter().flatten().map(Err).collect();
    }
    let results = if in_pool { rayon::scope(|_| work(there)) } else { work(there) };
    let mut results = results.into_iter();
    faults
        .into_iter()
        .filter_map(|fault| fault.map_or_else(|| results.next(), |error| Some(Err(error))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// What was heard of, in order.
    type Heard = Vec<Result<usize, usize>>;

    /// An item that is in memory.
    struct There {
        item: usize,
        count: Arc<AtomicUsize>,
    }

    impl Drop for There {
        fn drop(&mut self) {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Takes 0 to 19 through; of those `bad`, reading fails, the network, or writing, in turn. Items `alone` need all memory. `stop` says
    /// after how many to stop.
    fn heard(width: Width, bad: &[usize], alone: &[usize], stop: usize) -> (usize, Heard) {
        let items: Vec<usize> = (0..20).collect();
        let (mut heard, there, most) = (Vec::new(), Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let fails = |item: usize, stage: usize| bad.contains(&item) && item % 3 == stage;
        let done = run(
            &items,
            width,
            Stages {
                read: |&item: &usize, has_all: bool| {
                    if alone.contains(&item) && !has_all {
                        return Early::Alone;
                    }
                    // Later ones are faster.
                    std::thread::sleep(Duration::from_millis((20 - item as u64) / 4));
                    if fails(item, 0) {
                        return Early::Read(Err(item));
                    }
                    let now = there.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    assert!(!has_all || now == 1, "{now} beside {item}");
                    Early::Read(Ok(There { item, count: there.clone() }))
                },
                work: |batch: Vec<There>| {
                    assert!(batch.len() <= width.batch);
                    batch
                        .into_iter()
                        .map(|there| if fails(there.item, 1) { Err(there.item) } else { Ok(there) })
                        .collect()
                },
                write: |_: &usize, there: There| {
                    if fails(there.item, 2) { Err(there.item) } else { Ok(there.item) }
                },
                done: |&item: &usize, result: Result<usize, usize>| {
                    assert_eq!(result.unwrap_or_else(|bad| bad), item);
                    heard.push(result);
                    Ok(heard.len() < stop)
                },
            },
        );
        assert!(most.into_inner() <= width.others() + 1);
        (done.expect("nothing ends it"), heard)
    }

    const WIDTHS: [(usize, usize); 5] = [(1, 0), (1, 1), (3, 2), (7, 0), (2, 30)];

    #[test]
    fn the_order_holds_and_faults_stay_where_they_are() {
        for (batch, beside) in WIDTHS {
            let (done, heard) = heard(Width { batch, beside }, &[4, 5, 6, 12, 19], &[], 99);
            let expected: Heard =
                (0..20).map(|k| if [4, 5, 6, 12, 19].contains(&k) { Err(k) } else { Ok(k) }).collect();
            assert_eq!((done, heard), (20, expected), "{batch} {beside}");
        }
    }

    #[test]
    fn what_needs_all_memory_is_there_alone() {
        for (batch, beside) in WIDTHS {
            let (done, heard) = heard(Width { batch, beside }, &[9], &[0, 7, 8, 9, 19], 99);
            let expected: Heard = (0..20).map(|k| if k == 9 { Err(k) } else { Ok(k) }).collect();
            assert_eq!((done, heard), (20, expected), "{batch} {beside}");
        }
    }

    #[test]
    fn a_stop_ends_it_after_what_was_begun() {
        for (batch, beside) in WIDTHS {
            let (done, heard) = heard(Width { batch, beside }, &[], &[], 5);
            assert_eq!(heard, (0..done).map(Ok).collect::<Heard>());
            assert!((5..=5 + batch + beside).contains(&done), "{batch} {beside}: {done}");
        }
    }
}

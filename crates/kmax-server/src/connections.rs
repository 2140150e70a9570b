//! The connections that are open, and which of them are closed when they are too many or too slow.

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was asked yet, or all was answered.
    Idle,
    /// A request is read or worked on; those who do that have their own limits.
    Working,
    /// The client takes an answer.
    Sending,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    phase: Mutex<(Phase, Instant)>,
    close: Notify,
}

impl Connection {
    pub fn enter(&self, phase: Phase) {
        *self.lock() = (phase, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, (Phase, Instant)> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the connection is to be closed.
    pub async fn closed(&self) {
        self.close.notified().await;
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Connections {
    open: Mutex<(u64, HashMap<u64, Arc<Connection>>)>,
    most: usize,
    /// The longest that a connection may be idle.
    idle: Duration,
    /// The longest that an answer may take.
    sending: Duration,
}

impl Connections {
    pub fn new(most: usize, idle: Duration, sending: Duration) -> Self {
        Self { open: Mutex::default(), most, idle, sending }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, Arc<Connection>>)> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection. If there are too many, that which was idle longest is closed for it; nothing if none is idle. The flag is
    /// whether one was closed.
    pub fn add(&self) -> Option<(u64, Arc<Connection>, bool)> {
        let mut open = self.lock();
        let full = open.1.len() >= self.most;
        if full {
            let idle = open.1.iter().filter_map(|(id, connection)| {
                let (phase, since) = *connection.lock();
                (phase == Phase::Idle).then_some((since, *id))
            });
            let (_, oldest) = idle.min()?;
            if let Some(connection) = open.1.remove(&oldest) {
                connection.close.notify_one();
            }
        }
        open.0 += 1;
        let (id, phase) = (open.0, Mutex::new((Phase::Idle, Instant::now())));
        let connection = Arc::new(Connection { phase, close: Notify::new() });
        open.1.insert(id, connection.clone());
        Some((id, connection, full))
    }

    /// One that ended.
    pub fn remove(&self, id: u64) {
        self.lock().1.remove(&id);
    }

    /// Closes those that are too slow, and says how many there were.
    pub fn close_slow(&self) -> u64 {
        let slow = |connection: &Connection| {
            let (phase, since) = *connection.lock();
            match phase {
                // The last bytes of an answer may still be on their way.
                Phase::Idle => since.elapsed() > self.idle + self.sending,
                Phase::Sending => since.elapsed() > self.sending,
                Phase::Working => false,
            }
        };
        let mut closed = 0;
        for connection in self.lock().1.values().filter(|connection| slow(connection)) {
            connection.close.notify_one();
            closed += 1;
        }
        closed
    }

    pub fn count(&self) -> usize {
        self.lock().1.len()
    }
}

/// The body of an answer; the connection is idle when it is gone.
pub(crate) struct Tracked {
    pub body: Body,
    pub connection: Arc<Connection>,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.connection.enter(Phase::Idle);
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_one_makes_room() {
        let connections = Connections::new(2, Duration::MAX / 4, Duration::ZERO);
        let (_, first, _) = connections.add().expect("room");
        let (_, second, _) = connections.add().expect("room");
        first.enter(Phase::Working);
        let (third, _, closed) = connections.add().expect("the second makes room");
        assert!(closed && connections.count() == 2);
        assert!(futures_util::FutureExt::now_or_never(second.closed()).is_some());
        connections.remove(third);
        let (_, other, closed) = connections.add().expect("room");
        assert!(!closed);
        other.enter(Phase::Sending);
        assert!(connections.add().is_none());
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(connections.close_slow(), 1);
    }
}

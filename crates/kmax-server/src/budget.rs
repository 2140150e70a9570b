//! The memory that bodies and answers share.

use crate::problem::Problem;
use axum::body::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many bytes in all.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    left: Arc<AtomicU64>,
    whole: u64,
}

/// Bytes of a budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    pub fn new(bytes: u64) -> Self {
        Self { left: Arc::new(AtomicU64::new(bytes)), whole: bytes }
    }

    /// Nothing of it yet.
    pub fn none(&self) -> Held {
        Held { budget: self.clone(), bytes: 0 }
    }

    /// Bytes that are held.
    pub fn used(&self) -> u64 {
        self.whole - self.left.load(Ordering::Relaxed)
    }

    /// An answer whose memory counts until it is sent.
    pub fn answer(&self, bytes: Vec<u8>) -> Result<Bytes, Problem> {
        struct Answer(Vec<u8>, #[expect(dead_code, reason = "held until it is dropped")] Held);
        impl AsRef<[u8]> for Answer {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        let mut held = self.none();
        held.grow(bytes.len() as u64)?;
        Ok(Bytes::from_owner(Answer(bytes, held)))
    }
}

impl Held {
    /// Takes more.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Problem> {
        let less = |left: u64| left.checked_sub(bytes);
        match self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(_) => {
                let whole = self.budget.whole;
                Err(Problem::busy(format!("the requests at hand fill the {whole} bytes for them"), 1))
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_comes_back() {
        let budget = Budget::new(10);
        let mut held = budget.none();
        assert!(held.grow(6).is_ok() && held.grow(5).is_err() && held.grow(4).is_ok());
        assert_eq!(budget.used(), 10);
        drop(held);
        let answer = budget.answer(vec![1; 7]).expect("room");
        let part = answer.slice(2..3);
        drop(answer);
        assert_eq!(budget.used(), 7);
        assert_eq!(budget.answer(vec![1; 7]).expect_err("no room").status(), 429);
        drop(part);
        assert_eq!(budget.used(), 0);
    }
}

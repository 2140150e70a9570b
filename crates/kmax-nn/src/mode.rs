//! Whether a forward pass trains or evaluates, and where its randomness comes from.

use crate::init;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Evaluation (running statistics, nothing random) or training (batch statistics, drop path, dropout).
///
/// Training draws from one generator seeded for the step, so that a step repeats bit for bit after a resume.
/// Layers draw in the order of the forward pass.
#[derive(Debug, Clone, Default)]
pub struct Mode {
    rng: Option<Arc<Mutex<ChaCha8Rng>>>,
    recomputes: bool,
}

impl Mode {
    /// Running statistics, nothing random.
    pub fn eval() -> Self {
        Self::default()
    }

    /// Batch statistics; random layers draw from a generator seeded with `seed`.
    pub fn train(seed: u64) -> Self {
        Self { rng: Some(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))), recomputes: false }
    }

    /// The mode that Candle's [`ModuleT`](candle_core::ModuleT) asks for with a bool: [`Self::eval`], or a training step whose
    /// seed is the number of such steps that the process has begun.
    pub fn of(train: bool) -> Self {
        static STEPS: AtomicU64 = AtomicU64::new(0);
        if train { Self::train(STEPS.fetch_add(1, Ordering::Relaxed)) } else { Self::eval() }
    }

    /// The same, in which blocks that can do so compute their inner maps again in the backward pass in place of keeping
    /// them (activation checkpointing). Results and gradients stay the same.
    #[must_use]
    pub fn recomputing(self, recomputes: bool) -> Self {
        Self { recomputes, ..self }
    }

    /// Whether blocks compute their inner maps again in the backward pass.
    pub fn recomputes(&self) -> bool {
        self.recomputes
    }

    /// Whether batch statistics are used and running statistics updated.
    pub fn is_train(&self) -> bool {
        self.rng.is_some()
    }

    /// `count` uniform draws in `[0, 1)`; zeros in evaluation, where no layer asks.
    pub fn uniform(&self, count: usize) -> Vec<f64> {
        let Some(rng) = &self.rng else { return vec![0.0; count] };
        let mut rng = rng.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        (0..count).map(|_| init::uniform(&mut *rng)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_numbers() {
        let (a, b) = (Mode::train(7), Mode::train(7));
        let first = a.uniform(5);
        assert_eq!(first, b.uniform(5));
        assert_ne!(first, a.uniform(5));
        assert!(first.iter().all(|u| (0.0..1.0).contains(u)));
        assert!(!Mode::eval().is_train() && a.is_train());
    }
}

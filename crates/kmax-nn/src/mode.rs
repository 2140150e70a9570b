//! Whether a forward pass trains or evaluates, and where its randomness comes from.

use crate::init;
use kmax_kernels::Ranks;
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
    drop_queries: f64,
    ranks: Ranks,
}

impl Mode {
    /// Running statistics, nothing random.
    pub fn eval() -> Self {
        Self::default()
    }

    /// Batch statistics; random layers draw from a generator seeded with `seed`.
    pub fn train(seed: u64) -> Self {
        Self { rng: Some(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))), ..Self::default() }
    }

    /// The mode that Candle's [`ModuleT`](candle_core::ModuleT) asks for with a bool: [`Self::eval`], or a training step whose
    /// seed is the number of such steps that the process has begun.
    pub fn of(train: bool) -> Self {
        static STEPS: AtomicU64 = AtomicU64::new(0);
        if train { Self::train(STEPS.fetch_add(1, Ordering::Relaxed)) } else { Self::eval() }
    }

    /// The same for a batch that is shared among ranks, each of which has as many images, in their order. Batch norms take their
    /// statistics over all ranks, and each image meets the draws that it would meet in one process.
    #[must_use]
    pub fn across(self, ranks: Ranks) -> Self {
        Self { ranks, ..self }
    }

    /// Those that share the batch.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
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

    /// The same, in which a decoder leaves out that share of its queries, drawn at random (0 none, below 1). In training only.
    #[must_use]
    pub fn dropping_queries(self, share: f64) -> Self {
        Self { drop_queries: share, ..self }
    }

    /// The queries, of `count`, that take part: all of them, or in training those that are drawn, in their order.
    pub fn queries(&self, count: usize) -> Option<Vec<u32>> {
        if self.drop_queries <= 0.0 || !self.is_train() {
            return None;
        }
        let kept = (((1.0 - self.drop_queries) * count as f64).round() as usize).clamp(1, count);
        let draws = self.draws(0, count, 0);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|a, b| draws[*a].total_cmp(&draws[*b]));
        let mut chosen: Vec<u32> = order.into_iter().take(kept).map(|query| query as u32).collect();
        chosen.sort_unstable();
        Some(chosen)
    }

    /// Whether batch statistics are used and running statistics updated.
    pub fn is_train(&self) -> bool {
        self.rng.is_some()
    }

    /// `count` uniform draws in `[0, 1)` for the images of this rank, image after image; zeros in evaluation, where no layer
    /// asks.
    pub fn uniform(&self, count: usize) -> Vec<f64> {
        let (rank, size) = (self.ranks.rank(), self.ranks.size());
        self.draws(rank * count, count, (size - 1 - rank) * count)
    }

    /// `count` draws after `before`, and before `after`, that are other ranks'.
    fn draws(&self, before: usize, count: usize, after: usize) -> Vec<f64> {
        let Some(rng) = &self.rng else { return vec![0.0; count] };
        let mut rng = rng.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        init::skip(&mut rng, before);
        let drawn = (0..count).map(|_| init::uniform(&mut *rng)).collect();
        init::skip(&mut rng, after);
        drawn
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

    #[test]
    fn ranks_share_the_draws_of_one_process() {
        let draws = |mode: Mode| {
            let each = [2, 5, 1].map(|count| (mode.uniform(count), mode.queries(16)));
            (each, mode.ranks().size())
        };
        let each = Ranks::on_threads(3, |ranks| draws(Mode::train(7).dropping_queries(0.5).across(ranks)));
        let each = each.expect("three threads");
        let one = Mode::train(7).dropping_queries(0.5);
        for (turn, count) in [2, 5, 1].into_iter().enumerate() {
            let parts: Vec<f64> = each.iter().flat_map(|(draws, _)| draws[turn].0.clone()).collect();
            assert_eq!(parts, one.uniform(3 * count));
            // What is drawn for the whole batch is the same for all.
            let queries = one.queries(16);
            assert!(each.iter().all(|(draws, size)| draws[turn].1 == queries && *size == 3));
        }
    }

    #[test]
    fn half_of_the_queries_are_drawn_anew_each_time() {
        let mode = Mode::train(1).dropping_queries(0.5);
        let (first, second) = (mode.queries(256), mode.queries(256));
        let chosen = first.clone().unwrap_or_default();
        assert!(chosen.len() == 128 && chosen.is_sorted() && chosen.iter().all(|query| *query < 256));
        assert_ne!(first, second);
        assert_eq!(Mode::train(1).queries(8), None);
        assert_eq!(Mode::eval().dropping_queries(0.5).queries(8), None);
    }
}

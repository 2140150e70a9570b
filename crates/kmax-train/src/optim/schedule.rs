//! The learning rate over the steps.

use serde::{Deserialize, Serialize};

/// Linear warm-up, then polynomial decay. Both count from step 0, as in both reference implementations, so the rate jumps down a little
/// at the end of the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Learning rate that the warm-up leads to.
    pub base: f64,
    /// Steps of warm-up.
    pub warmup: usize,
    /// Share of the base rate at step 0: 0.001 in the PyTorch implementation, 0 in deeplab2.
    #[serde(default)]
    pub warmup_factor: f64,
    /// Steps in all, after which the rate is `end`.
    pub steps: usize,
    /// Exponent of the decay, 0.9 in both reference implementations.
    pub power: f64,
    /// Rate at the end, 0 in both reference implementations.
    #[serde(default)]
    pub end: f64,
}

impl Schedule {
    /// The PyTorch implementation's `TF2WarmupPolyLR` over `steps` steps.
    pub fn pytorch(base: f64, warmup: usize, steps: usize) -> Self {
        Self { base, warmup, warmup_factor: 1e-3, steps, power: 0.9, end: 0.0 }
    }

    /// deeplab2's `WarmUp` of a `PolynomialDecay` over `steps` steps.
    pub fn deeplab2(base: f64, warmup: usize, steps: usize) -> Self {
        Self { warmup_factor: 0.0, ..Self::pytorch(base, warmup, steps) }
    }

    /// The learning rate of step `step`, counted from 0.
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warmup {
            let done = step as f64 / self.warmup as f64;
            return self.base * (self.warmup_factor * (1.0 - done) + done);
        }
        let left = if step < self.steps { 1.0 - step as f64 / self.steps as f64 } else { 0.0 };
        self.end + (self.base - self.end) * left.powf(self.power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_jumps_and_falls_to_the_end() {
        let schedule = Schedule::deeplab2(1.0, 10, 100);
        assert_eq!(schedule.rate(0), 0.0);
        assert_eq!(schedule.rate(5), 0.5);
        assert_eq!(schedule.rate(10), 0.9f64.powf(0.9));
        assert_eq!(schedule.rate(100), 0.0);
        assert_eq!(schedule.rate(1000), 0.0);
        let end = Schedule { end: 0.25, ..schedule };
        assert_eq!(end.rate(100), 0.25);
        assert_eq!(Schedule::pytorch(1.0, 10, 100).rate(0), 1e-3);
        assert_eq!(Schedule::pytorch(2.0, 0, 100).rate(0), 2.0);
    }
}

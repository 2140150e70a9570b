//! Counting and averaging probabilities.

/// Pixels, and the sum of the probabilities there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    pub count: u64,
    pub sum: f64,
}

impl Total {
    pub(super) fn add(&mut self, probability: f32) {
        self.count += 1;
        self.sum += f64::from(probability);
    }

    pub(super) fn join(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
    }

    /// The mean, 0 of nothing.
    pub(super) fn mean(&self) -> f32 {
        if self.count == 0 { 0.0 } else { (self.sum / self.count as f64) as f32 }
    }
}

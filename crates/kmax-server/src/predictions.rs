//! Predictions that are kept, so that thresholds can be changed without the network.

use crate::models::Served;
use crate::problem::Problem;
use axum::body::Bytes;
use kmax_model::postprocess::QueryLogits;
use kmax_model::{Explanation, Prediction, Step};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What is kept of a photo.
#[derive(Debug)]
pub(crate) struct KeptPrediction {
    pub model: Arc<Served>,
    pub prediction: Prediction,
    /// The photo as it was sent.
    pub photo: Bytes,
    /// What the steps of k-means did, once somebody has asked: it takes a second run of the network, and several times the memory.
    explanation: OnceLock<Arc<Explanation>>,
}

impl KeptPrediction {
    /// `photo` may be a part of a larger body, which is not kept.
    pub fn new(model: Arc<Served>, prediction: Prediction, photo: &[u8]) -> Self {
        let photo = Bytes::copy_from_slice(photo);
        Self { model, prediction, photo, explanation: OnceLock::new() }
    }

    /// What it takes.
    fn bytes(&self) -> u64 {
        let explained = self.explanation.get().map_or(0, |explanation| of_explanation(explanation));
        of_logits(&self.prediction.logits) + self.photo.len() as u64 + explained
    }
}

fn of_logits(logits: &QueryLogits) -> u64 {
    ((logits.mask_logits.len() + logits.class_logits.len()) * size_of::<f32>()) as u64
}

fn of_explanation(explanation: &Explanation) -> u64 {
    let step = |step: &Step| of_logits(&step.logits) + 4 * step.assignment.data().len() as u64;
    of_logits(&explanation.prediction.logits) + explanation.steps.iter().map(step).sum::<u64>()
}

#[derive(Debug)]
struct Entry {
    id: String,
    asked: Instant,
    kept: Arc<KeptPrediction>,
}

/// All of them, in the order in which they were last asked about.
#[derive(Debug)]
pub(crate) struct Kept {
    entries: Mutex<VecDeque<Entry>>,
    most: usize,
    most_bytes: u64,
    time: Duration,
}

impl Kept {
    pub fn new(most: usize, most_bytes: u64, time: Duration) -> Self {
        Self { entries: Mutex::default(), most, most_bytes, time }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        while entries.front().is_some_and(|oldest| oldest.asked.elapsed() > self.time) {
            entries.pop_front();
        }
        entries
    }

    /// Keeps one and gives its name, which cannot be guessed. The oldest make room.
    ///
    /// # Errors
    /// If it alone is more than is kept.
    pub fn add(&self, kept: KeptPrediction) -> Result<String, Problem> {
        let bytes = kept.bytes();
        if bytes > self.most_bytes || self.most == 0 {
            let detail = format!("the prediction takes {bytes} bytes, and {} are kept", self.most_bytes);
            return Err(Problem::too_large(detail));
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(Problem::internal)?;
        let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut entries = self.lock();
        entries.push_back(Entry { id: id.clone(), asked: Instant::now(), kept: Arc::new(kept) });
        self.make_room(&mut entries);
        Ok(id)
    }

    /// One by its name.
    pub fn get(&self, id: &str) -> Result<Arc<KeptPrediction>, Problem> {
        let mut entries = self.lock();
        let place = entries.iter().position(|entry| entry.id == id);
        let entry = place.and_then(|place| entries.remove(place));
        let mut entry = entry.ok_or_else(unknown)?;
        entry.asked = Instant::now();
        let kept = entry.kept.clone();
        entries.push_back(entry);
        Ok(kept)
    }

    /// What the steps did for one of them: as it is kept, or as `explain` makes it.
    pub fn explained(
        &self,
        kept: &KeptPrediction,
        explain: impl FnOnce() -> Result<Explanation, Problem>,
    ) -> Result<Arc<Explanation>, Problem> {
        if let Some(known) = kept.explanation.get() {
            return Ok(known.clone());
        }
        let explanation = Arc::new(explain()?);
        // What alone is more than is kept is made anew each time.
        if kept.bytes() + of_explanation(&explanation) <= self.most_bytes {
            // Another worker may have been faster.
            let _ = kept.explanation.set(explanation.clone());
            self.make_room(&mut self.lock());
        }
        Ok(explanation)
    }

    fn make_room(&self, entries: &mut VecDeque<Entry>) {
        while entries.len() > self.most || sum(entries) > self.most_bytes {
            entries.pop_front();
        }
    }

    /// Forgets one.
    pub fn remove(&self, id: &str) -> Result<(), Problem> {
        let mut entries = self.lock();
        let before = entries.len();
        entries.retain(|entry| entry.id != id);
        if entries.len() == before {
            return Err(unknown());
        }
        Ok(())
    }

    /// How many there are, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        let entries = self.lock();
        (entries.len(), sum(&entries))
    }

    /// How long one is kept.
    pub fn time(&self) -> Duration {
        self.time
    }
}

fn unknown() -> Problem {
    Problem::not_found("no such prediction is kept, or no more")
}

fn sum(entries: &VecDeque<Entry>) -> u64 {
    entries.iter().map(|entry| entry.kept.bytes()).sum()
}

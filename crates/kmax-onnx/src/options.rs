//! What an exported file shall be.

use crate::error::{Error, Result};
use kmax_model::{Config, ResizeConfig};

/// Versions of the operators that can be written.
pub const OPSETS: std::ops::RangeInclusive<u32> = 17..=21;

/// Height and width of the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputSize {
    /// The model's own; free where its inputs follow the shape of each image.
    #[default]
    Model,
    /// These: each a multiple of 32, or one more.
    Fixed([usize; 2]),
    /// Chosen with each call, among the same.
    Free,
}

/// Images that go through together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// So many.
    Fixed(usize),
    /// Chosen with each call.
    Free,
}

/// Precision of weights and arithmetic. Inputs and outputs are single precision in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Single.
    #[default]
    Float32,
    /// Half; sums over maps, lengths and pre- and post-processing stay single.
    Float16,
}

/// Settings of [`export`](crate::export).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Version of the operators, one of [`OPSETS`].
    pub opset: u32,
    /// Height and width of the network's input.
    pub size: InputSize,
    /// Images that go through together.
    pub batch: Batch,
    /// Whether the file takes an 8-bit image of any size and resizes, pads and normalises it.
    pub preprocess: bool,
    /// Whether the file gives segments instead of logits.
    pub postprocess: bool,
    /// Whether the file also gives the class and mask logits of each k-means step.
    pub steps: bool,
    /// Precision of weights and arithmetic.
    pub precision: Precision,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            opset: *OPSETS.start(),
            size: InputSize::default(),
            batch: Batch::Fixed(1),
            preprocess: false,
            postprocess: false,
            steps: false,
            precision: Precision::default(),
        }
    }
}

/// More pixels along an axis are a mistake, as in the configuration of a model.
const LARGEST: usize = 1 << 14;
/// More images in a batch are a mistake.
const LARGEST_BATCH: usize = 1 << 16;

impl Options {
    /// Whether the model's inputs follow the shape of each image.
    fn fits(config: &Config) -> bool {
        matches!(config.preprocess.resize, ResizeConfig::Fit { .. })
    }

    /// Height and width of the network's input; `None` if they are chosen with each call.
    pub fn fixed_size(&self, config: &Config) -> Option<[usize; 2]> {
        match self.size {
            InputSize::Free => None,
            InputSize::Fixed(size) => Some(size),
            InputSize::Model => Some(config.preprocess.size).filter(|_| !Self::fits(config)),
        }
    }

    /// Checks the options against each other and the model.
    ///
    /// # Errors
    /// [`Error::Argument`] that says what does not go together.
    pub fn validate(&self, config: &Config) -> Result<()> {
        let fail = |reason: String| Err(Error::Argument(reason));
        if !OPSETS.contains(&self.opset) {
            let (first, last) = (OPSETS.start(), OPSETS.end());
            return fail(format!("operator set {}: {first} to {last} can be written", self.opset));
        }
        if let Batch::Fixed(batch) = self.batch
            && !(1..=LARGEST_BATCH).contains(&batch)
        {
            return fail(format!("a batch of {batch} images: expected 1 to {LARGEST_BATCH}"));
        }
        if self.batch != Batch::Fixed(1) && (self.preprocess || self.postprocess) {
            return fail("pre- and post-processing work on one image at a time: leave the batch at 1".into());
        }
        if let Some([height, width]) = self.fixed_size(config)
            && [height, width].iter().any(|length| length % 32 > 1 || !(32..=LARGEST).contains(length))
        {
            return fail(format!(
                "an input of {height} x {width} (height x width): each must be a multiple of 32, or one more, from 32 to {LARGEST}"
            ));
        }
        match (self.preprocess, self.size, Self::fits(config)) {
            (true, InputSize::Fixed(_), true) => fail(
                "the inputs of this model follow the shape of each image: with preprocessing they have no fixed size".into(),
            ),
            (true, InputSize::Free, false) => {
                let [height, width] = config.preprocess.size;
                fail(format!("preprocessing brings every image to {height} x {width}: the size is not free"))
            }
            (true, InputSize::Fixed(size), false) if size != config.preprocess.size => {
                let [height, width] = config.preprocess.size;
                fail(format!("preprocessing brings every image to {height} x {width}, not {} x {}", size[0], size[1]))
            }
            _ => Ok(()),
        }
    }
}

//! The page of a training run: its losses, its measurements, the images it does best and worst.

mod charts;
mod classes;
mod photo;
mod show;

pub use photo::{BestAndWorst, Photo};
pub use show::page;

/// What is known of a run. The page is written from it again and again as the run goes.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// The title of the page.
    pub title: String,
    /// The command that started the run.
    pub command: String,
    /// Names and values that are worth reading: model, data, batch, size.
    pub settings: Vec<(String, String)>,
    /// Steps that the run is to have. While it has fewer, the page is read again every minute.
    pub planned_steps: Option<usize>,
    /// Steps by rising number: each, or some of them.
    pub steps: Vec<StepPoint>,
    /// Measurements by rising step.
    pub measurements: Vec<Measurement>,
    /// Images of the last measurement; the page shows the worst and the best of them.
    pub photos: Vec<Photo>,
    /// Sentences for the head of the page: what seems to go wrong, and why it may.
    pub warnings: Vec<String>,
}

/// A step of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepPoint {
    /// Steps done, this one included.
    pub step: usize,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Weighted sum of all loss terms.
    pub loss: f64,
    /// The terms by name.
    pub terms: Vec<(String, f64)>,
}

/// A measurement on the validation split. Ratios are 0 to 1; none where nothing was there to be measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// Steps done.
    pub step: usize,
    /// Seconds from the beginning of the run.
    pub seconds: f64,
    /// Panoptic quality.
    pub pq: Option<f64>,
    /// Segmentation quality.
    pub sq: Option<f64>,
    /// Recognition quality.
    pub rq: Option<f64>,
    /// Mean intersection over union.
    pub miou: Option<f64>,
    /// The classes, in the order in which they are to be shown.
    pub per_class: Vec<ClassMeasurement>,
}

/// A class in a measurement. Ratios are 0 to 1; none of a class that is neither in the truth nor predicted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassMeasurement {
    /// Its name, by which it is found in other measurements.
    pub name: String,
    /// Whether it is a thing.
    pub isthing: bool,
    /// Panoptic quality.
    pub pq: Option<f64>,
    /// Segmentation quality.
    pub sq: Option<f64>,
    /// Recognition quality.
    pub rq: Option<f64>,
    /// Intersection over union of the class's pixels.
    pub iou: Option<f64>,
}

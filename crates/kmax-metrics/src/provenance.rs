//! Where a number comes from.

use serde::Serialize;

/// What a report was made with and from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// Whose conventions hold, and how a match is decided.
    pub convention: String,
    /// The IoU thresholds, if the metric has any.
    pub thresholds: Vec<f64>,
    /// The number of images.
    pub images: usize,
    /// This crate's version.
    pub version: String,
    /// A digest of the ground truth, where the caller knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
    /// What contradicts itself, with the entry concerned, where the caller looked for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// A digest of the model, where the caller knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_digest: Option<String>,
    /// In what precision and where the model computed, if that is anything but float32 on the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed: Option<String>,
}

impl Provenance {
    pub(crate) fn new(convention: &str, thresholds: &[f64], images: usize) -> Self {
        Self {
            convention: convention.to_owned(),
            thresholds: thresholds.to_vec(),
            images,
            version: concat!("kmax-metrics ", env!("CARGO_PKG_VERSION")).to_owned(),
            dataset_digest: None,
            warnings: Vec::new(),
            model_digest: None,
            computed: None,
        }
    }
}

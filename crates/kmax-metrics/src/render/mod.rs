//! A report as a page of its own: one HTML file without scripts, fonts or images from elsewhere.

mod errors;
mod examples;
mod html;
mod text;

use std::collections::{BTreeMap, HashMap};

use crate::provenance::Provenance;

pub use errors::{ErrorClass, ErrorRow, ErrorTable};
pub use examples::{Example, List, Picture};
pub use html::POLICY;
pub use text::escaped;

/// One class of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The class.
    pub name: String,
    /// How long the bar is, 0..1; `None` where there is no number.
    pub value: Option<f64>,
    /// What else is known.
    pub note: String,
}

/// The classes that are confused most: shares of the pixels of each class of the ground truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confusion {
    /// The names of the rows and columns.
    pub names: Vec<String>,
    /// For each class of the ground truth, the share of its pixels that were predicted as each class.
    pub shares: Vec<Vec<f64>>,
}

/// More classes than this make a matrix that nobody reads; the largest are kept.
const MAX_CONFUSED: usize = 40;

impl Confusion {
    /// From pixels by (ground truth, prediction); classes without pixels on either side are left out.
    pub(crate) fn new(names: Vec<(u32, String)>, pixels: &[((u32, u32), u64)]) -> Self {
        let names: HashMap<u32, String> = names.into_iter().collect();
        let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
        for &((real, guess), count) in pixels {
            *sizes.entry(real).or_default() += count;
            *sizes.entry(guess).or_default() += count;
        }
        let mut kept: Vec<(u32, u64)> = sizes.into_iter().filter(|(id, _)| names.contains_key(id)).collect();
        kept.sort_by_key(|&(id, size)| (std::cmp::Reverse(size), id));
        kept.truncate(MAX_CONFUSED);
        kept.sort_unstable();
        let position: HashMap<u32, usize> = kept.iter().enumerate().map(|(at, &(id, _))| (id, at)).collect();
        let mut counts = vec![vec![0u64; kept.len()]; kept.len()];
        let mut totals = vec![0u64; kept.len()];
        for ((real, guess), count) in pixels {
            let Some(&row) = position.get(real) else { continue };
            totals[row] += count;
            if let Some(&column) = position.get(guess) {
                counts[row][column] += count;
            }
        }
        let share = |(row, total): (Vec<u64>, u64)| {
            row.into_iter().map(|count| if total == 0 { 0.0 } else { count as f64 / total as f64 }).collect()
        };
        Self {
            names: kept.iter().map(|(id, _)| names[id].clone()).collect(),
            shares: counts.into_iter().zip(totals).map(share).collect(),
        }
    }
}

/// What a page shows. Reports make one; [`Page::html`] writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// The official script that gives these numbers.
    pub evaluator: String,
    /// The numbers on top.
    pub summary: Vec<(String, String)>,
    /// One bar a class.
    pub bars: Vec<Bar>,
    /// Errors by kind.
    pub errors: Option<ErrorTable>,
    /// What the number beside each image is.
    pub worst_heading: &'static str,
    /// Images and their number in 0..1, worst first; the page shows the first twenty.
    pub worst: Vec<(String, f64)>,
    /// Some of the images with pictures, in the order in which they are shown.
    pub examples: Vec<Example>,
    /// Which classes are taken for which.
    pub confusion: Option<Confusion>,
    /// What the numbers were made with and from.
    pub provenance: Provenance,
}

impl Page {
    pub(crate) fn new(title: &str, evaluator: &str, provenance: &Provenance) -> Self {
        Self {
            title: title.to_owned(),
            evaluator: evaluator.to_owned(),
            summary: Vec::new(),
            bars: Vec::new(),
            errors: None,
            worst_heading: "Worst images (mean PQ of their classes)",
            worst: Vec::new(),
            examples: Vec::new(),
            confusion: None,
            provenance: provenance.clone(),
        }
    }

    /// The page as one HTML file.
    pub fn html(&self) -> String {
        document(std::slice::from_ref(self))
    }
}

/// Several reports as one HTML file, one below the other.
pub fn document(pages: &[Page]) -> String {
    html::document(pages)
}

/// A number in 0..1 as it is shown, `-` for none.
pub(crate) fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

//! The page of a labelled dataset: what its labels are, before anybody trains on them.

mod choose;
mod doubts;
mod labels;
mod samples;
mod show;
mod statistics;

use std::sync::Arc;

use kmax_base::Progress;
use kmax_datasets::Annotated;

use crate::error::{Error, Result};
use crate::page::{Page, edge_is_fine};
use crate::told::Told;
use labels::Labels;
use samples::Samples;
use statistics::Statistics;

/// The most images that are asked for.
const MOST: usize = 1000;

/// What the page of a dataset shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetOptions {
    /// How many images of each split are drawn, 0 to 1000; more, up to four times as many, where classes would else not be seen. 24
    /// by default.
    pub samples: usize,
    /// The longer edge of a drawn image in pixels, 32 to 4096; 480 by default.
    pub edge: u32,
    /// The number of a network's queries, 128 by default: images with more segments are counted.
    pub queries: usize,
    /// Sentences for the head of the page: the form in which the labels are stored, and what was decided in reading it.
    pub notes: Vec<String>,
}

impl Default for DatasetOptions {
    fn default() -> Self {
        Self { samples: 24, edge: 480, queries: 128, notes: Vec::new() }
    }
}

/// A split with all that is known of it.
struct Split<'a> {
    name: &'a str,
    dataset: &'a dyn Annotated,
    labels: Vec<std::result::Result<Labels, Error>>,
    statistics: Statistics,
    samples: Samples,
}

/// The page of a dataset, given as its named splits, as one HTML document.
///
/// The labels of every image are read, on rayon's threads, and the images that are shown. What cannot be read is listed on the page.
/// The page does not depend on the number of threads. Its drawn images take at most 64 MiB.
///
/// # Errors
/// If an option is out of its range, or the task is cancelled.
pub fn page(
    title: &str,
    splits: &[(String, Arc<dyn Annotated>)],
    options: &DatasetOptions,
    progress: &dyn Progress,
) -> Result<String> {
    edge_is_fine(options.edge)?;
    if options.samples > MOST {
        let reason = format!("must be at most {MOST}, found {}", options.samples);
        return Err(Error::Setting { name: "samples", reason });
    }
    let told = Told::new(progress, splits.iter().map(|(_, dataset)| dataset.len()).sum());
    let mut read = Vec::with_capacity(splits.len());
    for (name, dataset) in splits {
        read.push((name.as_str(), dataset.as_ref(), labels::read(dataset.as_ref(), &told)?));
    }
    let mut known = Vec::with_capacity(splits.len());
    for (name, dataset, labels) in read {
        let statistics = Statistics::of(labels.iter().filter_map(|labels| labels.as_ref().ok()));
        let samples = samples::draw(dataset, &labels, (options.samples, options.edge), &told)?;
        known.push(Split { name, dataset, labels, statistics, samples });
    }
    let mut page = Page::new(title);
    show::header(&mut page, &known, options);
    let mut room = show::ROOM;
    for (nth, split) in known.iter().enumerate() {
        show::split(&mut page, nth, split, options, &mut room);
    }
    Ok(page.finish())
}

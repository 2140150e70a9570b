//! `kmax eval`: the official numbers.

mod files;
mod model;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use kmax_base::Progress;
use kmax_datasets::evaluate::CityscapesReport;
use kmax_metrics::instance::InstanceReport;
use kmax_metrics::objects::ObjectReport;
use kmax_metrics::panoptic::PanopticReport;
use kmax_metrics::render::{Page, document};
use kmax_metrics::semantic::SemanticReport;
use kmax_report::evaluation::{Evaluation, FilePairs};
use serde::Serialize;

use crate::exit::{Code, OrExit, Outcome};
use crate::output::{place, print, remark, write};
use crate::stop::{self, Watch};

/// Evaluate predictions as the official scripts do.
///
/// The table that the official script prints goes to standard output, or with --json every number.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Panoptic quality, as panopticapi (COCO, ADE20K, any folder in COCO's panoptic form)
    Panoptic(files::Panoptic),
    /// Objects found by IoU, TP / (TP + FP + FN), as StarDist and Cellpose count them
    Objects(files::Objects),
    /// Mask AP, as pycocotools
    Instances(files::Instances),
    /// mIoU, fwIoU and accuracies of class maps, as detectron2 for ADE20K
    Semantic(files::Semantic),
    /// Instance AP, IoU of classes and panoptic quality, as cityscapesScripts
    Cityscapes(files::Cityscapes),
    /// A model's predictions of a dataset
    Model(model::ModelArguments),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.what {
        What::Panoptic(arguments) => arguments.run(),
        What::Objects(arguments) => arguments.run(),
        What::Instances(arguments) => arguments.run(),
        What::Semantic(arguments) => arguments.run(),
        What::Cityscapes(arguments) => arguments.run(),
        What::Model(arguments) => arguments.run(),
    }
}

/// Where a report goes.
#[derive(clap::Args)]
struct Show {
    /// Print every number as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Also write a page with a bar for each class, errors by kind, the worst images and the confusion of classes
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Show {
    /// Refuses before the work what could not be written after it.
    fn check(&self) -> Outcome {
        self.html.iter().try_for_each(|file| place(file).map(|_| ()))
    }

    /// Shows a report, and its own page.
    fn show(&self, report: &impl Report) -> Outcome {
        self.show_with(report, || Ok(Vec::new()))
    }

    /// Shows a report; where a page is wanted, these pages stand in it instead of the report's own of the same titles.
    fn show_with(&self, report: &impl Report, with: impl FnOnce() -> Outcome<Vec<Page>>) -> Outcome {
        let mut pages = report.pages();
        if let Some(file) = &self.html {
            for better in with()? {
                if let Some(page) = pages.iter_mut().find(|page| page.title == better.title) {
                    *page = better;
                }
            }
            write(file, document(&pages).as_bytes())?;
        }
        let text = if self.json {
            serde_json::to_string_pretty(report).or_exit(Code::Failed)?
        } else {
            report.table()
        };
        print(&text)?;
        for warning in pages.iter().flat_map(|page| &page.provenance.warnings) {
            remark(&format!("warning: {warning}"));
        }
        Ok(())
    }
}

/// The page of panoptic quality with the worst images.
fn with_worst_images(report: &PanopticReport, pairs: &FilePairs) -> Outcome<Page> {
    Ok(Evaluation::new(report, pairs.categories()).page(|image| pairs.pair(image))?)
}

/// What is shown of a report.
trait Report: Serialize {
    fn table(&self) -> String;
    fn pages(&self) -> Vec<Page>;
}

macro_rules! reports {
    ($($report:ty),*) => {$(
        impl Report for $report {
            fn table(&self) -> String {
                self.table()
            }

            fn pages(&self) -> Vec<Page> {
                vec![self.page()]
            }
        }
    )*};
}

reports!(PanopticReport, ObjectReport, InstanceReport, SemanticReport);

impl Report for kmax::evaluate::Report {
    fn table(&self) -> String {
        self.table()
    }

    fn pages(&self) -> Vec<Page> {
        self.pages()
    }
}

impl Report for CityscapesReport {
    fn table(&self) -> String {
        let tables = [
            self.instance.as_ref().map(|report| report.table()),
            self.semantic.as_ref().map(|report| report.table()),
            self.panoptic.as_ref().map(|report| report.table()),
        ];
        tables.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    fn pages(&self) -> Vec<Page> {
        let pages = [
            self.instance.as_ref().map(|report| report.page()),
            self.semantic.as_ref().map(|report| report.page()),
            self.panoptic.as_ref().map(|report| report.page()),
        ];
        pages.into_iter().flatten().collect()
    }
}

/// A bar on standard error; Ctrl-C stops what it shows.
pub struct Bar {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
    _watch: Watch,
}

impl Bar {
    /// Without a length yet.
    pub fn new() -> Self {
        let bar = crate::output::bar(Some(0), "{bar:24} {pos}/{len} images, {eta} left");
        let stop = Arc::new(AtomicBool::new(false));
        let watch = stop::watched(&stop);
        Self { bar, stop, _watch: watch }
    }
}

impl Progress for Bar {
    fn advance(&self, done: usize, total: usize) {
        if done == 0 {
            self.bar.reset();
            self.bar.set_length(total as u64);
        }
        self.bar.set_position(done as u64);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

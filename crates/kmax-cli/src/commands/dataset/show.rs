//! `kmax dataset show`: labels on a page, before anybody trains on them.

use crate::commands::eval::Bar;
use crate::exit::Outcome;
use crate::form::FormArguments;
use crate::output::{remark, write};
use kmax_datasets::forms;
use kmax_report::dataset::{DatasetOptions, page};
use std::path::PathBuf;

/// Draw samples with their labels, class counts and sizes on one page.
///
/// The page is a single HTML file that needs nothing else. Damaged images are listed on it, and do not end the command.
#[derive(clap::Args)]
pub struct Show {
    /// The dataset: a folder, or its json or yaml
    data: PathBuf,
    /// The page to write
    #[arg(short, long, value_name = "FILE", default_value = "dataset.html")]
    output: PathBuf,
    #[command(flatten)]
    form: FormArguments,
    /// Photos shown of each split; more where a class would be missing
    #[arg(long, value_name = "N", default_value_t = 24)]
    samples: usize,
}

impl Show {
    pub fn run(&self) -> Outcome {
        let opened = forms::open(&self.data, &self.form.options())?;
        let mut notes = vec![format!("read in the form `{}`", opened.form.name())];
        notes.extend(opened.notes);
        notes.iter().for_each(|note| remark(note));
        let splits: Vec<_> = opened.splits.into_iter().map(|split| (split.name, split.data)).collect();
        let options = DatasetOptions { samples: self.samples, notes, ..DatasetOptions::default() };
        let name = self.data.canonicalize().unwrap_or_else(|_| self.data.clone());
        let title = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let page = page(&title, &splits, &options, &Bar::new())?;
        write(&self.output, page.as_bytes())?;
        remark(&format!("page: {}", self.output.display()));
        Ok(())
    }
}

//! One part of a long list of photos, and what was done of it.

use super::arguments::{Arguments, Format};
use super::inputs::Input;
use crate::exit::{Code, Failure, OrExit, Outcome};
use kmax::Config;
use kmax_base::Shard;
use kmax_datasets::Journal;
use kmax_datasets::coco::{Annotation, ImageEntry};
use kmax_datasets::evaluate::digest_of;
use kmax_masks::Category;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A line of a part's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What all parts are of; the first line of each.
    Run(RunLine),
    /// A photo whose results are written.
    Done(DoneLine),
    /// A photo that could not be done, and why.
    Failed { position: usize, file: String, reason: String },
}

/// What all parts are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    /// Photos in all.
    pub photos: usize,
    /// Whether results go into one list for all.
    pub listed: bool,
    pub categories: Vec<Category>,
}

/// A photo whose results are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DoneLine {
    /// In the list of all photos, from 0.
    pub position: usize,
    /// What its results are called.
    pub name: String,
    /// The digest of the photo's file.
    pub photo: String,
    pub image: ImageEntry,
    /// Its entry in the list for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotation: Option<Annotation>,
}

/// The part that this process does.
pub struct Part {
    journal: Journal<Line>,
    done: HashMap<usize, DoneLine>,
    folder: PathBuf,
    listed: bool,
}

/// Where the journal of a part is.
pub fn journal_of(folder: &Path, shard: Shard) -> PathBuf {
    folder.join(format!("segment.{shard}.jsonl"))
}

impl Part {
    /// Begins, or goes on with, a part of the photos.
    ///
    /// # Errors
    /// If the folder holds another run's part, or another process works on it.
    pub fn open(
        arguments: &Arguments,
        shard: Shard,
        inputs: &[Input],
        config: &Config,
        model: &str,
    ) -> Outcome<Self> {
        let folder = arguments.folder().unwrap_or(Path::new(".")).to_path_buf();
        let listed = arguments.format == Format::CocoPanoptic;
        let of = what(arguments, inputs, config, model)?;
        let (mut journal, lines) = Journal::open(&journal_of(&folder, shard), &of)?;
        if lines.is_empty() {
            let categories = config.categories.iter().cloned().collect();
            journal.add(&Line::Run(RunLine { photos: inputs.len(), listed, categories }))?;
        }
        let done = lines.into_iter().filter_map(|line| match line {
            Line::Done(done) => Some((done.position, done)),
            Line::Run(_) | Line::Failed { .. } => None,
        });
        Ok(Self { journal, done: done.collect(), folder, listed })
    }

    /// Whether a photo was done before, as it is now, and its results are there.
    pub fn has(&self, position: usize, input: &Input) -> bool {
        let Some(done) = self.done.get(&position).filter(|done| done.name == input.name) else {
            return false;
        };
        let result = match &done.annotation {
            Some(annotation) => self.folder.join("predictions").join(&annotation.file_name),
            None => self.folder.join(format!("{}.json", input.name)),
        };
        result.is_file()
            && self.listed == done.annotation.is_some()
            && digest_of(&[&input.file]).is_ok_and(|digest| digest == done.photo)
    }

    /// Notes a photo whose results are written.
    pub fn add(
        &mut self,
        position: usize,
        input: &Input,
        image: ImageEntry,
        annotation: Option<Annotation>,
    ) -> Outcome {
        let photo = digest_of(&[&input.file])?;
        let line = DoneLine { position, name: input.name.clone(), photo, image, annotation };
        Ok(self.journal.add(&Line::Done(line))?)
    }

    /// Notes a photo that could not be done.
    pub fn failed(&mut self, position: usize, input: &Input, reason: &str) -> Outcome {
        let (file, reason) = (input.file.display().to_string(), reason.to_owned());
        Ok(self.journal.add(&Line::Failed { position, file, reason })?)
    }
}

/// What the results are of: photos by name and id, the model, and everything that changes a result.
fn what(arguments: &Arguments, inputs: &[Input], config: &Config, model: &str) -> Outcome<String> {
    if inputs.iter().any(|input| input.stdin) {
        return Err(Failure::new(Code::Usage, "--shard is for files; standard input has no parts"));
    }
    let mut list = Sha256::new();
    for input in inputs {
        list.update(format!("{}\t{}\n", input.name, input.id));
    }
    let list: String = list.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let settings = json!({
        "task": format!("{:?}", arguments.task),
        "format": format!("{:?}", arguments.format),
        "background": arguments.background,
        "min_score": arguments.min_score,
        "postprocess": config.postprocess,
    });
    let settings = serde_json::to_string(&settings).or_exit(Code::Failed)?;
    let count = inputs.len();
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!("{model} on {count} photos ({list}) with {settings} by kmax {version}"))
}

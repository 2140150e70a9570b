//! One part of a long list of photos, and what was done of it.

use super::arguments::{Arguments, Format};
use super::inputs::Input;
use crate::exit::{Code, Failure, OrExit, Outcome};
use kmax::Config;
use kmax_base::Shard;
use kmax_datasets::Journal;
use kmax_datasets::coco::{Annotation, ImageEntry};
use kmax_datasets::evaluate::digest_of;
use kmax_datasets::parts::{self, Listed, Placed};
use kmax_masks::Category;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What names of journals begin with.
pub const WORK: &str = "segment";

/// A line of a part's journal.
type Line = parts::Line<RunLine, DoneLine>;

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
    /// The digest of its result: the PNG of a list for all, else the list of the photo itself.
    pub result: String,
    pub image: ImageEntry,
    /// Its entry in the list for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotation: Option<Annotation>,
}

impl Listed for RunLine {
    const ENTRIES: &'static str = "photos";

    fn count(&self) -> usize {
        self.photos
    }
}

impl Placed for DoneLine {
    fn position(&self) -> usize {
        self.position
    }
}

impl DoneLine {
    /// Whether its result is there as it was written.
    pub fn is_whole(&self, folder: &Path) -> bool {
        let file = result(folder, &self.name, self.annotation.as_ref());
        digest_of(&[&file]).is_ok_and(|digest| digest == self.result)
    }
}

/// The file that stands for the results of a photo: it is written last.
fn result(folder: &Path, name: &str, annotation: Option<&Annotation>) -> PathBuf {
    match annotation {
        Some(annotation) => folder.join("predictions").join(&annotation.file_name),
        None => folder.join(format!("{name}.json")),
    }
}

/// The part that this process does.
pub struct Part {
    journal: Journal<Line>,
    done: HashMap<usize, DoneLine>,
    folder: PathBuf,
    listed: bool,
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
        computed: Option<String>,
    ) -> Outcome<Self> {
        let folder = arguments.folder().unwrap_or(Path::new(".")).to_path_buf();
        let listed = arguments.format == Format::CocoPanoptic;
        let of = what(arguments, inputs, config, model, computed)?;
        parts::check_counts(&folder, parts::counts(&parts::names(&folder)?, WORK), shard.count())?;
        let (mut journal, lines) = Journal::open(&folder.join(parts::journal_name(WORK, shard)), &of)?;
        if lines.is_empty() {
            let categories = config.categories.iter().cloned().collect();
            journal.add(&Line::Run(RunLine { photos: inputs.len(), listed, categories }))?;
        }
        let done = parts::done(lines);
        Ok(Self { journal, done, folder, listed })
    }

    /// Whether a photo was done before, as it is now, and its results are what was written.
    pub fn has(&self, position: usize, input: &Input) -> bool {
        let done = self.done.get(&position).filter(|done| done.name == input.name);
        done.is_some_and(|done| {
            self.listed == done.annotation.is_some()
                && done.is_whole(&self.folder)
                && digest_of(&[&input.file]).is_ok_and(|digest| digest == done.photo)
        })
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
        let result = digest_of(&[&result(&self.folder, &input.name, annotation.as_ref())])?;
        let line = DoneLine { position, name: input.name.clone(), photo, result, image, annotation };
        Ok(self.journal.add(&Line::Done(line))?)
    }

    /// Notes a photo that could not be done.
    pub fn failed(&mut self, position: usize, input: &Input, reason: &str) -> Outcome {
        let (file, reason) = (input.file.display().to_string(), reason.to_owned());
        Ok(self.journal.add(&Line::Failed { position, file, reason })?)
    }
}

/// What the results are of: photos by name and id, the model, and everything that changes a result.
fn what(
    arguments: &Arguments,
    inputs: &[Input],
    config: &Config,
    model: &str,
    computed: Option<String>,
) -> Outcome<String> {
    if inputs.iter().any(|input| input.stdin) {
        return Err(Failure::new(Code::Usage, "--shard is for files; standard input has no parts"));
    }
    let mut list = Sha256::new();
    for input in inputs {
        list.update(format!("{}\t{}\n", input.name, input.id));
    }
    let list: String = list.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut what = json!({
        "model": model,
        "photos": inputs.len(),
        "names": list,
        "task": format!("{:?}", arguments.task),
        "format": format!("{:?}", arguments.format),
        "background": arguments.background,
        "min_score": arguments.min_score,
        "labels": format!("{:?}", arguments.labels),
        "min_share": arguments.min_share,
        "explain": arguments.explain,
        "tiles": arguments.tiling(),
        "postprocess": config.postprocess,
        "kmax": env!("CARGO_PKG_VERSION"),
    });
    if let Some(computed) = computed {
        what["computed"] = json!(computed);
    }
    serde_json::to_string(&what).or_exit(Code::Failed)
}

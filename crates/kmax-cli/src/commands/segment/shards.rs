//! One part of a long list of photos, and what was done of it.

use super::arguments::{Arguments, Format};
use super::journal::Kept;
use super::out::Out;
use super::results::PNGS;
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::photos::Input;
use kmax::Config;
use kmax_base::Shard;
use kmax_datasets::coco::{Annotation, ImageEntry};
use kmax_datasets::evaluate::digest_of;
use kmax_datasets::parts::{self, Listed, Placed};
use kmax_masks::Category;
use kmax_store::Stamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

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
    pub fn is_whole(&self, out: &Out) -> bool {
        let name = result(&self.name, self.annotation.as_ref());
        match out.url() {
            Some(_) => out.stamp(&name) == Some(&self.result),
            None => digest_of(&[&out.folder().join(name)]).is_ok_and(|digest| digest == self.result),
        }
    }
}

/// The file that stands for the results of a photo: it is written last.
fn result(name: &str, annotation: Option<&Annotation>) -> String {
    match annotation {
        Some(annotation) => format!("{PNGS}/{}", annotation.file_name),
        None => format!("{name}.json"),
    }
}

/// What a photo holds: the digest of its file, or what its store says.
fn contents(input: &Input) -> Outcome<String> {
    match &input.url {
        None => Ok(digest_of(&[&input.file])?),
        Some(url) => match input.stamp.get() {
            Some(stamp) => Ok(stamp.clone()),
            None => Ok(kmax_store::stamp(url)?.unwrap_or_default()),
        },
    }
}

/// The part that this process does.
pub struct Part {
    journal: Kept<Line>,
    name: String,
    done: HashMap<usize, DoneLine>,
    out: Arc<Out>,
    listed: bool,
}

impl Part {
    /// Begins, or goes on with, a part of the photos.
    ///
    /// # Errors
    /// If the folder holds another run's part, or another process works on it.
    pub fn open(
        arguments: &Arguments,
        (shard, out): (Shard, &Arc<Out>),
        inputs: &[Input],
        config: &Config,
        model: &str,
        computed: Option<String>,
    ) -> Outcome<Self> {
        let listed = arguments.format == Format::CocoPanoptic;
        let of = what(arguments, inputs, config, model, computed)?;
        let place = arguments.folder().unwrap_or(Path::new("."));
        parts::check_counts(place, parts::counts(&out.names()?, WORK), shard.count())?;
        let name = parts::journal_name(WORK, shard);
        let (mut journal, lines) = Kept::open(out, &name, &of)?;
        if lines.is_empty() {
            let categories = config.categories.iter().cloned().collect();
            let run = Line::Run(RunLine { photos: inputs.len(), listed, categories });
            journal.add(out, &name, &run)?;
        }
        let done = parts::done(lines);
        Ok(Self { journal, name, done, out: out.clone(), listed })
    }

    /// Whether a photo was done before, as it is now, and its results are what was written.
    pub fn has(&self, position: usize, input: &Input) -> bool {
        let done = self.done.get(&position).filter(|done| done.name == input.name);
        done.is_some_and(|done| {
            self.listed == done.annotation.is_some()
                && done.is_whole(&self.out)
                && contents(input).is_ok_and(|contents| contents == done.photo)
        })
    }

    /// Notes a photo whose results are written.
    pub fn add(
        &mut self,
        position: usize,
        input: &Input,
        image: ImageEntry,
        annotation: Option<Annotation>,
        stamp: Option<Stamp>,
    ) -> Outcome {
        let photo = contents(input)?;
        let result = match stamp {
            Some(stamp) => stamp,
            None => {
                let name = result(&input.name, annotation.as_ref());
                digest_of(&[&self.out.folder().join(name)])?
            }
        };
        let line = DoneLine { position, name: input.name.clone(), photo, result, image, annotation };
        self.journal.add(&self.out, &self.name, &Line::Done(line))
    }

    /// Notes a photo that could not be done.
    pub fn failed(&mut self, position: usize, input: &Input, reason: &str) -> Outcome {
        let (file, reason) = (input.file.display().to_string(), reason.to_owned());
        self.journal.add(&self.out, &self.name, &Line::Failed { position, file, reason })
    }

    /// Ends the part, or this go at it: the journal is where it belongs.
    pub fn close(mut self) -> Outcome {
        self.journal.send(&self.out, &self.name)
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
        "tiles": arguments.tiles.tiling(),
        "postprocess": config.postprocess,
        "kmax": env!("CARGO_PKG_VERSION"),
    });
    if let Some(computed) = computed {
        what["computed"] = json!(computed);
    }
    serde_json::to_string(&what).or_exit(Code::Failed)
}

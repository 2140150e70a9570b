//! `kmax merge`: what several processes did of one list becomes what one would have done.

use super::segment::journal;
use super::segment::out::Out;
use super::segment::results::LIST;
use super::segment::shards::{DoneLine, RunLine, WORK};
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{remark, tell, write};
use kmax_datasets::coco::PanopticWriter;
use kmax_datasets::convert;
use kmax_datasets::parts::Whole;
use kmax_masks::Categories;
use kmax_store::Place;
use std::path::{Path, PathBuf};

/// Join the parts that `kmax segment --shard` or `kmax dataset convert --shard` left
///
/// Checks that every entry of every part was done, and writes what one process would have written. What failed is told, each once; a part
/// that is run again tries it anew.
#[derive(clap::Args)]
pub struct Arguments {
    /// What all parts were to write: the folder, its URL, or the file
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Write the predictions.json of `segment --format coco-panoptic` there, and not into OUT
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let fail = |reason: &str| Failure::new(Code::Input, format!("{}: {reason}", arguments.out.display()));
    let folder = match Place::read(&arguments.out)? {
        Place::Store(_) => None,
        Place::Local(path) => Some(path),
    };
    if let Some(path) = &folder {
        if let Some(joined) = convert::join(path)? {
            return converted(arguments, &joined);
        }
        if !path.is_dir() {
            return Err(fail(
                "no part of `kmax dataset convert --shard` lies beside it, and it is no folder of `kmax segment --shard`",
            ));
        }
    }
    let out = Out::open(&arguments.out)?;
    let Some(whole) = parts(&out)? else {
        let reason = if folder.is_some_and(|folder| is_of_an_evaluation(&folder)) {
            "holds predictions of an evaluation: the same `kmax eval model` without --shard joins them"
        } else {
            "holds no part of `kmax segment --shard`, and none of `kmax dataset convert --shard` lies beside it"
        };
        return Err(fail(reason));
    };
    segmented(arguments, &out, whole)
}

/// What the journals say, which are fetched from a store first.
fn parts(out: &Out) -> Outcome<Option<Whole<RunLine, DoneLine>>> {
    let Some(url) = out.url() else { return Ok(Whole::read(out.folder(), WORK)?) };
    for name in out.names()? {
        if name.starts_with(WORK) && name.ends_with(".jsonl") {
            let (text, _) = kmax_store::read(&url.join(&name)?, journal::MOST)?;
            write(&out.folder().join(&name), &text)?;
        }
    }
    let whole = Whole::read(out.folder(), WORK);
    whole.map_err(|error| told_of(out, error.into()))
}

/// A fault of a file that was fetched, told of where it came from.
fn told_of(out: &Out, failure: Failure) -> Failure {
    match out.url() {
        None => failure,
        Some(url) => {
            let (here, there) = (out.folder().display().to_string(), url.to_string());
            Failure::new(failure.code, failure.message.replace(&here, &there))
        }
    }
}

fn segmented(arguments: &Arguments, out: &Out, whole: Whole<RunLine, DoneLine>) -> Outcome {
    whole.check(&arguments.out, |done| done.is_whole(out))?;
    let failed = told(&whole.failed());
    let (photos, parts, listed) = (whole.run.photos, whole.parts, whole.run.listed);
    match &arguments.output {
        None if listed => {
            write_list(out.folder(), whole)?;
            out.send(LIST)?;
        }
        Some(folder) if listed => {
            let to = Out::create(folder)?;
            let made = tempfile::tempdir().or_exit(Code::Output)?;
            write_list(made.path(), whole)?;
            std::fs::copy(made.path().join(LIST), to.folder().join(LIST)).or_exit(Code::Output)?;
            to.send(LIST)?;
        }
        Some(_) => return Err(no_list()),
        None => {}
    }
    remark(&format!("{} photos of {parts} parts", photos - failed));
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(Code::Partial, format!("{failed} of {photos} photos failed"))),
    }
}

fn no_list() -> Failure {
    Failure::new(Code::Usage, "--output takes the list of --format coco-panoptic, and these parts have none")
}

fn converted(arguments: &Arguments, joined: &convert::Joined) -> Outcome {
    if arguments.output.is_some() {
        return Err(no_list());
    }
    let convert::Joined { images, parts, failed } = joined;
    match told(failed) {
        0 => {
            remark(&format!("{images} images of {parts} parts"));
            Ok(())
        }
        failed => {
            let reason = format!("{failed} of {} images failed: nothing is joined", images + failed);
            Err(Failure::new(Code::Input, reason))
        }
    }
}

/// Tells what failed, and how many there are.
fn told(failed: &[impl AsRef<str>]) -> usize {
    failed.iter().for_each(|reason| tell(&format!("error: {}", reason.as_ref())));
    failed.len()
}

fn is_of_an_evaluation(folder: &Path) -> bool {
    let is_part = |name: &str| name.starts_with("finished.") && name.contains("-of-");
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| is_part(&entry.file_name().to_string_lossy()))
}

fn write_list(folder: &Path, whole: Whole<RunLine, DoneLine>) -> Outcome {
    let categories = Categories::new(whole.run.categories.clone()).or_exit(Code::Input)?;
    let writer = PanopticWriter::create(folder.join(LIST)).or_exit(Code::Output)?;
    let (images, annotations): (Vec<_>, Vec<_>) =
        whole.into_done().map(|done| (done.image, done.annotation)).unzip();
    writer.finish(images, annotations.into_iter().flatten().collect(), &categories).or_exit(Code::Output)
}

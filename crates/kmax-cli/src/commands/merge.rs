//! `kmax merge`: what several processes did of one list becomes what one would have done.

use super::segment::shards::{DoneLine, Line, RunLine, journal_of};
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{remark, tell};
use kmax_base::{MAX_SHARDS, Shard};
use kmax_datasets::Journal;
use kmax_datasets::coco::PanopticWriter;
use kmax_masks::Categories;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Join the parts that `kmax segment --shard` left in a folder
///
/// Checks that every photo of every part was done, and writes the list that one process would have written. Photos that failed are
/// told, each once; a part that is run again tries them anew.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder that all parts wrote to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let folder = &arguments.folder;
    let fail = |reason: String| Failure::new(Code::Input, format!("{}: {reason}", folder.display()));
    let count = parts(folder)?;
    let mut whole = Whole::default();
    for shard in Shard::all(count) {
        let file = journal_of(folder, shard);
        if !file.is_file() {
            return Err(fail(format!("part {shard} was not begun: {} is not there", file.display())));
        }
        let (of, lines) = Journal::<Line>::read(&file)?;
        whole.add(&file, shard, of, lines)?;
    }
    let Some((_, run)) = &whole.run else { return Err(fail("no part says what it is of".into())) };
    let lacking = (0..run.photos).filter(|position| !whole.photos.contains_key(position)).count();
    if lacking > 0 {
        let begun = Shard::all(count).filter(|shard| {
            (0..run.photos).any(|position| shard.takes(position) && !whole.photos.contains_key(&position))
        });
        let begun: Vec<String> = begun.take(8).map(|shard| shard.to_string()).collect();
        return Err(fail(format!(
            "{lacking} of {} photos are not done: run again {}",
            run.photos,
            begun.join(", ")
        )));
    }
    if run.listed {
        write_list(folder, run, &whole.photos)?;
    }
    let failed: Vec<&String> = whole.photos.values().filter_map(|photo| photo.as_ref().err()).collect();
    for reason in &failed {
        tell(&format!("error: {reason}"));
    }
    remark(&format!("{} photos of {count} parts", run.photos - failed.len()));
    match failed.len() {
        0 => Ok(()),
        failed => Err(Failure::new(Code::Partial, format!("{failed} of {} photos failed", run.photos))),
    }
}

/// How many parts the folder's journals say there are.
fn parts(folder: &Path) -> Outcome<usize> {
    let fail = |reason: String| Failure::new(Code::Input, format!("{}: {reason}", folder.display()));
    let mut counts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| fail(error.to_string()))? {
        let name = entry.map_err(|error| fail(error.to_string()))?.file_name();
        let name = name.to_string_lossy();
        let of = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix(".jsonl")?.split_once("-of-");
        if of("finished.").is_some() {
            let reason =
                "holds predictions of an evaluation: the same `kmax eval model` without --shard joins them";
            return Err(fail(reason.into()));
        }
        counts.extend(of("segment.").and_then(|(_, count)| count.parse::<usize>().ok()));
    }
    counts.sort_unstable();
    counts.dedup();
    match counts[..] {
        [] => Err(fail("holds no part of `kmax segment --shard`".into())),
        [count] if (1..=MAX_SHARDS).contains(&count) => Ok(count),
        _ => {
            let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
            Err(fail(format!("holds parts of different runs: of {}", counts.join(", "))))
        }
    }
}

/// Photos by their places in the list, done or failed.
type Photos = BTreeMap<usize, Result<DoneLine, String>>;

#[derive(Default)]
struct Whole {
    run: Option<(String, RunLine)>,
    photos: Photos,
}

impl Whole {
    fn add(&mut self, file: &Path, shard: Shard, of: String, lines: Vec<Line>) -> Outcome {
        let fail = |reason: String| Failure::new(Code::Input, format!("{}: {reason}", file.display()));
        for line in lines {
            let (position, photo) = match line {
                Line::Run(run) => {
                    match &self.run {
                        None => self.run = Some((of.clone(), run)),
                        Some((other, _)) if *other == of => {}
                        Some((other, _)) => {
                            return Err(fail(format!("is a part of {of}, others are of {other}")));
                        }
                    }
                    continue;
                }
                Line::Done(done) => (done.position, Ok(done)),
                Line::Failed { position, reason, .. } => (position, Err(reason)),
            };
            let within = self.run.as_ref().is_some_and(|(_, run)| position < run.photos);
            if !within || !shard.takes(position) {
                return Err(fail(format!("photo {position} is none of part {shard}")));
            }
            // What was tried again counts as it ended.
            self.photos.insert(position, photo);
        }
        Ok(())
    }
}

fn write_list(folder: &Path, run: &RunLine, photos: &Photos) -> Outcome {
    let categories = Categories::new(run.categories.clone()).or_exit(Code::Input)?;
    let writer = PanopticWriter::create(folder.join("predictions.json")).or_exit(Code::Output)?;
    let done = || photos.values().filter_map(|photo| photo.as_ref().ok());
    let images = done().map(|done| done.image.clone()).collect();
    let annotations = done().filter_map(|done| done.annotation.clone()).collect();
    writer.finish(images, annotations, &categories).or_exit(Code::Output)
}

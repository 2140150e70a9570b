//! `kmax merge`: what several processes did of one list becomes what one would have done.

use super::segment::shards::{DoneLine, Line, RunLine, counts, journal_of};
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{remark, tell};
use kmax_base::{MAX_SHARDS, Shard};
use kmax_datasets::coco::PanopticWriter;
use kmax_datasets::{Journal, difference};
use kmax_masks::Categories;
use std::collections::{BTreeMap, BTreeSet};
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
        let again =
            |reason: String| fail(format!("{reason}; remove {} and run part {shard} again", file.display()));
        let (of, lines) = Journal::<Line>::read(&file).map_err(|error| again(error.to_string()))?;
        whole.add(shard, of, lines).map_err(again)?;
    }
    let Some((_, run)) = &whole.run else { return Err(fail("no part says what it is of".into())) };
    let is_there = |position: &usize| match whole.photos.get(position) {
        Some(Ok(done)) => done.is_whole(folder),
        found => found.is_some(),
    };
    // No further than there are results and a few more: a journal may say any number of photos.
    let there = whole.photos.keys().filter(|position| is_there(position)).count();
    if there < run.photos {
        let lacking = (0..run.photos).filter(|position| !is_there(position)).take(1 << 16);
        let again: BTreeSet<usize> = lacking.map(|position| position % count).collect();
        let again = again.into_iter().take(8).filter_map(|index| Shard::new(index + 1, count).ok());
        let again: Vec<String> = again.map(|shard| shard.to_string()).collect();
        let (lacking, all, again) = (run.photos - there, run.photos, again.join(", "));
        return Err(fail(format!(
            "the results of {lacking} of {all} photos are not there: run again {again}"
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
    let counts: Vec<usize> = counts(folder)?.into_iter().collect();
    match counts[..] {
        [] if is_of_an_evaluation(folder) => Err(fail(
            "holds predictions of an evaluation: the same `kmax eval model` without --shard joins them"
                .into(),
        )),
        [] => Err(fail("holds no part of `kmax segment --shard`".into())),
        [count] if (1..=MAX_SHARDS).contains(&count) => Ok(count),
        _ => {
            let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
            Err(fail(format!("holds parts of different runs: of {}", counts.join(", "))))
        }
    }
}

fn is_of_an_evaluation(folder: &Path) -> bool {
    let is_part = |name: &str| name.starts_with("finished.") && name.contains("-of-");
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| is_part(&entry.file_name().to_string_lossy()))
}

/// Photos by their places in the list, done or failed.
type Photos = BTreeMap<usize, Result<DoneLine, String>>;

#[derive(Default)]
struct Whole {
    run: Option<(String, RunLine)>,
    photos: Photos,
}

impl Whole {
    fn add(&mut self, shard: Shard, of: String, lines: Vec<Line>) -> Result<(), String> {
        let mut begun = false;
        for line in lines {
            let (position, photo) = match line {
                Line::Run(run) => {
                    begun = true;
                    match &self.run {
                        None => self.run = Some((of.clone(), run)),
                        Some((other, known)) if *other == of && *known == run => {}
                        Some((other, known)) if *other == of => {
                            let (photos, others) = (run.photos, known.photos);
                            return Err(format!(
                                "a part says otherwise what it is of: {photos} photos, others {others}"
                            ));
                        }
                        Some((other, _)) => {
                            return Err(format!("a part is of another run: {}", difference(&of, other)));
                        }
                    }
                    continue;
                }
                Line::Done(done) => (done.position, Ok(done)),
                Line::Failed { position, reason, .. } => (position, Err(reason)),
            };
            let within = begun && self.run.as_ref().is_some_and(|(_, run)| position < run.photos);
            if !within || !shard.takes(position) {
                return Err(format!("photo {position} is none of part {shard}"));
            }
            // What was tried again counts as it ended.
            self.photos.insert(position, photo);
        }
        if begun { Ok(()) } else { Err("the journal does not say what it is of".into()) }
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

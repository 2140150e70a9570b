//! `kmax segment`: photos in, pictures, maps and lists of segments out.

mod answer;
mod arguments;
mod batches;
mod explained;
mod flow;
pub mod journal;
pub mod out;
mod photo;
mod profile;
pub mod results;
pub mod shards;
mod table;
mod tiled;

pub use arguments::Arguments;

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{bar, print, remark, tell};
use crate::photos::{self, Input};
use batches::{Batch, Batches};
use flow::{Stages, Width};
use kmax::profile::stage;
use kmax::{Config, Segmenter};
use kmax_base::{Shard, limits};
use photo::Photos;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most photos that are read, and as many that are written, beside the network: each has a thread of its own, and takes memory.
const MOST_BESIDE: usize = 16;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    arguments.check()?;
    if !arguments.profile {
        return all(arguments);
    }
    let (outcome, rows) = kmax::profile::record(|| all(arguments));
    let told = profile::Profile::new(&rows).or_fail()?.told(arguments.json);
    outcome.and(print(&told))
}

/// Segments all photos.
fn all(arguments: &Arguments) -> Outcome {
    let (inputs, left_out) = photos::list(&arguments.photos, arguments.list.as_deref())?;
    if let Some(note) = left_out {
        remark(&format!("note: {note}"));
    }
    let ids = arguments.ids.as_deref().map(photos::read_ids).transpose()?;
    let inputs = photos::named(inputs, ids.as_ref());
    photos::check_ids(&inputs)?;
    if arguments.folder().is_none() && inputs.len() > 1 {
        return Err(Failure::new(Code::Usage, "--output - takes one photo, not a folder of several"));
    }
    let (device, precision) = arguments.device.open()?;
    let (segmenter, shard) = stage("loading the model", || -> Outcome<_> {
        let model = crate::model::open(&arguments.model)?;
        // It reads every weight, and says whose part it is: nobody else needs it.
        let shard = arguments.shard.map(|shard| (shard, model.digest()));
        let builder = Segmenter::builder(model).device(device).precision(precision).batch(limits::BATCH);
        let builder =
            arguments.tiles.tiling().into_iter().fold(builder, |builder, tiles| builder.tiles(tiles));
        Ok((builder.build().or_fail_loading()?, shard))
    })?;
    let settings = arguments.postprocess(segmenter.config().postprocess);
    let segmenter = segmenter.with_postprocess(settings).or_fail()?;
    let results = results::Results::create(arguments)?;
    arguments.explain.as_deref().map_or(Ok(()), crate::output::folder)?;
    let open = |((shard, digest), out): ((Shard, String), &Arc<out::Out>)| {
        shards::Part::open(
            arguments,
            (shard, out),
            &inputs,
            segmenter.config(),
            &digest,
            segmenter.computed(),
        )
    };
    let mut part = shard.zip(results.out()).map(open).transpose()?;
    let several = inputs.len() > 1;
    let inputs = taken(arguments, inputs, part.as_ref());

    let stop = Arc::new(AtomicBool::new(false));
    let _watch = crate::stop::watched(&stop);
    let bar = match inputs.len() {
        1 => indicatif::ProgressBar::hidden(),
        count => bar(Some(count as u64), "{bar:24} {pos}/{len} photos, {eta} left"),
    };
    let (mut failures, mut listed): (Vec<Failure>, Vec<results::Entries>) = (Vec::new(), Vec::new());
    // Whatever becomes of standard output, files are written on.
    let mut told = Ok(());
    let mut say = |text: &str| {
        if told.is_ok() && arguments.folder().is_some() {
            told = print(text);
        }
    };
    let mut hinted = false;
    let batch = match arguments.batch {
        Batch::Auto => segmenter.fitting_batch(),
        Batch::Of(number) => number,
    };
    let batch = batch.min(inputs.len()).max(1);
    // A profile is of one thread, and times of stages that run side by side say nothing.
    let beside =
        if several && !arguments.profile { rayon::current_num_threads().min(MOST_BESIDE) } else { 0 };
    let width = Width { batch, beside };
    let photos = Photos::new(arguments, &segmenter, &results, (width, several), &stop);
    let mut batches = Batches::new(batch);
    let stages = Stages {
        read: |(_, input): &(usize, Input), alone| photos.read(input, alone),
        work: |read| photos.seen(&mut batches, read),
        write: |(_, input): &(usize, Input), seen| photos.write(input, seen),
        done: |(position, input): &(usize, Input), outcome: Outcome<photo::Done>| {
            // The others would fail as well: nothing is said of this photo, and a part goes on later.
            if let Some(fault) = photos.fault() {
                return Err(fault);
            }
            if let Some(part) = &mut part {
                match &outcome {
                    Ok(photo::Done { entries: (image, annotation), stamp, .. }) => {
                        part.add(*position, input, image.clone(), annotation.clone(), stamp.clone())?
                    }
                    Err(failure) => part.failed(*position, input, &failure.message)?,
                }
            }
            bar.suspend(|| match outcome {
                Ok(photo::Done { answer, entries, note, .. }) => {
                    for note in note.into_iter().chain(input.note.clone()) {
                        remark(&format!("note: {note}"));
                    }
                    say(&answer.told(arguments, several));
                    if answer.found.is_bare() && !hinted {
                        hinted = true;
                        remark(&hint(&arguments.model, segmenter.config()));
                    }
                    listed.push(entries);
                }
                Err(failure) => {
                    if arguments.json {
                        say(&answer::failed(input, &failure.message));
                    }
                    if several {
                        tell(&format!("error: {}", failure.message));
                    }
                    failures.push(failure);
                }
            });
            bar.inc(1);
            Ok(!stop.load(Ordering::Relaxed))
        },
    };
    let done = flow::run(&inputs, width, stages);
    bar.finish_and_clear();
    let is_part = part.is_some();
    // Also of one that a fault ended: what is done is done.
    let closed = part.map_or(Ok(()), shards::Part::close);
    let done = done?;
    closed?;
    // Parts are joined by `kmax merge`.
    if failures.len() < done && !is_part {
        results.finish(listed, segmenter.config())?;
    }
    let left = inputs.len() - done;
    match failures.pop() {
        Some(only) if !several => Err(only),
        None if left == 0 => told,
        // What failed is in the part's journal, and told by `kmax merge`: the part itself is done.
        Some(_) if is_part && left == 0 => told,
        last => {
            let failed = failures.len() + usize::from(last.is_some());
            let stopped = if left > 0 { format!("; stopped before {left} others") } else { String::new() };
            Err(Failure::new(Code::Partial, format!("{failed} of {done} photos failed{stopped}")))
        }
    }
}

/// The photos to do now, with their places in the list: all of them, or those of the part that are not done yet.
fn taken(arguments: &Arguments, inputs: Vec<Input>, part: Option<&shards::Part>) -> Vec<(usize, Input)> {
    let all = inputs.len();
    let mut inputs: Vec<(usize, Input)> = inputs.into_iter().enumerate().collect();
    let (Some(shard), Some(part)) = (arguments.shard, part) else { return inputs };
    inputs.retain(|(position, _)| shard.takes(*position));
    let of_part = inputs.len();
    inputs.retain(|(position, input)| !part.has(*position, input));
    let done = of_part - inputs.len();
    remark(&format!("part {shard}: {of_part} of {all} photos, {done} of them done before"));
    inputs
}

/// The most classes that a hint names.
const NAMED: usize = 20;

/// What a model can find at all, for those in whose photo it found nothing.
fn hint(model: &str, config: &Config) -> String {
    let classes = config.categories.iter().map(|class| class.name.as_str());
    let names: Vec<_> = classes.filter(|name| *name != kmax_results::BACKGROUND).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more (`kmax models info {model}`)"),
    };
    let names = names[..names.len().min(NAMED)].join(", ");
    format!("note: {model} knows {names}{more}; `kmax models` lists other models")
}

//! `kmax segment`: photos in, pictures, maps and lists of segments out.

mod answer;
mod arguments;
mod explained;
mod inputs;
mod profile;
mod results;
pub mod shards;
mod table;
mod tiled;

pub use arguments::Arguments;

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{bar, detail, print, remark, tell};
use answer::Answer;
use image::RgbImage;
use inputs::Input;
use kmax::profile::stage;
use kmax::{Config, Segmenter};
use kmax_base::Shard;
use kmax_datasets::coco::{Annotation, ImageEntry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tiled::Opened;

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
    let (inputs, left_out) = inputs::list(&arguments.photos, arguments.list.as_deref())?;
    if let Some(note) = left_out {
        remark(&format!("note: {note}"));
    }
    let ids = arguments.ids.as_deref().map(inputs::read_ids).transpose()?;
    let inputs = inputs::named(inputs, ids.as_ref());
    inputs::check_ids(&inputs)?;
    if arguments.folder().is_none() && inputs.len() > 1 {
        return Err(Failure::new(Code::Usage, "--output - takes one photo, not a folder of several"));
    }
    let (segmenter, shard) = stage("loading the model", || -> Outcome<_> {
        let model = crate::model::open(&arguments.model)?;
        // It reads every weight, and says whose part it is: nobody else needs it.
        let shard = arguments.shard.map(|shard| (shard, model.digest()));
        let builder = Segmenter::builder(model);
        let builder = arguments.tiling().into_iter().fold(builder, |builder, tiles| builder.tiles(tiles));
        Ok((builder.build().or_fail_loading()?, shard))
    })?;
    let settings = arguments.postprocess(segmenter.config().postprocess);
    let segmenter = segmenter.with_postprocess(settings).or_fail()?;
    let mut results = results::Results::create(arguments)?;
    arguments.explain.as_deref().map_or(Ok(()), crate::output::folder)?;
    let open = |(shard, digest): (Shard, String)| {
        shards::Part::open(arguments, shard, &inputs, segmenter.config(), &digest)
    };
    let mut part = shard.map(open).transpose()?;
    let several = inputs.len() > 1;
    let inputs = taken(arguments, inputs, part.as_ref());

    let stop = Arc::new(AtomicBool::new(false));
    let _watch = crate::stop::watched(&stop);
    let bar = match inputs.len() {
        1 => indicatif::ProgressBar::hidden(),
        count => bar(Some(count as u64), "{bar:24} {pos}/{len} photos, {eta} left"),
    };
    let (mut failures, mut done): (Vec<Failure>, usize) = (Vec::new(), 0);
    // Whatever becomes of standard output, files are written on.
    let mut told = Ok(());
    let mut say = |text: &str| {
        if told.is_ok() && arguments.folder().is_some() {
            told = print(text);
        }
    };
    let mut hinted = false;
    for (position, input) in &inputs {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let outcome = one(arguments, &segmenter, (input, several), &mut results, &stop);
        done += 1;
        if let Some(part) = &mut part {
            match &outcome {
                Ok((_, (image, annotation))) => {
                    part.add(*position, input, image.clone(), annotation.clone())?
                }
                Err(failure) => part.failed(*position, input, &failure.message)?,
            }
        }
        bar.suspend(|| match outcome {
            Ok((answer, _)) => {
                if let Some(note) = &input.note {
                    remark(&format!("note: {note}"));
                }
                say(&answer.told(arguments, several));
                if answer.found.is_bare() && !hinted {
                    hinted = true;
                    remark(&hint(&arguments.model, segmenter.config()));
                }
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
    }
    bar.finish_and_clear();
    // Parts are joined by `kmax merge`.
    if failures.len() < done && part.is_none() {
        results.finish(segmenter.config())?;
    }
    let left = inputs.len() - done;
    match failures.pop() {
        Some(only) if !several => Err(only),
        None if left == 0 => told,
        // What failed is in the part's journal, and told by `kmax merge`: the part itself is done.
        Some(_) if part.is_some() && left == 0 => told,
        last => {
            let failed = failures.len() + usize::from(last.is_some());
            let stopped = if left > 0 { format!("; stopped before {left} others") } else { String::new() };
            Err(Failure::new(Code::Partial, format!("{failed} of {done} photos failed{stopped}")))
        }
    }
}

/// What a list for all photos says of one.
type Entries = (ImageEntry, Option<Annotation>);

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

/// Segments one photo and writes what was found.
fn one(
    arguments: &Arguments,
    segmenter: &Segmenter,
    (input, several): (&Input, bool),
    results: &mut results::Results,
    stop: &AtomicBool,
) -> Outcome<(Answer, Entries)> {
    if let Some(reason) = &input.refused {
        return Err(Failure::new(Code::Input, reason));
    }
    let begun = std::time::Instant::now();
    let photo = match tiled::are_wanted(arguments, segmenter) {
        true => match stage(profile::READING, || tiled::open(arguments, segmenter, input))? {
            Opened::Whole(photo) => photo,
            Opened::Tiled(bands, tiling) => {
                let answer = tiled::segment(arguments, segmenter, (input, several), (*bands, tiling), stop)?;
                return written(arguments, segmenter, input, (answer, None), results, begun);
            }
        },
        false => read(arguments, segmenter, input)?,
    };
    let fail =
        |e: kmax_results::Error| Failure::new(e.kind().into(), format!("{}: {e}", input.file.display()));
    let answer = Answer::new(arguments, segmenter, input, &photo).map_err(fail)?;
    written(arguments, segmenter, input, (answer, Some(photo)), results, begun)
}

/// Reads a photo as a whole.
fn read(arguments: &Arguments, segmenter: &Segmenter, input: &Input) -> Outcome<RgbImage> {
    let reading = segmenter.reading().with_background(arguments.background);
    let picture = stage(profile::READING, || input.read(&reading)).or_fail()?;
    if let Some(note) = &picture.note {
        remark(&format!("note: {}: {note}", input.file.display()));
    }
    Ok(picture.image)
}

/// Writes what was found in a photo.
fn written(
    arguments: &Arguments,
    segmenter: &Segmenter,
    input: &Input,
    (answer, photo): (Answer, Option<RgbImage>),
    results: &mut results::Results,
    begun: std::time::Instant,
) -> Outcome<(Answer, Entries)> {
    let categories = &segmenter.config().categories;
    let (photo, tile) = match (&photo, &answer.small) {
        (Some(photo), _) => (photo, 1.0),
        (None, Some(small)) => (&small.photo, small.tile),
        (None, None) => return Err(Failure::new(Code::Failed, "a result without its photo")),
    };
    let overlay = arguments.overlay(categories, tile);
    if let (Some(folder), Some(explanation)) = (&arguments.explain, &answer.explanation) {
        let write = || explained::write_all(folder, explanation, input, photo, (&overlay, &arguments.model));
        stage("writing the explanation", write)?;
    }
    let entries = stage("writing results", || results.write(&answer, input, (photo, &overlay)))?;
    detail(|| format!("{}: {:.3} s", input.file.display(), begun.elapsed().as_secs_f64()));
    Ok((answer, entries))
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

//! `kmax segment`: photos in, pictures, maps and lists of segments out.

mod answer;
mod arguments;
mod encoded;
mod inputs;
mod profile;
mod results;
mod table;

pub use arguments::Arguments;

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{bar, detail, print, remark, tell};
use answer::Answer;
use inputs::Input;
use kmax::profile::stage;
use kmax::{Config, Segmenter};
use kmax_transforms::Reading;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    let (inputs, left_out) = inputs::list(&arguments.photos)?;
    if let Some(note) = left_out {
        remark(&format!("note: {note}"));
    }
    let ids = arguments.ids.as_deref().map(inputs::read_ids).transpose()?;
    let inputs = inputs::named(inputs, ids.as_ref());
    if arguments.folder().is_none() && inputs.len() > 1 {
        return Err(Failure::new(Code::Usage, "--output - takes one photo, not a folder of several"));
    }
    let segmenter = stage("loading the model", || {
        Segmenter::builder(crate::model::open(&arguments.model)?).build().or_fail_loading()
    })?;
    let settings = arguments.postprocess(segmenter.config().postprocess);
    let segmenter = segmenter.with_postprocess(settings).or_fail()?;
    let reading = segmenter.reading().with_background(arguments.background);
    let mut results = results::Results::create(arguments)?;

    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).or_exit(Code::Failed)?;
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
    for input in &inputs {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let outcome = one(arguments, &segmenter, input, &reading, &mut results);
        done += 1;
        bar.suspend(|| match outcome {
            Ok(answer) => {
                if let Some(note) = &input.note {
                    remark(&format!("note: {note}"));
                }
                say(&answer.told(arguments.json, inputs.len() > 1));
                if answer.is_bare() && !hinted {
                    hinted = true;
                    remark(&hint(&arguments.model, segmenter.config()));
                }
            }
            Err(failure) => {
                if arguments.json {
                    say(&answer::failed(input, &failure.message));
                }
                if inputs.len() > 1 {
                    tell(&format!("error: {}", failure.message));
                }
                failures.push(failure);
            }
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    if failures.len() < done {
        results.finish(segmenter.config())?;
    }
    let left = inputs.len() - done;
    match failures.pop() {
        Some(only) if inputs.len() == 1 => Err(only),
        None if left == 0 => told,
        last => {
            let failed = failures.len() + usize::from(last.is_some());
            let stopped = if left > 0 { format!("; stopped before {left} others") } else { String::new() };
            Err(Failure::new(Code::Partial, format!("{failed} of {done} photos failed{stopped}")))
        }
    }
}

/// Segments one photo and writes what was found.
fn one(
    arguments: &Arguments,
    segmenter: &Segmenter,
    input: &Input,
    reading: &Reading,
    results: &mut results::Results,
) -> Outcome<Answer> {
    if let Some(reason) = &input.refused {
        return Err(Failure::new(Code::Input, reason));
    }
    let begun = std::time::Instant::now();
    let picture = stage(profile::READING, || input.read(reading)).or_fail()?;
    if let Some(note) = &picture.note {
        remark(&format!("note: {}: {note}", input.file.display()));
    }
    let photo = picture.image;
    let fail = |e: kmax::Error| Failure::new(e.kind().into(), format!("{}: {e}", input.file.display()));
    let answer = Answer::new(arguments, segmenter, input, &photo).map_err(fail)?;
    stage("writing results", || results.write(&answer, input, &photo, segmenter.config()))?;
    detail(|| format!("{}: {:.3} s", input.file.display(), begun.elapsed().as_secs_f64()));
    Ok(answer)
}

/// The most classes that a hint names.
const NAMED: usize = 20;

/// What a model can find at all, for those in whose photo it found nothing.
fn hint(model: &str, config: &Config) -> String {
    let classes = config.categories.iter().map(|class| class.name.as_str());
    let names: Vec<_> = classes.filter(|name| *name != answer::BACKGROUND).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more (`kmax models info {model}`)"),
    };
    let names = names[..names.len().min(NAMED)].join(", ");
    format!("note: {model} knows {names}{more}; `kmax models` lists other models")
}

//! `kmax segment`: photos in, pictures, maps and lists of segments out.

mod answer;
mod arguments;
mod inputs;
mod profile;
mod results;
mod table;

pub use arguments::Arguments;

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::print;
use answer::Answer;
use arguments::{Format, Task};
use inputs::Input;
use kmax::Segmenter;
use kmax::profile::stage;
use kmax_transforms::read_image;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    arguments.check()?;
    if !arguments.profile {
        return all(arguments);
    }
    let (outcome, rows) = kmax::profile::record(|| all(arguments));
    let told = profile::Profile::new(&rows).or_exit(Code::Failed)?.told(arguments.json);
    outcome.and(print(&told))
}

/// Segments all photos.
fn all(arguments: &Arguments) -> Outcome {
    let inputs = inputs::list(&arguments.photos)?;
    let ids = arguments.ids.as_deref().map(inputs::read_ids).transpose()?;
    let inputs = inputs::named(inputs, ids.as_ref());
    let segmenter = stage("loading the model", || {
        Segmenter::on_cpu(&crate::model::open(&arguments.model)?).or_exit(Code::Model)
    })?;
    let settings = arguments.postprocess(segmenter.config().postprocess);
    let segmenter = segmenter.with_postprocess(settings).or_exit(Code::Usage)?;
    let mut results = results::Results::create(arguments)?;

    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).or_exit(Code::Failed)?;
    let bar = arguments.bar(inputs.len());
    let (mut failures, mut done): (Vec<Failure>, usize) = (Vec::new(), 0);
    // Whatever becomes of standard output, files are written on.
    let mut told = Ok(());
    let mut say = |text: &str| {
        if told.is_ok() {
            told = print(text);
        }
    };
    for input in &inputs {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let outcome = one(arguments, &segmenter, input, &mut results);
        done += 1;
        bar.suspend(|| match outcome {
            Ok(answer) => {
                if let Some(note) = &input.note {
                    eprintln!("note: {note}");
                }
                say(&answer.told(arguments.json, inputs.len() > 1));
            }
            Err(failure) => {
                if arguments.json {
                    say(&answer::failed(input, &failure.message));
                }
                if inputs.len() > 1 {
                    eprintln!("error: {}", failure.message);
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
    results: &mut results::Results,
) -> Outcome<Answer> {
    if let Some(reason) = &input.refused {
        return Err(Failure::new(Code::Input, reason));
    }
    let photo = stage(profile::READING, || read_image(&input.file)).or_exit(Code::Input)?;
    let fail = |e: kmax::Error| {
        // What a transform refuses is the photo's shape; anything else is ours.
        let code = if matches!(e, kmax::Error::Transform(_)) { Code::Input } else { Code::Failed };
        Failure::new(code, format!("{}: {e}", input.file.display()))
    };
    let answer = Answer::new(arguments, segmenter, input, &photo).map_err(fail)?;
    stage("writing results", || results.write(&answer, input, &photo, segmenter.config()))?;
    Ok(answer)
}

impl Arguments {
    fn bar(&self, photos: usize) -> indicatif::ProgressBar {
        if photos < 2 {
            return indicatif::ProgressBar::hidden();
        }
        let bar = indicatif::ProgressBar::new(photos as u64);
        let style = indicatif::ProgressStyle::with_template("{bar:24} {pos}/{len} photos, {eta} left");
        bar.with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
    }

    fn check(&self) -> Outcome {
        let refuse = |reason: &str| Err(Failure::new(Code::Usage, reason));
        if self.format == Format::CocoPanoptic && self.task != Task::Panoptic {
            return refuse("--format coco-panoptic holds panoptic results only; leave out --task");
        }
        if self.min_score.is_some() && self.task != Task::Instance {
            return refuse("--min-score decides about instances only; add --task instance");
        }
        Ok(())
    }
}

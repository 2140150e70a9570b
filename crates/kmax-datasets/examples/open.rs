//! What is in a dataset of any form: its splits, their images, and each class's share of the pixels.
//!
//!     cargo run --release --example open -- FOLDER [--form FORM] [--things A,B] [--classes FILE] [--photos FOLDER]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use kmax_datasets::forms::{Form, Options, open};
use kmax_datasets::{Annotated, Things};

/// Images of a split that are looked at.
const LOOKED_AT: usize = 200;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let mut options = Options::default();
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--form" => options.form = Some(Form::named(&value).ok_or_else(|| format!("no form {value:?}"))?),
            "--things" => options.things = Things::named(value.split(',')),
            "--classes" => options.classes = Some(value.into()),
            "--photos" => options.photos = Some(value.into()),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    let opened = open(Path::new(&folder), &options).map_err(|error| error.to_string())?;
    println!("form: {}", opened.form.name());
    for note in &opened.notes {
        println!("note: {note}");
    }
    for split in &opened.splits {
        println!("{}: {} images", split.name, split.data.len());
        show(&*split.data)?;
    }
    Ok(())
}

fn show(data: &dyn Annotated) -> Result<(), String> {
    let (mut pixels, mut segments): (BTreeMap<u32, u64>, BTreeMap<u32, usize>) = Default::default();
    let mut all = 0;
    for place in 0..data.len().min(LOOKED_AT) {
        let sample = data.sample(place).map_err(|error| error.to_string())?;
        sample.panoptic.validate(data.categories()).map_err(|error| error.to_string())?;
        all += sample.panoptic.map.data().len() as u64;
        for segment in &sample.panoptic.segments {
            *pixels.entry(segment.category_id).or_default() += segment.area;
            *segments.entry(segment.category_id).or_default() += 1;
        }
    }
    for class in data.categories() {
        let share = 100.0 * pixels.get(&class.id).copied().unwrap_or_default() as f64 / all.max(1) as f64;
        let count = segments.get(&class.id).copied().unwrap_or_default();
        let kind = if class.isthing { "thing" } else { "stuff" };
        println!("  {:>3} {kind} {:<24} {count:>6} segments {share:>6.2} %", class.id, class.name);
    }
    let labelled: u64 = pixels.values().sum();
    println!("  void {:.2} %", 100.0 * (all - labelled) as f64 / all.max(1) as f64);
    Ok(())
}

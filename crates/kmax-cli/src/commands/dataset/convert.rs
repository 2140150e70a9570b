//! `kmax dataset convert`: annotations in another form.

use super::{apart, opened};
use crate::commands::eval::Bar;
use crate::exit::{Code, Failure, Outcome};
use crate::output::{remark, tell};
use crate::things::ThingsArgument;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kmax_base::Shard;
use kmax_datasets::cityscapes::Cityscapes;
use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::convert::{PartReport, Source, Target, convert, convert_part};
use kmax_datasets::forms::{Form, Options};
use std::path::PathBuf;
use std::str::FromStr;

/// What a form to read is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    TwoChannel,
    ThreeChannel,
    Form(Form),
}

fn from(name: &str) -> Result<From, String> {
    match name {
        "two-channel" => Ok(From::TwoChannel),
        "three-channel" => Ok(From::ThreeChannel),
        _ => Form::named(name).map(From::Form).ok_or_else(|| {
            format!("expected two-channel, three-channel or one of {}", Form::ALL.map(Form::name).join(", "))
        }),
    }
}

fn targets() -> impl TypedValueParser<Value = Target> {
    let known = PossibleValuesParser::new(Target::ALL.map(Target::name));
    known.try_map(|name| Target::named(&name).ok_or("no such form"))
}

/// Write annotations in another form.
///
/// INPUT is read in any form that `kmax train` takes; docs/FORMS.md lists them.
#[derive(clap::Args)]
pub struct Convert {
    /// A dataset: a folder, a json or a yaml, or a folder of PNGs with channels
    input: PathBuf,
    /// The json (coco-..., cvat-coco, label-studio) or folder to write
    out: PathBuf,
    /// The form of INPUT, where it could be several; two-channel and three-channel are not recognised
    #[arg(long, value_name = "FORM", value_parser = from)]
    from: Option<From>,
    /// The form of OUT
    #[arg(long, value_name = "FORM", value_parser = targets())]
    to: Target,
    /// The PNGs of a panoptic json (default: named like the json without its ending)
    #[arg(long, value_name = "DIR")]
    pngs: Option<PathBuf>,
    /// The split, of a dataset that has several
    #[arg(long)]
    split: Option<String>,
    /// The classes of PNGs with channels, a json with `categories` (default: COCO's 133), or a list of names
    #[arg(long, value_name = "FILE", alias = "classes")]
    categories: Option<PathBuf>,
    /// The folder of photos, where it is none of the usual places
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    #[command(flatten)]
    things: ThingsArgument,
    /// Write one part of the images only, I of N, or `auto` for the part that Slurm, Kubernetes (auto/N) or RANK says; a part that was
    /// stopped goes on where it was, and `kmax merge OUT` joins them
    #[arg(long, value_name = "I/N", value_parser = Shard::from_str)]
    shard: Option<Shard>,
}

impl Convert {
    pub fn run(&self) -> Outcome {
        apart(&self.input, &self.out, "is INPUT too: its annotations would be written over")?;
        if let Some(shard) = self.shard {
            return self.part(shard);
        }
        let count = convert(&self.source()?, self.to, &self.out, &Bar::new())?;
        remark(&format!("{count} images: {}", self.out.display()));
        Ok(())
    }

    fn part(&self, shard: Shard) -> Outcome {
        let source = self.source()?;
        let part = convert_part(&source, self.to, &self.out, shard, &Bar::new())?;
        part.failed.iter().for_each(|reason| tell(&format!("error: {reason}")));
        let PartReport { images, before, failed } = part;
        let failed = match failed.len() {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        remark(&format!(
            "part {shard}: {images} of {} images, {before} of them done before{failed}",
            source.len()
        ));
        Ok(())
    }

    fn source(&self) -> Outcome<Source> {
        let things = self.things.get();
        let categories = || match &self.categories {
            Some(file) => kmax_datasets::read_panoptic_categories(file, &things),
            None => Ok(kmax_masks::Categories::coco_panoptic()),
        };
        let pngs = self.pngs.clone().unwrap_or_else(|| self.input.with_extension(""));
        // A submission or a prediction is a json with its PNGs and without photos.
        let is_panoptic = self.input.is_file() && pngs.is_dir();
        match self.from {
            Some(From::TwoChannel) => Ok(Source::channels(&self.input, categories()?, false)?),
            Some(From::ThreeChannel) => Ok(Source::channels(&self.input, categories()?, true)?),
            Some(From::Form(Form::Cityscapes)) if !self.to.refers_to_photos() => {
                let split = self.split.as_deref().unwrap_or("val");
                Ok(Source::cityscapes(Cityscapes::open(&self.input, split)?))
            }
            None | Some(From::Form(Form::CocoPanoptic)) if is_panoptic && !self.to.refers_to_photos() => {
                let dataset = CocoPanoptic::open_with(&self.input, &pngs, &pngs, &things)?;
                Ok(Source::panoptic(dataset.without_lost_segments()))
            }
            Some(From::Form(form)) => self.of_form(Some(form)),
            None => self.of_form(None),
        }
    }

    fn of_form(&self, form: Option<Form>) -> Outcome<Source> {
        let options = Options {
            form,
            things: self.things.get(),
            classes: self.categories.clone(),
            photos: self.photos.clone(),
        };
        let opened = opened(&self.input, &options)?;
        let chosen = match (&self.split, &opened.splits[..]) {
            (Some(name), splits) => splits.iter().find(|split| split.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some(split) = chosen else {
            let names: Vec<_> = opened.splits.iter().map(|split| split.name.as_str()).collect();
            let message =
                format!("{}: which split? --split takes {}", self.input.display(), names.join(", "));
            return Err(Failure::new(Code::Usage, message));
        };
        Ok(Source::of(split))
    }
}

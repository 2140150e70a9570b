//! What the command takes.

use crate::exit::{Code, Failure, Outcome};
use clap::ValueEnum;
use kmax::PostprocessConfig;
use std::path::PathBuf;

/// Segment photos
///
/// Writes NAME.overlay.png, NAME.panoptic.png and NAME.json for each photo, and prints a table of what was found.
#[derive(clap::Args)]
pub struct Arguments {
    /// Photos (JPEG, PNG or WebP), or folders of photos; - is standard input
    #[arg(required = true, value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
    /// Where the results go; made if it is not there; - sends one result of one photo to standard output
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// What goes to standard output (with --output -)
    #[arg(long, value_enum, default_value_t = Picked::Overlay)]
    pub result: Picked,
    /// What is wanted
    #[arg(long, value_enum, default_value_t = Task::Panoptic)]
    pub task: Task,
    /// A built-in model, the path of a model folder, or hf://owner/name[@revision]
    #[arg(long, default_value = "kmax-people")]
    pub model: String,
    /// Files for each photo, or one predictions.json for all with its PNGs in predictions/
    #[arg(long, value_enum, default_value_t = Format::Files)]
    pub format: Format,
    /// A COCO json with a list `images`: image ids are taken from it by file name; else photos are counted from 1
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// Print one line of JSON for each photo instead of a table
    #[arg(long)]
    pub json: bool,
    /// Also tell where the time went: by stage and by kind of operation, against the speed of a matrix product
    #[arg(long)]
    pub profile: bool,
    /// Class probability that a thing needs [default: the model's]
    #[arg(long, value_name = "P", value_parser = share, help_heading = "Thresholds")]
    pub class_threshold_thing: Option<f32>,
    /// Class probability that stuff needs [default: the model's]
    #[arg(long, value_name = "P", value_parser = share, help_heading = "Thresholds")]
    pub class_threshold_stuff: Option<f32>,
    /// Probability that a mask must exceed at a pixel [default: the model's]
    #[arg(long, value_name = "P", value_parser = share, help_heading = "Thresholds")]
    pub pixel_threshold: Option<f32>,
    /// Share of a mask that must still be free when its turn comes [default: the model's]
    #[arg(long, value_name = "P", value_parser = share, help_heading = "Thresholds")]
    pub overlap_threshold: Option<f32>,
    /// Pixels that a thing needs at the network's size; without effect in pytorch's convention [default: the model's]
    #[arg(long, value_name = "N", help_heading = "Thresholds")]
    pub thing_area_limit: Option<u32>,
    /// Pixels that a stuff class needs at the network's size; without effect in pytorch's convention [default: the model's]
    #[arg(long, value_name = "N", help_heading = "Thresholds")]
    pub stuff_area_limit: Option<u32>,
    /// Score that an instance needs (with --task instance); 0 gives all that the official evaluation wants [default: the class threshold]
    #[arg(long, value_name = "P", value_parser = share, help_heading = "Thresholds")]
    pub min_score: Option<f32>,
}

/// What is wanted of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Every pixel in at most one segment: things apart from each other, and stuff
    Panoptic,
    /// Things, each with a mask of its own
    Instance,
    /// A class for every pixel
    Semantic,
}

/// One result of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Picked {
    /// The photo with segments drawn over it, as PNG
    Overlay,
    /// The segments or classes of the pixels, as PNG
    Map,
    /// The list of what was found
    Json,
}

/// How results are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Files for each photo
    Files,
    /// What the official panoptic evaluation reads
    CocoPanoptic,
}

impl Arguments {
    /// Whether standard output gets a result, and so nothing else.
    pub fn to_stdout(&self) -> bool {
        self.output.as_os_str() == "-"
    }

    /// What makes no sense together.
    pub fn check(&self) -> Outcome {
        let refuse = |reason: &str| Err(Failure::new(Code::Usage, reason));
        if self.photos.iter().filter(|photo| photo.as_os_str() == "-").count() > 1 {
            return refuse("standard input is one photo; give - once");
        }
        if self.format == Format::CocoPanoptic && self.task != Task::Panoptic {
            return refuse("--format coco-panoptic holds panoptic results only; leave out --task");
        }
        if self.min_score.is_some() && self.task != Task::Instance {
            return refuse("--min-score decides about instances only; add --task instance");
        }
        if !self.to_stdout() {
            if self.result != Picked::Overlay {
                return refuse("--result picks what goes to standard output; add --output -");
            }
            return Ok(());
        }
        if self.format == Format::CocoPanoptic || self.json || self.profile {
            return refuse(
                "--output - leaves no room for --format, --json and --profile; --result json gives the list",
            );
        }
        if self.task == Task::Instance && self.result == Picked::Map {
            return refuse("instances overlap and have no map; take --result json");
        }
        if self.photos.len() > 1 {
            return refuse("--output - takes one photo");
        }
        Ok(())
    }

    /// The model's settings with those given here.
    pub fn postprocess(&self, model: PostprocessConfig) -> PostprocessConfig {
        PostprocessConfig {
            class_threshold_thing: self.class_threshold_thing.unwrap_or(model.class_threshold_thing),
            class_threshold_stuff: self.class_threshold_stuff.unwrap_or(model.class_threshold_stuff),
            pixel_threshold: self.pixel_threshold.unwrap_or(model.pixel_threshold),
            overlap_threshold: self.overlap_threshold.unwrap_or(model.overlap_threshold),
            thing_area_limit: self.thing_area_limit.unwrap_or(model.thing_area_limit),
            stuff_area_limit: self.stuff_area_limit.unwrap_or(model.stuff_area_limit),
            ..model
        }
    }
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

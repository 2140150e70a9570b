//! What the command takes.

use super::batches::Batch;
use crate::device::DeviceArguments;
use crate::exit::{Code, Failure, Outcome};
use crate::tiles::TileArguments;
use clap::ValueEnum;
use kmax::render::Overlay;
use kmax::{Categories, PostprocessConfig};
use kmax_base::Shard;
use kmax_store::Place;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Segment photos
///
/// Writes NAME.overlay.png, NAME.panoptic.png and NAME.json for each photo, and prints a table of what was found.
#[derive(clap::Args)]
pub struct Arguments {
    /// Photos (JPEG, PNG, WebP, TIFF, GIF, BMP or PNM), or folders of photos; - is standard input. With the feature `object-store` also
    /// s3://BUCKET/..., gs:// and az://, here, in --list and in --output
    #[arg(required_unless_present = "list", value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
    /// More photos: a file with a path a line, or a line of JSON with `file` and, if it is to have one, `id`
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Do one part of the photos only, I of N, or `auto` for the part that Slurm, Kubernetes (auto/N) or RANK says; a part that was stopped
    /// goes on where it was, and `kmax merge` joins them
    #[arg(long, value_name = "I/N", value_parser = Shard::from_str)]
    pub shard: Option<Shard>,
    /// Where the results go; made if it is not there; - sends one result of one photo to standard output [default: ., or - where
    /// the photo is -]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// What goes to standard output (with --output -)
    #[arg(long, value_enum, default_value_t = Picked::Overlay)]
    pub result: Picked,
    /// What is wanted
    #[arg(long, value_enum, default_value_t = Task::Panoptic)]
    pub task: Task,
    /// A built-in or published model (`kmax models`), a model folder, or hf://owner/name[/file][@revision]
    #[arg(long, default_value = "kmax-people")]
    pub model: String,
    #[command(flatten)]
    pub device: DeviceArguments,
    /// The most photos that go through the network together, or `auto`: 1 on the processor, on a GPU what its memory takes; where it does
    /// not suffice, fewer are tried
    #[arg(long, value_name = "N", value_parser = Batch::from_str, default_value = "auto")]
    pub batch: Batch,
    /// What shows behind transparent pixels
    #[arg(long, value_name = "#RRGGBB", value_parser = color, default_value = "#ffffff")]
    pub background: [u8; 3],
    /// Files for each photo, or one predictions.json for all with its PNGs in predictions/
    #[arg(long, value_enum, default_value_t = Format::Files)]
    pub format: Format,
    /// A COCO json with a list `images`: image ids are taken from it by file name; else photos are counted from 1
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// Also write what the k-means steps did: which pixels each query had, as NAME.stepK.png, NAME.steps.gif and NAME.steps.json
    #[arg(long, value_name = "DIR")]
    pub explain: Option<PathBuf>,
    /// What the overlay says of segments
    #[arg(long, value_enum, default_value_t = Labels::Name)]
    pub labels: Labels,
    /// Share of the photo, or of a tile, that a segment needs to be drawn in the overlay and told in the table; files and --json have all of
    /// them
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.001")]
    pub min_share: f32,
    #[command(flatten)]
    pub tiles: TileArguments,
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

impl From<Task> for kmax_results::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::Panoptic => Self::Panoptic,
            Task::Instance => Self::Instance,
            Task::Semantic => Self::Semantic,
        }
    }
}

/// What stands on a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Labels {
    /// The name of its class
    Name,
    /// The name, and how sure it is, in hundredths
    Score,
    /// Nothing
    None,
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
    /// The folder for the results; `None` if standard output gets one, and so nothing else: what comes from standard input goes
    /// there unless something is said about where results go or what is told.
    pub fn folder(&self) -> Option<&Path> {
        let from_stdin = matches!(&self.photos[..], [photo] if photo.as_os_str() == "-");
        match &self.output {
            Some(output) if output.as_os_str() == "-" => None,
            Some(output) => Some(output),
            None if from_stdin && !self.json && !self.profile && self.format == Format::Files => None,
            None => Some(Path::new(".")),
        }
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
        if self.tiles.tile.is_some() && self.task == Task::Instance {
            return refuse(
                "--tile joins segments and classes; instances overlap, and are of whole photos only",
            );
        }
        if self.tiles.tile.is_some() && self.explain.is_some() {
            return refuse("--explain shows what the network did with a whole photo; leave out --tile");
        }
        if let Some(folder) = &self.explain
            && let Place::Store(url) = Place::read(folder)?
        {
            return refuse(&format!("{url}: --explain takes a folder of this machine"));
        }
        self.tiles.check()?;
        if self.folder().is_some() {
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
        if self.shard.is_some() {
            return refuse("--shard keeps what it did in a folder; give --output DIR");
        }
        if self.photos.len() > 1 || self.list.is_some() {
            return refuse("--output - takes one photo");
        }
        if self.result != Picked::Json && std::io::stdout().is_terminal() {
            return refuse(
                "the result is a PNG and standard output a terminal; redirect it, or add --output DIR or --result json",
            );
        }
        Ok(())
    }

    /// How results are drawn over their photos, of which a tile is that share.
    pub fn overlay<'a>(&self, categories: &'a Categories, tile: f64) -> Overlay<'a> {
        let labels = match self.labels {
            Labels::Name => kmax::render::Labels::Name,
            Labels::Score => kmax::render::Labels::Score,
            Labels::None => kmax::render::Labels::None,
        };
        Overlay::new(categories).with_labels(labels).with_least_share(f64::from(self.min_share) * tile)
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

/// `#rrggbb`; the shell takes `#` for a comment where it is not quoted, so it may be left out.
fn color(text: &str) -> Result<[u8; 3], String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    match u32::from_str_radix(digits, 16) {
        Ok(value) if digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            let [_, red, green, blue] = value.to_be_bytes();
            Ok([red, green, blue])
        }
        _ => Err("expected a colour such as #ffffff (red, green, blue)".into()),
    }
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_six_digits() {
        assert_eq!((color("#ff8000"), color("0A0b0c")), (Ok([255, 128, 0]), Ok([10, 11, 12])));
        for text in ["", "#fff", "white", "#ff80000", "#+f8000", "##f8000"] {
            assert!(color(text).is_err(), "{text}");
        }
    }
}

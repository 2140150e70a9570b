//! Photos that are segmented in tiles.

use super::answer::Answer;
use super::arguments::{Arguments, Task};
use super::inputs::Input;
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{bar, remark};
use image::RgbImage;
use indicatif::ProgressBar;
use kmax::profile::stage;
use kmax::{Bands, Segmenter, Tiling};
use kmax_base::Progress;
use kmax_masks::Panoptic;
use kmax_results::Found;
use std::sync::atomic::{AtomicBool, Ordering};

/// The overlay of a photo in tiles is at most so many pixels wide and high: larger ones are too large to be looked at, and the photo
/// is never in memory as a whole.
const LARGEST_OVERLAY: u32 = 4096;

/// A photo for the overlay, with the segments at its size.
pub struct Small {
    pub photo: RgbImage,
    pub panoptic: Panoptic,
    /// Pixels of a tile of the photo itself, as a share of it.
    pub tile: f64,
}

/// Whether photos are cut at all.
pub fn are_wanted(arguments: &Arguments, segmenter: &Segmenter) -> bool {
    let possible = arguments.task != Task::Instance && arguments.explain.is_none();
    possible && (arguments.tile.is_some() || segmenter.config().preprocess.tiles.is_some())
}

/// A photo that may have to be cut.
pub enum Opened {
    Tiled(Box<Bands>, Tiling),
    Whole(RgbImage),
}

/// Opens a photo, as far as its size says that it is cut, and reads it else.
pub fn open(arguments: &Arguments, segmenter: &Segmenter, input: &Input) -> Outcome<Opened> {
    let reading = segmenter.reading_bands().with_background(arguments.background);
    let mut bands = match input.stdin {
        true => Bands::from(input.read(&segmenter.reading()).or_fail()?.image),
        false => Bands::open(&input.file, &reading).or_fail()?,
    };
    match segmenter.tiling(bands.width(), bands.height()) {
        Some(tiling) => Ok(Opened::Tiled(Box::new(bands), tiling)),
        None => {
            let whole = bands.read(bands.height()).or_fail()?;
            note(&bands, input);
            Ok(Opened::Whole(whole))
        }
    }
}

fn note(bands: &Bands, input: &Input) {
    if let Some(note) = bands.note() {
        remark(&format!("note: {}: {note}", input.file.display()));
    }
}

/// Segments a photo in tiles.
pub fn segment(
    arguments: &Arguments,
    segmenter: &Segmenter,
    (input, several): (&Input, bool),
    (bands, tiling): (Bands, Tiling),
    stop: &AtomicBool,
) -> Outcome<Answer> {
    let (width, height) = (bands.width(), bands.height());
    let mut bands = bands.with_reduced(LARGEST_OVERLAY);
    let Tiling { size, overlap } = tiling;
    let name = input.file.display();
    if arguments.tile.is_none() {
        remark(&format!(
            "note: {name}: {width} x {height} pixels in tiles of {size} that overlap by {overlap}, as {} has it",
            arguments.model
        ));
    }
    let bar = match several {
        true => ProgressBar::hidden(),
        false => bar(Some(0), "{bar:24} {pos}/{len} tiles, {eta} left"),
    };
    let progress = Tiles { bar: &bar, stop };
    let categories = &segmenter.config().categories;
    let fail = |e: kmax::Error| Failure::new(e.kind().into(), format!("{name}: {e}"));
    let found = stage("tiles", || match arguments.task {
        Task::Semantic => segmenter
            .semantic_tiles(&mut bands, tiling, &progress)
            .map(|map| Found::of_classes(map, categories)),
        _ => segmenter
            .segment_tiles(&mut bands, tiling, &progress)
            .map(|panoptic| Found::of(panoptic, categories)),
    });
    bar.finish_and_clear();
    let found = found.map_err(fail)?;
    note(&bands, input);
    let (photo, step) =
        bands.into_reduced().ok_or_else(|| Failure::new(Code::Failed, "no picture was made of the rows"))?;
    let mut panoptic =
        Panoptic::new(found.panoptic.map.every(step as usize), found.panoptic.segments.clone());
    panoptic.measure();
    panoptic.segments.retain(|segment| segment.area > 0);
    let tile = f64::from(size).powi(2) / (f64::from(width) * f64::from(height));
    let small = Some(Small { photo, panoptic, tile });
    Ok(Answer { file: name.to_string(), size: (width, height), found, explanation: None, small })
}

struct Tiles<'a> {
    bar: &'a ProgressBar,
    stop: &'a AtomicBool,
}

impl Progress for Tiles<'_> {
    fn advance(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

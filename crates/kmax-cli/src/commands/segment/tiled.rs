//! Photos that are segmented in tiles.

use super::arguments::{Arguments, Task};
use crate::output::{bar, remark};
use crate::photos::Input;
use image::RgbImage;
use indicatif::ProgressBar;
use kmax::profile::stage;
use kmax::{Bands, ImageError, Segmenter, Tiling};
use kmax_base::Progress;
use kmax_masks::Panoptic;
use kmax_results::Found;
use kmax_transforms::stored_size;
use std::sync::atomic::{AtomicBool, Ordering};

/// The overlay of a photo in tiles is at most so many pixels wide and high: larger ones are too large to be looked at, and the photo
/// is never in memory as a whole.
const LARGEST_OVERLAY: u32 = 4096;

/// Whether it was said of a photo that the model wants tiles; once is enough.
static TOLD: AtomicBool = AtomicBool::new(false);

/// A photo that is read while its tiles are looked at.
pub struct Tiled {
    bands: Bands,
    tiling: Tiling,
}

/// What tiles showed.
pub struct Joined {
    pub found: Found,
    pub small: Small,
}

/// What an overlay is drawn of, where the photo itself is too large.
pub struct Small {
    /// The segments at the size of the smaller photo.
    pub panoptic: Panoptic,
    /// A tile of the photo itself, as a share of it.
    pub tile: f64,
}

/// How a photo of that size is cut, if it is.
pub fn tiling(arguments: &Arguments, segmenter: &Segmenter, (width, height): (u32, u32)) -> Option<Tiling> {
    let possible = arguments.task != Task::Instance && arguments.explain.is_none();
    segmenter.tiling(width, height).filter(|_| possible)
}

/// Width and height of a photo, in either order; `None` if it cannot be read.
pub fn size(segmenter: &Segmenter, input: &Input) -> Option<(u32, u32)> {
    let opened = || Bands::open(&input.file, &segmenter.reading_bands()).ok();
    // The header is enough for most forms.
    stored_size(&input.file).ok().or_else(|| opened().map(|bands| (bands.width(), bands.height())))
}

impl Tiled {
    /// Opens a photo that is to be cut.
    pub fn open(
        arguments: &Arguments,
        segmenter: &Segmenter,
        input: &Input,
        tiling: Tiling,
    ) -> Result<Self, ImageError> {
        let reading = segmenter.reading_bands().with_background(arguments.background);
        Ok(Self::of(Bands::open(&input.file, &reading)?, tiling))
    }

    /// Of a photo that is open already.
    pub fn of(bands: Bands, tiling: Tiling) -> Self {
        Self { bands, tiling }
    }

    /// Segments the tiles and joins what they show; with a smaller photo, and what is odd about the file. `several` says whether there
    /// are other photos.
    pub fn segment(
        self,
        arguments: &Arguments,
        segmenter: &Segmenter,
        (file, several): (&str, bool),
        stop: &AtomicBool,
    ) -> kmax::Result<(RgbImage, Joined, Option<String>)> {
        let Self { bands, tiling } = self;
        let (width, height) = (bands.width(), bands.height());
        let mut bands = bands.with_reduced(LARGEST_OVERLAY);
        let Tiling { size, overlap } = tiling;
        if arguments.tiles.tile.is_none() && !TOLD.swap(true, Ordering::Relaxed) {
            let by = &arguments.model;
            remark(&format!(
                "note: {file}: {width} x {height} pixels in tiles of {size} that overlap by {overlap}, as {by} has it"
            ));
        }
        let bar = match several {
            true => ProgressBar::hidden(),
            false => bar(Some(0), "{bar:24} {pos}/{len} tiles, {eta} left"),
        };
        let (categories, progress) = (&segmenter.config().categories, Shown { bar: &bar, stop });
        let found = stage("tiles", || match arguments.task {
            Task::Semantic => {
                let map = segmenter.semantic_tiles(&mut bands, tiling, &progress);
                map.map(|map| Found::of_classes(map, categories))
            }
            _ => {
                let panoptic = segmenter.segment_tiles(&mut bands, tiling, &progress);
                panoptic.map(|panoptic| Found::of(panoptic, categories))
            }
        });
        bar.finish_and_clear();
        let (found, note) = (found?, bands.note());
        let (photo, step) = bands.into_reduced().unwrap_or_default();
        let map = found.panoptic.map.every(step.max(1) as usize);
        let mut panoptic = Panoptic::new(map, found.panoptic.segments.clone());
        panoptic.measure();
        panoptic.segments.retain(|segment| segment.area > 0);
        let tile = f64::from(size).powi(2) / (f64::from(width) * f64::from(height));
        Ok((photo, Joined { found, small: Small { panoptic, tile } }, note))
    }
}

/// Tiles that are done.
struct Shown<'a> {
    bar: &'a ProgressBar,
    stop: &'a AtomicBool,
}

impl Progress for Shown<'_> {
    fn advance(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

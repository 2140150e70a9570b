//! `--tile` and `--overlap`, for commands that run a model.

use crate::exit::{Code, Failure, Outcome};
use kmax::Tiling;

/// Sizes of tiles, in pixels.
const TILES: std::ops::RangeInclusive<i64> = kmax_tiles::SMALLEST as i64..=kmax_tiles::LARGEST as i64;

/// How large photos are cut.
#[derive(clap::Args)]
pub struct TileArguments {
    /// Cut photos that are larger into tiles of N x N pixels, which the network sees one by one, and join what they show; for scans,
    /// microscopy, aerial pictures [default: as the model says, most do not]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(TILES), help_heading = "Large photos")]
    pub tile: Option<u32>,
    /// Pixels that neighbouring tiles share, at most a third of a tile [default: an eighth of it]
    #[arg(long, value_name = "N", requires = "tile", help_heading = "Large photos")]
    pub overlap: Option<u32>,
}

impl TileArguments {
    /// The tiles that were asked for.
    pub fn tiling(&self) -> Option<Tiling> {
        let tiling = Tiling::of(self.tile?);
        Some(Tiling { overlap: self.overlap.unwrap_or(tiling.overlap), ..tiling })
    }

    /// Refuses tiles that make no sense.
    pub fn check(&self) -> Outcome {
        self.tiling().map_or(Ok(()), Tiling::check).map_err(|error| Failure::new(Code::Usage, error))
    }
}

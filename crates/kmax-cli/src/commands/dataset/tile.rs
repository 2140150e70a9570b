//! `kmax dataset tile`: large images in pieces, to learn from.

use super::{apart, opened};
use crate::commands::eval::Bar;
use crate::exit::{Code, Failure, Outcome};
use crate::form::FormArguments;
use crate::output::remark;
use kmax_datasets::tile::tile;
use kmax_tiles::Tiling;
use std::path::PathBuf;

/// Cut large images into tiles to learn from.
///
/// All splits of a dataset in any form are written in COCO's panoptic form, which `kmax train OUT` takes. Microscopy, scans and aerial
/// pictures are learnt at the scale at which `kmax segment --tile` sees them later. An image that is no larger than a tile stays as it is.
#[derive(clap::Args)]
pub struct Tile {
    /// The dataset: a folder, or its json or yaml
    data: PathBuf,
    /// The folder to write
    out: PathBuf,
    /// Width and height of a tile, in pixels of the images
    #[arg(long, value_name = "N")]
    tile: u32,
    /// What two neighbours both see, at least; tiles are spread evenly over an image
    #[arg(long, value_name = "N", default_value_t = 0)]
    overlap: u32,
    #[command(flatten)]
    form: FormArguments,
}

impl Tile {
    pub fn run(&self) -> Outcome {
        let tiling = Tiling { size: self.tile, overlap: self.overlap };
        tiling.check().map_err(|error| Failure::new(Code::Usage, error))?;
        apart(&self.data, &self.out, "is DATA too: tiles would lie between what they are cut from")?;
        for split in &opened(&self.data, &self.form.options())?.splits {
            let tiled = tile(split, tiling, &self.out, &Bar::new())?;
            remark(&format!(
                "{}: {} tiles of {} images: {}",
                split.name,
                tiled.tiles,
                tiled.images,
                tiled.json.display()
            ));
        }
        Ok(())
    }
}

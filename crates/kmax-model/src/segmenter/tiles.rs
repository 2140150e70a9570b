//! Images that are larger than what the network should see at once.

use super::Segmenter;
use crate::error::Result;
use image::RgbImage;
use kmax_base::Progress;
use kmax_masks::{LabelMap, Panoptic};
use kmax_tiles::{Bands, Tiling};

impl Segmenter {
    /// How an image of that size is cut into tiles; `None` if the network sees it as a whole. Where
    /// [`SegmenterBuilder::tiles`](super::SegmenterBuilder::tiles) says how, every image that is larger than a tile is cut; where only the
    /// model's configuration does, those that are much larger.
    pub fn tiling(&self, width: u32, height: u32) -> Option<Tiling> {
        match self.tiles {
            Some(tiles) => tiles.cuts(width, height).then_some(tiles),
            None => self.config.preprocess.tiles.filter(|tiles| tiles.suits(width, height)),
        }
    }

    /// The tiles that [`SegmenterBuilder::tiles`](super::SegmenterBuilder::tiles) asked for in place of the model's own.
    pub fn tiles(&self) -> Option<Tiling> {
        self.tiles
    }

    /// Whether there are images that are cut.
    pub fn may_cut(&self) -> bool {
        self.tiles.is_some() || self.config.preprocess.tiles.is_some()
    }

    /// The segments of an image in tiles: each goes through the network by itself, and a thing of several tiles is joined
    /// ([`kmax_tiles::panoptic`]). [`Self::segment`] does so by itself where [`Self::tiling`] says how; this is for images that are read
    /// by rows, and for those who want to hear of the tiles or stop.
    ///
    /// # Errors
    /// If the image cannot be read, the tiles make no sense, or `progress` wants to stop.
    pub fn segment_tiles(
        &self,
        image: &mut Bands,
        tiling: Tiling,
        progress: &dyn Progress,
    ) -> Result<Panoptic> {
        let tile = |tile: &RgbImage| self.install(|| self.segment_whole(tile));
        kmax_tiles::panoptic(image, tiling, &self.config.categories, progress, tile)
    }

    /// The category id of every pixel of an image in tiles; see [`Self::segment_tiles`].
    ///
    /// # Errors
    /// As [`Self::segment_tiles`].
    pub fn semantic_tiles(
        &self,
        image: &mut Bands,
        tiling: Tiling,
        progress: &dyn Progress,
    ) -> Result<LabelMap> {
        let tile = |tile: &RgbImage| self.install(|| self.predict(tile)?.semantic());
        kmax_tiles::semantic(image, tiling, progress, tile)
    }
}

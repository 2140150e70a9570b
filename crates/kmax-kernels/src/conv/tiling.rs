//! How the pixels of a map and the channels made of them are cut into tasks.

use std::ops::Range;

/// Pixels at whose multiples tiles begin: those of the widest register.
pub(super) const UNIT: usize = 16;

/// A cut into tiles of pixels, and of each tile's channels into shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tiling {
    /// Pixels of a map.
    area: usize,
    /// Tiles of a map.
    pub tiles: usize,
    /// Shares of a tile's channels.
    pub shares: usize,
}

impl Tiling {
    /// The tiling of `images` maps that so many threads are done with first, of tiles of `most` pixels at most, or of one unit.
    /// A pixel costs one for each of so many `panels` of channels, and `fixed` in each share.
    pub fn new(
        area: usize,
        images: usize,
        most: usize,
        (panels, fixed): (usize, usize),
        threads: usize,
    ) -> Self {
        let units = area.div_ceil(UNIT).max(1);
        let needed = units.div_ceil((most / UNIT).max(1));
        // Twice as many tiles as needed, and some for each thread, leave nothing to be gained.
        let tiles = needed..=units.min(2 * needed + threads);
        let tilings =
            tiles.flat_map(|tiles| (1..=panels.clamp(1, 8)).map(move |shares| Self { area, tiles, shares }));
        let cost = |tiling: &Self| {
            let rounds = (images * tiling.tiles * tiling.shares).div_ceil(threads.max(1));
            // Neighbours are done by one thread; so many have so many units at most.
            (rounds * units).div_ceil(tiling.tiles) * (panels.div_ceil(tiling.shares) + fixed)
        };
        // The first of equals: few and large tiles.
        tilings.min_by_key(cost).unwrap_or(Self { area, tiles: needed, shares: 1 })
    }

    /// The pixels of a tile: all tiles are alike but for one unit, and the last one's end.
    pub fn pixels(&self, tile: usize) -> Range<usize> {
        let units = self.area.div_ceil(UNIT);
        let at = |tile: usize| (tile * units / self.tiles * UNIT).min(self.area);
        at(tile)..at(tile + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_all_pixels_evenly() {
        for (area, images, most, threads) in [
            (1681, 1, 128, 2),
            (441, 1, 80, 2),
            (25921, 1, 256, 3),
            (1, 1, 64, 4),
            (97, 3, 64, 2),
            (441, 1, 80, 64),
            (100, 1, 5, 2),
        ] {
            let tiling = Tiling::new(area, images, most, (60, 1), threads);
            let tiles: Vec<_> = (0..tiling.tiles).map(|tile| tiling.pixels(tile)).collect();
            assert!(tiles.iter().all(|tile| !tile.is_empty() && tile.len() <= most.max(UNIT)), "{tiles:?}");
            assert!(tiles.windows(2).all(|two| two[0].end == two[1].start));
            assert_eq!((tiles[0].start, tiles[tiling.tiles - 1].end), (0, area));
            let longest = tiles.iter().map(Range::len).max();
            assert!(
                tiles[..tiling.tiles - 1].iter().all(|tile| Some(tile.len() + UNIT) >= longest),
                "{tiles:?}"
            );
        }
    }

    #[test]
    fn threads_share_out_the_work() {
        for (area, panels, most, threads) in [
            (1681, 171, 192, 2),
            (441, 86, 192, 2),
            (6561, 43, 384, 4),
            (25921, 11, 512, 3),
            (128, 342, 256, 6),
        ] {
            let tiling = Tiling::new(area, 1, most, (panels, 1), threads);
            let rounds = (tiling.tiles * tiling.shares).div_ceil(threads);
            let longest = (0..tiling.tiles).map(|tile| tiling.pixels(tile).len()).max().unwrap_or(0);
            let slowest = rounds * longest * panels.div_ceil(tiling.shares);
            let even = area * panels / threads;
            assert!(
                slowest * 100 <= even * 108,
                "{tiling:?} of {area} x {panels} on {threads}: {slowest}, {even}"
            );
        }
        // One unit: each thread takes some channels.
        assert_eq!(Tiling::new(9, 1, 64, (100, 1), 4), Tiling { area: 9, tiles: 1, shares: 4 });
        // Many pixels: large tiles, all channels.
        assert_eq!(Tiling::new(16 * 408, 1, 96, (43, 1), 1), Tiling { area: 16 * 408, tiles: 68, shares: 1 });
        assert_eq!(Tiling::new(0, 1, 64, (1, 1), 3).tiles, 1);
    }
}

//! From tile to tile, along rows and downwards.

use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::join::join;
use crate::paint::{Rows, paint};
use crate::parts::Parts;
use crate::tile::{Place, Tile};
use crate::tiling::Tiling;
use image::RgbImage;
use kmax_base::Progress;
use kmax_masks::{Categories, LabelMap, Panoptic};
use kmax_transforms::Bands;

/// The segments of a whole image of which `tile` gives those of a part. An image that fits into one tile is given to it as it is, and
/// so is the result.
///
/// A thing of several tiles has the mean of their scores, by the pixels that each sees of it; so has each stuff class. What two tiles see
/// is kept even where a third one looks more deeply and does not see it; what one alone sees there is not.
///
/// # Errors
/// If the image cannot be read, the tiles make no sense, `progress` wants to stop, or a tile's result is none of it; and those of `tile`.
pub fn panoptic<E: From<Error>>(
    image: &mut Bands,
    tiling: Tiling,
    categories: &Categories,
    progress: &dyn Progress,
    mut tile: impl FnMut(&RgbImage) -> std::result::Result<Panoptic, E>,
) -> std::result::Result<Panoptic, E> {
    let mut walk = Walk::new(image, tiling)?;
    let (across, down) = (walk.across.clone(), walk.down.clone());
    if walk.total() == 1 {
        let mut whole = None;
        walk.all(progress, |_, image| -> std::result::Result<(), E> {
            whole = Some(tile(image)?);
            Ok(())
        })?;
        return whole.ok_or_else(|| Error::Setting("the image has no pixels".into()).into());
    }
    let mut parts = Parts::default();
    let mut map = LabelMap::filled(across.length(), down.length(), 0).map_err(Error::from)?;
    let (mut rows, mut row) = (Rows::new(), Vec::new());
    walk.all(progress, |place, image| {
        let new = Tile::new(place, &tile(image)?, categories, &mut parts)?;
        if let Some(left) = row.last() {
            join(left, &new, &mut parts);
        }
        if let Some((_, above)) = rows.back() {
            join(&above[place.i], &new, &mut parts);
        }
        row.push(new);
        if row.len() == across.count() {
            rows.push_back((place.j, std::mem::take(&mut row)));
            // What the tiles above met is known now.
            if place.j >= 2 {
                paint(&rows, place.j - 2, (&across, &down), &parts, &mut map);
            }
            if rows.len() == 4 {
                rows.pop_front();
            }
        }
        Ok::<(), E>(())
    })?;
    for j in down.count().saturating_sub(2)..down.count() {
        paint(&rows, j, (&across, &down), &parts, &mut map);
    }
    Ok(parts.segments(map))
}

/// The class of each pixel of a whole image of which `tile` gives those of a part: that of the tile in which the pixel lies deepest.
///
/// # Errors
/// As [`panoptic`].
pub fn semantic<E: From<Error>>(
    image: &mut Bands,
    tiling: Tiling,
    progress: &dyn Progress,
    mut tile: impl FnMut(&RgbImage) -> std::result::Result<LabelMap, E>,
) -> std::result::Result<LabelMap, E> {
    let mut walk = Walk::new(image, tiling)?;
    let mut map = LabelMap::filled(walk.across.length(), walk.down.length(), 0).map_err(Error::from)?;
    walk.all(progress, |place, image| {
        let found = tile(image)?;
        place.check(&found)?;
        let Place { across, down, i, j } = place;
        let (columns, left, top) = (across.core(i), across.span(i).start, down.span(j).start);
        for y in down.core(j) {
            let from = &found.data()[(y - top) * found.width()..][columns.start - left..columns.end - left];
            let width = map.width();
            map.data_mut()[y * width..][columns.clone()].copy_from_slice(from);
        }
        Ok::<(), E>(())
    })?;
    Ok(map)
}

/// The way through an image.
struct Walk<'a> {
    image: &'a mut Bands,
    across: Axis,
    down: Axis,
    /// The row of tiles that is being looked at, as far as it was read.
    window: RgbImage,
    /// The image's row that it begins with.
    top: usize,
}

impl<'a> Walk<'a> {
    fn new(image: &'a mut Bands, tiling: Tiling) -> Result<Self> {
        tiling.check()?;
        let (across, down) = (Axis::new(image.width(), tiling), Axis::new(image.height(), tiling));
        if image.width() == 0 || image.height() == 0 {
            return Err(Error::Setting("the image has no pixels".into()));
        }
        Ok(Self { image, across, down, window: RgbImage::default(), top: 0 })
    }

    fn total(&self) -> usize {
        self.across.count() * self.down.count()
    }

    /// Shows each tile.
    fn all<E: From<Error>>(
        &mut self,
        progress: &dyn Progress,
        mut show: impl FnMut(Place<'_>, &RgbImage) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let (mut done, total) = (0, self.total());
        progress.advance(0, total);
        for j in 0..self.down.count() {
            self.go_down(j)?;
            for i in 0..self.across.count() {
                if progress.cancelled() {
                    return Err(Error::Cancelled { done, total }.into());
                }
                let span = self.across.span(i);
                let (x, width) = (span.start as u32, span.len() as u32);
                let part =
                    image::imageops::crop_imm(&self.window, x, 0, width, self.window.height()).to_image();
                show(Place { across: &self.across, down: &self.down, i, j }, &part)?;
                done += 1;
                progress.advance(done, total);
            }
        }
        Ok(())
    }

    /// Moves the window to row `j` of tiles.
    fn go_down(&mut self, j: usize) -> Result<()> {
        let span = self.down.span(j);
        let row = 3 * self.image.width() as usize;
        let have = self.top + self.window.height() as usize;
        let mut rows = std::mem::take(&mut self.window).into_raw();
        rows.drain(..(span.start - self.top) * row);
        rows.extend(self.image.read((span.end - have) as u32)?.into_raw());
        self.top = span.start;
        self.window = RgbImage::from_raw(self.image.width(), span.len() as u32, rows)
            .ok_or_else(|| Error::Setting("the image ends before its last row".into()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Filling polygons, pixel by pixel as pycocotools does.
//!
//! Vertices are scaled by 5 and rounded; each edge is walked in unit steps along its longer axis, always from the
//! end that is smaller on that axis. Wherever x changes between two following points the fill flips at that
//! column, at the row where the edge crosses it.

use super::{Merge, Rle, size_of};
use crate::error::{Error, Result};

/// Points per pixel along each axis.
const SCALE: f64 = 5.0;

/// Vertices further out than this (pixels) are refused: the walk takes time in proportion.
pub const MAX_COORDINATE: f64 = 1e5;

/// The most points that are walked along one polygon's edges: those of 50 million pixels.
const MAX_POINTS: i64 = 1 << 28;

impl Rle {
    /// One polygon `x0, y0, x1, y1, ...` in pixels, filled.
    ///
    /// # Errors
    /// If there are less than three vertices or half a vertex, a coordinate is not finite or beyond
    /// [`MAX_COORDINATE`], the edges are more than 50 million pixels long in all, or the mask would be too large.
    pub fn from_polygon(width: usize, height: usize, vertices: &[f64]) -> Result<Self> {
        let size = size_of(width, height)?;
        let points = scaled(vertices)?;
        let ends = || points.iter().zip(points.iter().cycle().skip(1));
        let length: i64 = ends().map(|(from, to)| steps(*from, *to)).sum();
        if length > MAX_POINTS {
            let pixels = length / SCALE as i64;
            return Err(Error::Polygon(format!(
                "its edges are {pixels} pixels long, which is too long to walk"
            )));
        }
        let mut flips = Vec::new();
        let mut walk = Walk { width, height, last: None, flips: &mut flips };
        ends().for_each(|(&from, &to)| walk.edge(from, to));
        flips.push(size[0] * size[1]);
        flips.sort_unstable();
        Ok(Self::trusted(size, differences(&flips)))
    }

    /// The union of polygons, each filled on its own.
    ///
    /// # Errors
    /// As [`Rle::from_polygon`]; also if there is none.
    pub fn from_polygons<P: AsRef<[f64]>>(width: usize, height: usize, polygons: &[P]) -> Result<Self> {
        let parts: Vec<Self> = polygons
            .iter()
            .map(|polygon| Self::from_polygon(width, height, polygon.as_ref()))
            .collect::<Result<_>>()?;
        match <[Self; 1]>::try_from(parts) {
            Ok([single]) => Ok(single),
            Err(parts) if parts.is_empty() => {
                Err(Error::Polygon("an annotation without a polygon".to_owned()))
            }
            Err(parts) => Self::merge(&parts, Merge::Union),
        }
    }
}

/// Adds a half and drops the fraction towards zero.
fn rounded(value: f64) -> i64 {
    (value + 0.5) as i64
}

fn scaled(vertices: &[f64]) -> Result<Vec<(i64, i64)>> {
    if vertices.len() < 6 || !vertices.len().is_multiple_of(2) {
        return Err(Error::Polygon(format!("{} numbers are no polygon", vertices.len())));
    }
    if let Some(value) = vertices.iter().find(|value| !value.is_finite() || value.abs() > MAX_COORDINATE) {
        return Err(Error::Polygon(format!("a coordinate of {value}, at most {MAX_COORDINATE} is possible")));
    }
    Ok(vertices.chunks_exact(2).map(|xy| (rounded(SCALE * xy[0]), rounded(SCALE * xy[1]))).collect())
}

/// The points of an edge beyond its first.
fn steps(from: (i64, i64), to: (i64, i64)) -> i64 {
    (to.0 - from.0).abs().max((to.1 - from.1).abs())
}

/// Goes along the edges and collects the positions where the fill flips.
struct Walk<'a> {
    width: usize,
    height: usize,
    last: Option<(i64, i64)>,
    flips: &'a mut Vec<u32>,
}

impl Walk<'_> {
    fn edge(&mut self, from: (i64, i64), to: (i64, i64)) {
        let (dx, dy) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        let along_x = dx >= dy;
        let steps = steps(from, to);
        if steps == 0 {
            return;
        }
        // From the end that is smaller on the longer axis, so that both directions give the same points.
        let reversed = if along_x { from.0 > to.0 } else { from.1 > to.1 };
        let ((x0, y0), (x1, y1)) = if reversed { (to, from) } else { (from, to) };
        let slope = if along_x { (y1 - y0) as f64 / dx as f64 } else { (x1 - x0) as f64 / dy as f64 };
        for step in 0..=steps {
            let t = if reversed { steps - step } else { step };
            let point = if along_x {
                (x0 + t, rounded(y0 as f64 + slope * t as f64))
            } else {
                (rounded(x0 as f64 + slope * t as f64), y0 + t)
            };
            self.point(point);
        }
    }

    fn point(&mut self, (x, y): (i64, i64)) {
        if let Some((last_x, last_y)) = self.last.replace((x, y))
            && last_x != x
        {
            // The smaller of the two x; as the points are a step apart, `x - 1` where x rises.
            let smaller = if x < last_x { x } else { x - 1 };
            let column = (smaller as f64 + 0.5) / SCALE - 0.5;
            if column.floor() != column || column < 0.0 || column > self.width as f64 - 1.0 {
                return;
            }
            let row = ((last_y.min(y) as f64 + 0.5) / SCALE - 0.5).clamp(0.0, self.height as f64).ceil();
            self.flips.push(column as u32 * self.height as u32 + row as u32);
        }
    }
}

/// The runs between rising positions. Two flips at one position cancel: the run between them is none, and those
/// on either side are one.
fn differences(positions: &[u32]) -> Vec<u32> {
    let mut counts: Vec<u32> = Vec::with_capacity(positions.len());
    let mut last = 0;
    let mut joined = false;
    for (index, &position) in positions.iter().enumerate() {
        let run = position - std::mem::replace(&mut last, position);
        match counts.last_mut() {
            Some(open) if joined => {
                *open += run;
                joined = false;
            }
            _ if index > 0 && run == 0 => joined = true,
            _ => counts.push(run),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges_without_end_are_refused() {
        let far = |at: usize, by: usize| if at.is_multiple_of(by) { -1e5 } else { 1e5 };
        let vertices: Vec<f64> = (0..10_000).flat_map(|at| [far(at, 2), far(at, 3)]).collect();
        assert!(
            Rle::from_polygon(30, 20, &vertices).is_err_and(|error| error.to_string().contains("too long"))
        );
    }

    #[test]
    fn a_rectangle_on_pixel_borders_is_itself() {
        let rle = Rle::from_polygon(80, 60, &[10.0, 10.0, 10.0, 20.0, 30.0, 20.0, 30.0, 10.0]).unwrap();
        assert_eq!((rle.area(), rle.bbox()), (200, [10, 10, 20, 10]));
        assert_eq!(rle.counts()[..3], [610, 10, 50]);
    }

    #[test]
    fn outside_is_cut_off() {
        let rle = Rle::from_polygon(8, 6, &[-3.0, -3.0, 20.0, -3.0, 20.0, 20.0, -3.0, 20.0]).unwrap();
        assert_eq!((rle.area(), rle.counts()), (48, &[0, 48][..]));
        let away = Rle::from_polygon(8, 6, &[20.0, 1.0, 30.0, 1.0, 30.0, 5.0]).unwrap();
        assert_eq!(away.counts(), [48]);
    }

    #[test]
    fn what_is_no_polygon_is_refused() {
        let square = [1.0, 1.0, 4.0, 1.0, 4.0, 4.0];
        assert!(Rle::from_polygon(8, 6, &square[..4]).is_err());
        assert!(Rle::from_polygon(8, 6, &square[..5]).is_err());
        for bad in [f64::NAN, f64::INFINITY, -1e30] {
            let mut polygon = square;
            polygon[3] = bad;
            assert!(Rle::from_polygon(8, 6, &polygon).is_err());
        }
        assert!(Rle::from_polygons::<Vec<f64>>(8, 6, &[]).is_err());
    }

    proptest! {
        #[test]
        fn any_polygon_is_a_mask(vertices in prop::collection::vec(-20.0..40.0f64, 3..12)) {
            let vertices: Vec<f64> = vertices.iter().flat_map(|&v| [v, v * 7.3 % 31.0]).collect();
            let rle = Rle::from_polygon(17, 13, &vertices).unwrap();
            prop_assert!(Rle::new(rle.size(), rle.counts().to_vec()).is_ok());
            prop_assert!(rle.counts().iter().skip(1).all(|&count| count > 0));
        }

        #[test]
        fn shifting_by_whole_pixels_shifts_the_mask(
            vertices in prop::collection::vec(2.0..20.0f64, 6), dx in 0..8u32, dy in 0..8u32,
        ) {
            // Multiples of 1/8 are exact, so that both polygons round alike.
            let base: Vec<f64> = vertices.iter().map(|v| (v * 8.0).round() / 8.0).collect();
            let moved: Vec<f64> =
                base.iter().enumerate().map(|(i, v)| v + f64::from(if i % 2 == 0 { dx } else { dy })).collect();
            let (a, b) = (Rle::from_polygon(30, 30, &base).unwrap(), Rle::from_polygon(30, 30, &moved).unwrap());
            let shifted: Vec<(u32, u32)> =
                a.runs().map(|(s, e)| (s + dx * 30 + dy, e + dx * 30 + dy)).collect();
            prop_assert_eq!(b.runs().collect::<Vec<_>>(), shifted);
        }
    }
}

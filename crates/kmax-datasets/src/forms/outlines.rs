//! Outlines of a file that is not trusted.

use kmax_masks::{Rle, rle::Merge};

/// How far outside of an image vertices may lie before the outline is cut there, in widths and heights of the image.
const MARGIN: f64 = 1.0;

/// The most pixels that the outlines of one image may be long in all: a 4000 x 3000 image with 10,000 objects has some 5 million.
const MAX_LENGTH: f64 = 1e8;

/// Makes masks of the outlines of one image, as long as their length is possible.
#[derive(Debug)]
pub(super) struct Outlines {
    width: usize,
    height: usize,
    length: f64,
}

impl Outlines {
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, length: 0.0 }
    }

    /// The union of outlines `x0, y0, x1, y1, ...` in pixels, each filled as pycocotools does. Those of less than three vertices cover
    /// nothing; without any other there is no mask.
    ///
    /// # Errors
    /// If a coordinate is no number or lacks its partner, or the outlines are too long to be walked.
    pub fn mask<P: AsRef<[f64]>>(&mut self, outlines: &[P]) -> Result<Option<Rle>, String> {
        let mut parts = Vec::new();
        for outline in outlines {
            let outline = outline.as_ref();
            if !outline.len().is_multiple_of(2) {
                return Err(format!("{} numbers are no vertices", outline.len()));
            }
            if let Some(value) = outline.iter().find(|value| !value.is_finite()) {
                return Err(format!("a coordinate of {value}"));
            }
            let cut = self.cut(outline);
            if cut.len() < 6 {
                continue;
            }
            self.length += length(&cut);
            if self.length > MAX_LENGTH {
                return Err(format!("the outlines of the image are more than {MAX_LENGTH} pixels long"));
            }
            parts.push(Rle::from_polygon(self.width, self.height, &cut).map_err(|error| error.to_string())?);
        }
        match parts.len() {
            0 => Ok(None),
            1 => Ok(parts.pop()),
            _ => Rle::merge(&parts, Merge::Union).map(Some).map_err(|error| error.to_string()),
        }
    }

    /// The outline without what is far outside: inside the image it fills the same.
    fn cut(&self, outline: &[f64]) -> Vec<f64> {
        let (width, height) = (self.width as f64, self.height as f64);
        let mut points: Vec<[f64; 2]> = outline.chunks_exact(2).map(|xy| [xy[0], xy[1]]).collect();
        for (axis, side) in [(0, width), (1, height)] {
            for (limit, sign) in [(-MARGIN * side, 1.0), ((1.0 + MARGIN) * side, -1.0)] {
                points = half_plane(&points, axis, limit, sign);
            }
        }
        points.into_iter().flatten().collect()
    }
}

/// Sutherland and Hodgman's cut: what has `sign * (coordinate - limit) >= 0`.
fn half_plane(points: &[[f64; 2]], axis: usize, limit: f64, sign: f64) -> Vec<[f64; 2]> {
    let inside = |point: &[f64; 2]| sign * (point[axis] - limit) >= 0.0;
    if points.iter().all(inside) {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(points.len());
    for (from, to) in points.iter().zip(points.iter().cycle().skip(1)) {
        if inside(from) {
            kept.push(*from);
        }
        if inside(from) != inside(to) {
            let along = (limit - from[axis]) / (to[axis] - from[axis]);
            let mut point = [0, 1].map(|at: usize| from[at] + along * (to[at] - from[at]));
            point[axis] = limit;
            kept.push(point);
        }
    }
    kept
}

fn length(outline: &[f64]) -> f64 {
    let points = outline.chunks_exact(2);
    let next = points.clone().cycle().skip(1);
    points.zip(next).map(|(a, b)| (a[0] - b[0]).abs().max((a[1] - b[1]).abs())).sum()
}

/// The mask of a patch whose upper left corner lies at `[x, y]` of an image; what is outside of the image is cut off.
///
/// # Errors
/// If the image would be too large.
pub(super) fn patch(
    [width, height]: [usize; 2],
    [x, y]: [i64; 2],
    patch: [usize; 2],
    is_set: impl Fn(usize, usize) -> bool,
) -> kmax_masks::Result<Rle> {
    // The size is checked before anything is multiplied.
    Rle::empty(width, height)?;
    let inside = |at: usize, start: i64, length: usize| {
        usize::try_from(start.saturating_add(at as i64)).ok().filter(|place| *place < length)
    };
    let mut edges = Vec::new();
    for across in 0..patch[0] {
        let Some(column) = inside(across, x, width) else { continue };
        let mut open = false;
        let mut last = column * height;
        for down in 0..patch[1] {
            let Some(row) = inside(down, y, height) else { continue };
            let set = is_set(across, down);
            if set != open {
                edges.push((column * height + row) as u32);
                open = set;
            }
            last = column * height + row + 1;
        }
        if open {
            edges.push(last as u32);
        }
    }
    Rle::from_edges(width, height, edges)
}

/// The outline of a rectangle of any two corners.
pub(super) fn rectangle([x0, y0]: [f64; 2], [x1, y1]: [f64; 2]) -> Vec<f64> {
    vec![x0, y0, x1, y0, x1, y1, x0, y1]
}

/// The outline of an ellipse, turned clockwise by `turn` radians.
pub(super) fn ellipse([x, y]: [f64; 2], [rx, ry]: [f64; 2], turn: f64) -> Vec<f64> {
    // A side is then at most a pixel longer than its arc is high, up to radii of thousands of pixels.
    const SIDES: usize = 180;
    let point = |side: usize| {
        let angle = side as f64 / SIDES as f64 * std::f64::consts::TAU;
        let (along, across) = (rx * angle.cos(), ry * angle.sin());
        [x + along * turn.cos() - across * turn.sin(), y + along * turn.sin() + across * turn.cos()]
    };
    (0..SIDES).flat_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_outside_is_cut_and_fills_the_same() -> Result<(), String> {
        let near = [-2.0, -2.0, 2.0, -2.0, 2.0, 9.0, -2.0, 9.0];
        let far = [-1e300, -1e9, 2.0, -1e9, 2.0, 1e12, -1e9, 1e12];
        let mask = |outline: &[f64]| Outlines::new(4, 3).mask(&[outline]);
        assert_eq!(mask(&near)?, mask(&far)?);
        assert_eq!(mask(&near)?.map(|mask| mask.area()), Some(6));
        assert_eq!(mask(&[50.0, 50.0, 60.0, 50.0, 60.0, 60.0])?, None);
        Ok(())
    }

    #[test]
    fn what_is_no_outline_is_refused_or_covers_nothing() {
        let mask = |outline: &[f64]| Outlines::new(4, 3).mask(&[outline]);
        assert_eq!(mask(&[]), Ok(None));
        assert_eq!(mask(&[0.0, 0.0, 1.0, 1.0]), Ok(None));
        assert!(mask(&[0.0, 0.0, 1.0]).is_err());
        assert!(mask(&[0.0, 0.0, 1.0, f64::NAN, 2.0, 2.0]).is_err());
        assert!(mask(&[0.0, 0.0, 1.0, f64::INFINITY, 2.0, 2.0]).is_err());
        let mut outlines = Outlines::new(10_000, 10_000);
        let long: Vec<f64> = [0.0, 0.0, 10_000.0, 9000.0].repeat(6000);
        assert!(outlines.mask(&[long]).is_err_and(|reason| reason.contains("pixels long")));
    }

    #[test]
    fn a_patch_is_cut_at_the_borders() {
        let set = |x: usize, y: usize| [[true, false], [true, true], [true, true]][y][x];
        let mask = |at: [i64; 2]| patch([3, 3], at, [2, 3], set).map(|mask| mask.decode()).ok();
        let bits = |text: &str| Some(text.bytes().map(|byte| byte == b'1').collect::<Vec<_>>());
        assert_eq!(mask([1, 0]), bits("010011011"));
        assert_eq!(mask([-1, 1]), bits("000000100"));
        assert_eq!(mask([2, -1]), bits("001001000"));
        assert_eq!(mask([i64::MAX, 0]), bits("000000000"));
    }

    #[test]
    fn shapes_have_their_areas() -> Result<(), String> {
        let area = |outline: Vec<f64>| {
            Outlines::new(100, 100).mask(&[outline]).map(|mask| mask.map_or(0, |m| m.area()))
        };
        assert_eq!(area(rectangle([10.0, 20.0], [30.0, 25.0]))?, 100);
        let circle = area(ellipse([50.0, 50.0], [30.0, 30.0], 0.0))? as f64;
        assert!((circle / (900.0 * std::f64::consts::PI) - 1.0).abs() < 0.01, "{circle}");
        let (flat, turned) = (
            ellipse([50.0, 50.0], [40.0, 10.0], 0.0),
            ellipse([50.0, 50.0], [10.0, 40.0], std::f64::consts::FRAC_PI_2),
        );
        assert_eq!(area(flat)?, area(turned)?);
        Ok(())
    }
}

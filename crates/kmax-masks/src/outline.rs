//! Outlines of masks as polygons along the edges of pixels.

use std::collections::HashMap;

use crate::label_map::LabelMap;

/// A point between pixels, `[x, y]`: `[0, 0]` is the upper left corner of the image.
pub type Vertex = [u32; 2];

/// One connected part of a mask. Pixels that touch at a corner alone are not connected.
///
/// No outline comes to a point twice, so a polygon is valid in the sense of OGC's simple features: at a corner where a part meets
/// itself, it is the outline of a hole that touches there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polygon {
    /// The outline, clockwise as seen, without the first vertex again at its end.
    pub outer: Vec<Vertex>,
    /// Outlines of holes, counter-clockwise.
    pub holes: Vec<Vec<Vertex>>,
}

impl Polygon {
    /// The outline as COCO writes it: `[x, y, x, y, …]`. COCO has no holes.
    pub fn flat(&self) -> Vec<f64> {
        self.outer.iter().flatten().map(|value| f64::from(*value)).collect()
    }
}

/// The polygons that cover exactly the pixels of an id, by their uppermost, then leftmost pixel. None if no pixel has it.
///
/// ```
/// use kmax_masks::{LabelMap, outline::polygons};
///
/// # fn main() -> kmax_masks::Result<()> {
/// let map = LabelMap::new(3, 2, vec![0, 7, 7, 0, 7, 7])?;
/// let found = polygons(&map, 7);
/// assert_eq!(found[0].outer, [[1, 0], [3, 0], [3, 2], [1, 2]]);
/// # Ok(())
/// # }
/// ```
pub fn polygons(map: &LabelMap, id: u32) -> Vec<Polygon> {
    let (width, height) = (map.width(), map.height());
    let inside = |x: usize, y: usize| x < width && y < height && map.data()[y * width + x] == id;
    let parts = Parts::of(map, id);
    let mut edges = Edges::default();
    for y in 0..height {
        for x in 0..width {
            if !inside(x, y) {
                continue;
            }
            let (left, top) = (x as u32, y as u32);
            let part = parts.of[y * width + x];
            // The mask lies to the right of each edge. A pixel before the first does not exist, as `wrapping_sub` finds.
            if !inside(x, y.wrapping_sub(1)) {
                edges.add([left, top], [left + 1, top], part);
            }
            if !inside(x + 1, y) {
                edges.add([left + 1, top], [left + 1, top + 1], part);
            }
            if !inside(x, y + 1) {
                edges.add([left + 1, top + 1], [left, top + 1], part);
            }
            if !inside(x.wrapping_sub(1), y) {
                edges.add([left, top + 1], [left, top], part);
            }
        }
    }
    let mut found: Vec<Polygon> =
        (0..parts.count).map(|_| Polygon { outer: Vec::new(), holes: Vec::new() }).collect();
    for (part, ring) in edges.rings() {
        let polygon = &mut found[part as usize];
        if doubled_area(&ring) > 0 {
            polygon.outer = ring;
        } else {
            polygon.holes.push(ring);
        }
    }
    found
}

/// The polygons of every id of a map but `void`, by rising id. Each id is looked at within its box alone.
pub fn outlines(map: &LabelMap, void: u32) -> Vec<(u32, Vec<Polygon>)> {
    let ids = map.extents().into_iter().filter(|(id, _)| *id != void);
    let found = ids.map(|(id, extent)| {
        let [left, top, ..] = extent.bbox;
        let mut found = polygons(&map.cut(extent.bbox), id);
        for ring in found.iter_mut().flat_map(|part| part.holes.iter_mut().chain([&mut part.outer])) {
            ring.iter_mut().for_each(|[x, y]| (*x, *y) = (*x + left, *y + top));
        }
        (id, found)
    });
    found.collect()
}

/// The connected parts of a mask.
struct Parts {
    /// Of each pixel of the map; of no meaning outside the mask.
    of: Vec<u32>,
    count: u32,
}

impl Parts {
    fn of(map: &LabelMap, id: u32) -> Self {
        const NONE: u32 = u32::MAX;
        let (width, data) = (map.width(), map.data());
        let mut of = vec![NONE; data.len()];
        let mut count = 0;
        let mut open = Vec::new();
        for start in 0..data.len() {
            if data[start] != id || of[start] != NONE {
                continue;
            }
            of[start] = count;
            open.push(start);
            while let Some(at) = open.pop() {
                let x = at % width;
                let beside = [
                    (x > 0).then(|| at - 1),
                    (x + 1 < width).then_some(at + 1),
                    at.checked_sub(width),
                    Some(at + width).filter(|below| *below < data.len()),
                ];
                for other in beside.into_iter().flatten() {
                    if data[other] == id && of[other] == NONE {
                        of[other] = count;
                        open.push(other);
                    }
                }
            }
            count += 1;
        }
        Self { of, count }
    }
}

/// Edges of pixels by where they begin, in the order in which they were added.
#[derive(Default)]
struct Edges {
    list: Vec<(Vertex, Vertex, u32)>,
    from: HashMap<Vertex, Vec<usize>>,
}

impl Edges {
    fn add(&mut self, from: Vertex, to: Vertex, part: u32) {
        self.from.entry(from).or_default().push(self.list.len());
        self.list.push((from, to, part));
    }

    /// Closed rings with their part, none of which comes to a point twice; vertices on straight lines are left out.
    fn rings(&self) -> Vec<(u32, Vec<Vertex>)> {
        let mut used = vec![false; self.list.len()];
        let mut rings = Vec::new();
        for first in 0..self.list.len() {
            if used[first] {
                continue;
            }
            let mut ring = Vec::new();
            let mut edge = first;
            loop {
                used[edge] = true;
                let (from, to, _) = self.list[edge];
                // Where two pixels touch at a corner there are two ways on: the one to the right stays with the pixel.
                let ways = self.from.get(&to).into_iter().flatten().copied();
                let next = ways.min_by_key(|next| turn(from, to, self.list[*next].1) <= 0).unwrap_or(first);
                if turn(from, to, self.list[next].1) != 0 {
                    ring.push(to);
                }
                if next == first {
                    break;
                }
                edge = next;
            }
            rings.extend(simple(ring).into_iter().map(|ring| (self.list[first].2, ring)));
        }
        rings
    }
}

/// A ring cut where it comes to a point again, each part from its uppermost, then leftmost vertex.
fn simple(ring: Vec<Vertex>) -> Vec<Vec<Vertex>> {
    let mut rings = Vec::new();
    let mut path: Vec<Vertex> = Vec::with_capacity(ring.len());
    let mut places = HashMap::with_capacity(ring.len());
    for vertex in ring {
        if let Some(&place) = places.get(&vertex) {
            let cut = path.split_off(place);
            for vertex in &cut {
                places.remove(vertex);
            }
            rings.push(cut);
        }
        places.insert(vertex, path.len());
        path.push(vertex);
    }
    rings.push(path);
    for ring in &mut rings {
        if let Some(start) = (0..ring.len()).min_by_key(|at| (ring[*at][1], ring[*at][0])) {
            ring.rotate_left(start);
        }
    }
    rings
}

/// Above 0 for a turn to the right, below 0 to the left, as seen with `y` downwards.
fn turn(a: Vertex, b: Vertex, c: Vertex) -> i64 {
    let way = |from: Vertex, to: Vertex| {
        [i64::from(to[0]) - i64::from(from[0]), i64::from(to[1]) - i64::from(from[1])]
    };
    let (first, second) = (way(a, b), way(b, c));
    first[0] * second[1] - first[1] * second[0]
}

fn doubled_area(ring: &[Vertex]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    let cross =
        |(a, b): (&Vertex, &Vertex)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]);
    ring.iter().zip(next).map(cross).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Pixels whose centres are within the rings, by how often a ray to the left crosses them.
    fn filled(width: usize, height: usize, polygons: &[Polygon]) -> Vec<bool> {
        let rings: Vec<&Vec<Vertex>> =
            polygons.iter().flat_map(|polygon| polygon.holes.iter().chain([&polygon.outer])).collect();
        let crosses = |x: usize, y: usize| {
            let edges = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
            let upright = edges.filter(|(a, b)| a[0] == b[0] && a[0] as usize <= x);
            upright.filter(|(a, b)| (a[1].min(b[1])..a[1].max(b[1])).contains(&(y as u32))).count()
        };
        (0..width * height).map(|at| crosses(at % width, at / width) % 2 == 1).collect()
    }

    #[test]
    fn a_ring_has_a_hole_and_corners_do_not_connect() -> Result<()> {
        #[rustfmt::skip]
        let map = LabelMap::new(5, 4, vec![
            1, 1, 1, 0, 0,
            1, 0, 1, 0, 0,
            1, 1, 1, 0, 0,
            0, 0, 0, 1, 1,
        ])?;
        let found = polygons(&map, 1);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].outer, [[0, 0], [3, 0], [3, 3], [0, 3]]);
        assert_eq!(found[0].holes, [[[1, 1], [1, 2], [2, 2], [2, 1]]]);
        assert_eq!(found[1].flat(), [3.0, 3.0, 5.0, 3.0, 5.0, 4.0, 3.0, 4.0]);
        assert!(polygons(&map, 9).is_empty());
        Ok(())
    }

    #[test]
    fn a_part_that_meets_itself_at_a_corner_has_a_hole_there() -> Result<()> {
        let map = LabelMap::new(3, 3, vec![1, 1, 1, 1, 0, 1, 1, 1, 0])?;
        let found = polygons(&map, 1);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].outer, [[0, 0], [3, 0], [3, 2], [2, 2], [2, 3], [0, 3]]);
        assert_eq!(found[0].holes, [[[1, 1], [1, 2], [2, 2], [2, 1]]]);
        Ok(())
    }

    proptest! {
        #[test]
        fn polygons_cover_their_pixels_and_no_others(
            (width, height, data) in (1usize..9, 1usize..9).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), proptest::collection::vec(0u32..3, w * h))
            })
        ) {
            let map = LabelMap::new(width, height, data.clone()).expect("a map");
            let all = outlines(&map, 1);
            prop_assert!(all.iter().all(|(id, found)| *id != 1 && *found == polygons(&map, *id)));
            for id in 0..3 {
                let found = polygons(&map, id);
                let rings = found.iter().flat_map(|part| part.holes.iter().chain([&part.outer]));
                prop_assert!(rings.clone().all(|ring| ring.iter().collect::<HashSet<_>>().len() == ring.len()));
                let expected: Vec<bool> = data.iter().map(|other| *other == id).collect();
                prop_assert_eq!(filled(width, height, &found), expected);
                prop_assert!(found.iter().all(|polygon| doubled_area(&polygon.outer) > 0));
                prop_assert!(found.iter().flat_map(|p| &p.holes).all(|hole| doubled_area(hole) < 0));
            }
        }
    }
}

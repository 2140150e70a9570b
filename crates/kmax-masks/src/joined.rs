//! Polygons with holes, and several polygons, as one closed line.
//!
//! Forms that know neither holes nor parts get a line that goes to the hole or the part and comes back the same way. Such a bridge
//! has no width, so the line encloses exactly the same pixels, whether it is filled by the even-odd or the non-zero rule.

use std::collections::BTreeMap;

use crate::outline::{Polygon, Vertex};

impl Polygon {
    /// The outline with the holes cut in: from the leftmost vertex of each hole a bridge goes to the left, within the mask, to
    /// what it meets first. Without holes it is [`Polygon::outer`].
    ///
    /// ```
    /// use kmax_masks::Polygon;
    ///
    /// let ring = Polygon {
    ///     outer: vec![[0, 0], [3, 0], [3, 3], [0, 3]],
    ///     holes: vec![vec![[1, 1], [1, 2], [2, 2], [2, 1]]],
    /// };
    /// let cut = [[0, 0], [3, 0], [3, 3], [0, 3], [0, 1], [1, 1], [1, 2], [2, 2], [2, 1], [1, 1], [0, 1]];
    /// assert_eq!(ring.keyhole(), cut);
    /// ```
    pub fn keyhole(&self) -> Vec<Vertex> {
        let mut line = Line::default();
        let mut walls = Walls::default();
        for node in line.ring(&self.outer) {
            walls.add(&line, node);
        }
        // What a bridge meets begins further to the left, so it is part of the line already.
        let leftmost = |hole: &Vec<Vertex>| hole.iter().copied().min();
        let mut holes: Vec<_> = self.holes.iter().filter_map(|hole| Some((leftmost(hole)?, hole))).collect();
        holes.sort_unstable_by_key(|(start, _)| *start);
        for (start, hole) in holes {
            let Some(wall) = walls.left_of(start) else { continue };
            let ring = line.ring(hole);
            let inner = ring.clone().find(|node| line.at(*node) == start).unwrap_or(ring.start);
            let place = line.split(wall, [line.at(wall)[0], start[1]]);
            let back = line.bridge(place, inner);
            for node in ring.chain([place, back]).chain(back + 1..line.nodes.len()) {
                walls.add(&line, node);
            }
        }
        line.vertices()
    }
}

/// All polygons as one line, holes cut in. From each polygon a straight bridge goes to the nearest vertex of those before it.
pub fn joined(polygons: &[Polygon]) -> Vec<Vertex> {
    let mut line = Line::default();
    let mut near = Near::default();
    for polygon in polygons {
        let ring = line.ring(&polygon.keyhole());
        if let Some((inner, place)) = near.nearest(&line, ring.clone()) {
            line.bridge(place, inner);
        }
        for node in ring {
            near.add(&line, node);
        }
    }
    line.vertices()
}

/// Vertices that know what follows; the first begins the line.
#[derive(Default)]
struct Line {
    nodes: Vec<(Vertex, usize)>,
}

impl Line {
    fn at(&self, node: usize) -> Vertex {
        self.nodes[node].0
    }

    fn next(&self, node: usize) -> usize {
        self.nodes[node].1
    }

    /// Adds a closed ring that nothing leads to yet.
    fn ring(&mut self, ring: &[Vertex]) -> std::ops::Range<usize> {
        let first = self.nodes.len();
        let last = first + ring.len();
        let next = |node| if node + 1 < last { node + 1 } else { first };
        self.nodes.extend(ring.iter().zip(first..).map(|(vertex, node)| (*vertex, next(node))));
        first..last
    }

    /// The node at a place on the edge that begins at a node; a new one, if no end of the edge is there.
    fn split(&mut self, edge: usize, place: Vertex) -> usize {
        let next = self.next(edge);
        if let Some(end) = [edge, next].into_iter().find(|node| self.at(*node) == place) {
            return end;
        }
        self.nodes[edge].1 = self.nodes.len();
        self.nodes.push((place, next));
        self.nodes.len() - 1
    }

    /// Goes from a node of the line to one of a ring, around the ring, and back. Gives the node where the line goes on.
    fn bridge(&mut self, from: usize, to: usize) -> usize {
        let back = self.nodes.len();
        let there = back + 1;
        // What led to the ring's node before must lead to its copy, and what followed the line's to the copy of that. So the copies
        // are those that keep what followed, and both nodes stay where edges end.
        self.nodes.push((self.at(from), self.next(from)));
        self.nodes.push((self.at(to), self.next(to)));
        self.nodes[from].1 = there;
        self.nodes[to].1 = back;
        back
    }

    fn vertices(&self) -> Vec<Vertex> {
        let mut vertices = Vec::with_capacity(self.nodes.len());
        let mut node = 0;
        while let Some(&(vertex, next)) = self.nodes.get(node) {
            vertices.push(vertex);
            node = next;
            if node == 0 {
                break;
            }
        }
        vertices
    }
}

/// Upright edges by the rows of pixels beside them: where they are, and the nodes at which they begin.
#[derive(Default)]
struct Walls {
    rows: BTreeMap<u32, BTreeMap<u32, usize>>,
}

impl Walls {
    /// Adds the edge that begins at a node, if it is upright.
    fn add(&mut self, line: &Line, node: usize) {
        let ([x, from], [next, to]) = (line.at(node), line.at(line.next(node)));
        if x == next {
            for y in from.min(to)..from.max(to) {
                self.rows.entry(y).or_default().insert(x, node);
            }
        }
    }

    /// The first edge to the left of a vertex, in the row below it.
    fn left_of(&self, [x, y]: Vertex) -> Option<usize> {
        self.rows.get(&y)?.range(..x).next_back().map(|(_, node)| *node)
    }
}

/// Vertices by row and column.
#[derive(Default)]
struct Near {
    rows: BTreeMap<u32, BTreeMap<u32, usize>>,
}

impl Near {
    fn add(&mut self, line: &Line, node: usize) {
        let [x, y] = line.at(node);
        self.rows.entry(y).or_default().insert(x, node);
    }

    /// Of some nodes the one that is nearest to one of these, and that one.
    fn nearest(&self, line: &Line, nodes: std::ops::Range<usize>) -> Option<(usize, usize)> {
        let mut best: Option<(u64, usize, usize)> = None;
        for node in nodes {
            let [x, y] = line.at(node);
            let below = self.rows.range(y..);
            let above = self.rows.range(..y).rev();
            let mut look = |row: u32, columns: &BTreeMap<u32, usize>| {
                let rows = u64::from(row.abs_diff(y)).pow(2);
                if best.is_some_and(|(least, ..)| rows >= least) {
                    return false;
                }
                let beside = [columns.range(x..).next(), columns.range(..x).next_back()];
                for (column, other) in beside.into_iter().flatten() {
                    let distance = rows + u64::from(column.abs_diff(x)).pow(2);
                    if best.is_none_or(|(least, ..)| distance < least) {
                        best = Some((distance, node, *other));
                    }
                }
                true
            };
            // Rows further away cannot be nearer.
            let _ = below.into_iter().all(|(row, columns)| look(*row, columns));
            let _ = above.into_iter().all(|(row, columns)| look(*row, columns));
        }
        best.map(|(_, node, other)| (node, other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_map::LabelMap;
    use crate::outline::polygons;
    use crate::rle::{Merge, Rle};
    use proptest::prelude::*;

    /// Pixels whose centres a line encloses by the even-odd rule: the number of edges to the left is odd. Bridges may be oblique.
    fn even_odd(width: usize, height: usize, line: &[Vertex]) -> Vec<bool> {
        let edges: Vec<(Vertex, Vertex)> =
            line.iter().copied().zip(line.iter().copied().cycle().skip(1)).collect();
        let inside = |x: usize, y: usize| {
            let (x, y) = (x as f64 + 0.5, y as f64 + 0.5);
            let crosses = |(a, b): &&(Vertex, Vertex)| {
                // In one order, so that both ways along a bridge round alike.
                let (a, b) = (a.min(b).map(f64::from), a.max(b).map(f64::from));
                (a[1] > y) != (b[1] > y) && a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) < x
            };
            edges.iter().filter(crosses).count() % 2 == 1
        };
        (0..width * height).map(|at| inside(at % width, at / width)).collect()
    }

    fn as_coco(width: usize, height: usize, line: &[Vertex]) -> Rle {
        let flat: Vec<f64> = line.iter().flatten().map(|value| f64::from(*value)).collect();
        Rle::from_polygon(width, height, &flat).expect("a polygon")
    }

    #[test]
    fn bridges_go_to_the_nearest_vertex() {
        let map = LabelMap::new(9, 2, vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1]);
        let line = joined(&polygons(&map.expect("9 x 2"), 1));
        #[rustfmt::skip]
        let expected = [
            [0, 0], [2, 0], [2, 2],
            [4, 2], [4, 1], [5, 1],
            [8, 1], [9, 1], [9, 2], [8, 2], [8, 1],
            [5, 1], [5, 2], [4, 2],
            [2, 2], [0, 2],
        ];
        assert_eq!(line, expected);
        assert_eq!(joined(&[]), [] as [Vertex; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn lines_enclose_their_pixels_and_no_others(
            (width, height, data) in (1usize..14, 1usize..14).prop_flat_map(|(w, h)| {
                // More of the mask than not, for holes in holes.
                (Just(w), Just(h), proptest::collection::vec(prop_oneof![1 => Just(0u32), 2 => Just(1)], w * h))
            })
        ) {
            let map = LabelMap::new(width, height, data.clone()).expect("a map");
            let found = polygons(&map, 1);
            prop_assume!(!found.is_empty());
            let mask: Vec<bool> = data.iter().map(|id| *id == 1).collect();
            let code = Rle::from_mask(width, height, &mask).expect("a mask");

            let line = joined(&found);
            prop_assert_eq!(even_odd(width, height, &line), mask);
            prop_assert_eq!(&as_coco(width, height, &line), &code);

            let parts: Vec<Rle> = found.iter().map(|part| as_coco(width, height, &part.keyhole())).collect();
            prop_assert_eq!(Rle::merge(&parts, Merge::Union).expect("alike"), code);
            for part in &found {
                // Bridges of holes lie within the mask, along the edges of pixels.
                let line = part.keyhole();
                let straight = line.iter().zip(line.iter().cycle().skip(1)).all(|(a, b)| a[0] == b[0] || a[1] == b[1]);
                prop_assert!(straight);
                let corners = part.outer.len() + part.holes.iter().map(Vec::len).sum::<usize>();
                prop_assert!(line.len() <= corners + 3 * part.holes.len());
            }
        }
    }
}

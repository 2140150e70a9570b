//! Colours that tell neighbouring segments apart.

use std::collections::{HashMap, HashSet};

use kmax_masks::{Categories, LabelMap, Segment, colors};

/// Colours closer than this are hard to tell apart when they lie over an image.
const APART: f32 = 28.0;
/// Colours tried for a segment before the best of them is taken.
const TRIES: usize = 40;

/// A colour for each segment by its id: its class's where its neighbours in the map allow it, else one of the palette that
/// is easy to tell from theirs.
pub fn choose(map: &LabelMap, segments: &[Segment], categories: &Categories) -> HashMap<u32, [u8; 3]> {
    let neighbours = neighbours(map);
    let mut order: Vec<&Segment> = segments.iter().collect();
    order.sort_by_key(|segment| std::cmp::Reverse(segment.area));
    let mut of_class: HashMap<u32, usize> = HashMap::new();
    let mut chosen: HashMap<u32, [u8; 3]> = HashMap::new();
    for segment in order {
        let nth = of_class.entry(segment.category_id).or_insert(0);
        let around: Vec<_> = neighbours
            .get(&segment.id)
            .into_iter()
            .flatten()
            .filter_map(|other| chosen.get(other).copied().map(perceived))
            .collect();
        let candidate = |attempt: usize| match (categories.get(segment.category_id), attempt) {
            (Some(category), 0) => colors::of_segment(category, *nth),
            (_, attempt) => colors::palette(segment.category_id as usize + attempt * 7),
        };
        let distance = |colour: [u8; 3]| {
            let here = perceived(colour);
            around.iter().map(|there| difference(here, *there)).fold(f32::INFINITY, f32::min)
        };
        let mut best = (candidate(0), distance(candidate(0)));
        for attempt in 1..TRIES {
            if best.1 >= APART {
                break;
            }
            let other = candidate(attempt);
            if distance(other) > best.1 {
                best = (other, distance(other));
            }
        }
        chosen.insert(segment.id, best.0);
        *nth += 1;
    }
    chosen
}

/// For each id those that it touches, to the right or below or the other way round.
fn neighbours(map: &LabelMap) -> HashMap<u32, HashSet<u32>> {
    let mut touching: HashSet<(u32, u32)> = HashSet::new();
    let mut last = (0, 0);
    let mut meet = |a: u32, b: u32| {
        if a != b && last != (a, b) {
            last = (a, b);
            touching.insert((a.min(b), a.max(b)));
        }
    };
    let mut above: Option<&[u32]> = None;
    for row in map.rows() {
        row.windows(2).for_each(|pair| meet(pair[0], pair[1]));
        if let Some(above) = above {
            above.iter().zip(row).for_each(|(&a, &b)| meet(a, b));
        }
        above = Some(row);
    }
    let mut neighbours: HashMap<u32, HashSet<u32>> = HashMap::new();
    for (a, b) in touching {
        neighbours.entry(a).or_default().insert(b);
        neighbours.entry(b).or_default().insert(a);
    }
    neighbours
}

/// CIE L*a*b* (D65), in which distance is about what eyes see.
fn perceived(colour: [u8; 3]) -> [f32; 3] {
    let linear = colour.map(|value| {
        let value = f32::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let [r, g, b] = linear;
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let f = |t: f32| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    [116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z))]
}

fn difference(a: [f32; 3], b: [f32; 3]) -> f32 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::{Category, Panoptic};

    #[test]
    fn lab_has_its_known_corners() {
        let near = |a: [f32; 3], b: [f32; 3]| difference(a, b) < 0.6;
        assert!(near(perceived([255; 3]), [100.0, 0.0, 0.0]));
        assert!(near(perceived([0; 3]), [0.0; 3]));
        assert!(near(perceived([255, 0, 0]), [53.2, 80.1, 67.2]));
    }

    #[test]
    fn a_board_of_one_colour_becomes_a_board_of_many() {
        // 8 x 8 squares, each a segment of one of 16 classes that all have the same colour.
        let data = (0..64 * 64).map(|at| (at / 64 / 8 * 8 + at % 64 / 8) as u32 + 1).collect();
        let map = LabelMap::new(64, 64, data).expect("64 x 64");
        let category = |id| Category {
            id,
            name: String::new(),
            isthing: id > 8,
            color: [200, 40, 40],
            supercategory: None,
        };
        let categories = Categories::new((0..16).map(category).collect()).expect("distinct");
        let panoptic = Panoptic::from_map(map, |id| (id % 16, false));
        let colors = choose(&panoptic.map, &panoptic.segments, &categories);
        for (a, others) in neighbours(&panoptic.map) {
            for b in others {
                let distance = difference(perceived(colors[&a]), perceived(colors[&b]));
                assert!(distance >= APART, "{a} {b}: {distance}");
            }
        }
    }
}

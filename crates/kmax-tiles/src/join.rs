//! Which things of two neighbours are one.

use crate::parts::{Id, Parts};
use crate::tile::Tile;
use std::collections::HashMap;

/// Joins things of which both tiles see the same, and more than either shares with any other: where both look, those of one class
/// share more than half of the smaller one's pixels, those of two classes more than half of what they have together.
pub(crate) fn join(one: &Tile, other: &Tile, parts: &mut Parts) {
    let (columns, rows) = one.shared(other);
    let mut shared: HashMap<(Id, Id), u64> = HashMap::new();
    let mut seen: [HashMap<Id, u64>; 2] = Default::default();
    for y in rows {
        let pairs = one.row(columns.start, y).zip(other.row(columns.start, y)).take(columns.len());
        // Neighbours mostly are of one pair.
        let pairs: Vec<(Id, Id)> = pairs.collect();
        for run in pairs.chunk_by(|a, b| a == b) {
            let (a, b) = run[0];
            let count = run.len() as u64;
            *seen[0].entry(a).or_default() += count;
            *seen[1].entry(b).or_default() += count;
            if parts.compare(a, b).is_some() {
                *shared.entry((a, b)).or_default() += count;
            }
        }
    }
    // Most pixels first; of equals the first ones.
    let mut pairs: Vec<((Id, Id), u64)> = shared.into_iter().collect();
    pairs.sort_unstable_by_key(|&(pair, count)| (std::cmp::Reverse(count), pair));
    let mut taken: [Vec<Id>; 2] = Default::default();
    for ((a, b), count) in pairs {
        let free = !taken[0].contains(&a) && !taken[1].contains(&b);
        taken[0].push(a);
        taken[1].push(b);
        let (one, other) = (seen[0][&a], seen[1][&b]);
        let whole = match parts.compare(a, b) {
            Some(true) => one.min(other),
            _ => one + other - count,
        };
        if free && count * 2 > whole {
            parts.join(a, b);
        }
    }
}

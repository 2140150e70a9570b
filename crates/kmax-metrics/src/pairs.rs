//! How many pixels each pair of ids shares.

use std::collections::HashMap;

use kmax_masks::LabelMap;

use crate::error::Result;

/// The pixels of every pair `(a, b)` of ids that lie on each other, by rising pair.
///
/// Counts run by run: neighbours mostly hold the same pair.
pub(crate) fn pairs(a: &LabelMap, b: &LabelMap) -> Result<Vec<((u32, u32), u64)>> {
    a.same_size(b)?;
    let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
    let (mut key, mut run) = (None, 0);
    for (&left, &right) in a.data().iter().zip(b.data()) {
        if key == Some((left, right)) {
            run += 1;
            continue;
        }
        if let Some(ended) = key.replace((left, right)) {
            *counts.entry(ended).or_default() += run;
        }
        run = 1;
    }
    if let Some(last) = key {
        *counts.entry(last).or_default() += run;
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_unstable();
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_and_sorted() {
        let a = LabelMap::new(3, 2, vec![1, 1, 2, 2, 2, 1]).unwrap();
        let b = LabelMap::new(3, 2, vec![5, 5, 5, 0, 5, 5]).unwrap();
        assert_eq!(pairs(&a, &b).unwrap(), [((1, 5), 3), ((2, 0), 1), ((2, 5), 2)]);
        assert!(pairs(&a, &LabelMap::filled(2, 3, 0).unwrap()).is_err());
        let none = LabelMap::filled(0, 0, 0).unwrap();
        assert!(pairs(&none, &none).unwrap().is_empty());
    }
}

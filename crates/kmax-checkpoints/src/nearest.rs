//! The most similar of many names.

/// The candidate with the fewest edits from `name`, if less than half of it would change. The first of equals.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let limit = best.map_or(name.len().div_ceil(2), |(distance, _)| distance);
        if name.len().abs_diff(candidate.len()) < limit {
            let distance = distance(name.as_bytes(), candidate.as_bytes());
            if distance < limit {
                best = Some((distance, candidate));
            }
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Levenshtein's distance in bytes.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, y) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *above;
            left = replaced.min(left + 1).min(diagonal + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_found() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"abc"), 3);
        let names = ["backbone.conv1.weight", "backbone.conv2.weight", "head.bias"];
        assert_eq!(nearest("backbone.conv2.wieght", names), Some("backbone.conv2.weight"));
        assert_eq!(nearest("zzzzzz", names), None);
    }
}

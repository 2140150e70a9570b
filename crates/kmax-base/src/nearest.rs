//! The known name that a wrong one was probably meant to be.

/// Longer names are not compared.
const LONGEST: usize = 200;

/// The most pairs of letters that are compared: two thousand pairs of names of a network.
const MOST: usize = 1 << 22;

/// The most similar of the first few thousand `known`, if it is similar at all. Names of more than 200 bytes are like none.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let known = known.into_iter().filter(|other| other.len() <= LONGEST);
    let mut pairs = 0;
    let known = known.take_while(|other| {
        pairs += name.len() * other.len();
        pairs <= MOST
    });
    let scored = known.map(|other| (strsim::normalized_levenshtein(name, other), other));
    let (score, other) = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score > 0.5).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_found_and_others_not() {
        let known = ["decoder.queries", "decoder.layers.0.kmeans_norm.weight"];
        assert_eq!(nearest("decoder.query", known), Some("decoder.queries"));
        assert_eq!(nearest("backbone.stem", known), None);
    }

    #[test]
    fn hostile_names_cost_nothing() {
        let start = std::time::Instant::now();
        let long = "a".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str(), "a"]), None);
        assert_eq!(nearest("ab", [long.as_str(), "abc"]), Some("abc"));
        let name = "b".repeat(LONGEST);
        assert!(nearest(&name, std::iter::repeat_n(name.as_str(), 10_000_000)).is_some());
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

//! The known name that a wrong one was probably meant to be.

/// The most similar of `known`, if it is similar at all.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|other| (strsim::normalized_levenshtein(name, other), other));
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
}

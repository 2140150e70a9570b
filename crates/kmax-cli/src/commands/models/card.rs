//! What the header of a model's card states.

/// The value of a field, of a card that begins with lines of `name: value` between lines of three dashes.
pub fn field<'a>(card: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = card.lines();
    lines.next().filter(|line| *line == "---")?;
    let mut header = lines.take_while(|line| *line != "---");
    header.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_the_header() {
        let card = "---\nlicense: mit\ntags:\n- a\nsummary: two classes; PQ 1\n---\nlicense-of: b\ndata: c\n";
        assert_eq!(
            ["license", "summary", "tags"].map(|name| field(card, name)),
            [Some("mit"), Some("two classes; PQ 1"), Some("")]
        );
        assert_eq!(field(card, "data").or(field(card, "licen")).or(field("license: mit", "license")), None);
    }

    #[test]
    fn every_built_in_model_has_a_licence_and_says_what_it_is() {
        for name in kmax::Model::built_in_names() {
            let card = kmax::Model::built_in_card(name).expect("a card");
            for wanted in ["license", "summary"] {
                assert!(field(card, wanted).is_some_and(|text| !text.is_empty()), "{name}: {wanted}");
            }
        }
    }
}

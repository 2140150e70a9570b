//! The names that tools give to the parts of a dataset.

/// The parts in their order.
pub(super) const SPLITS: [&str; 3] = ["train", "val", "test"];

/// What a part is called that stands for the whole.
pub(crate) const ALL: &str = "all";

/// The part that a file's or folder's name says, such as `instances_train2017`, `valid` or `Validation`: a word of it is `train`,
/// `val` or `test`, spelled in one of the usual ways.
pub(super) fn split_of(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty());
    words.into_iter().find_map(|word| match word {
        "train" | "training" => Some("train"),
        "val" | "valid" | "validation" | "dev" => Some("val"),
        "test" | "testing" => Some("test"),
        _ => None,
    })
}

/// The place of a part in the order.
pub(super) fn rank(split: &str) -> usize {
    SPLITS.iter().position(|name| *name == split).unwrap_or(SPLITS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_a_word_of_their_name() {
        for (name, split) in [
            ("instances_train2017", Some("train")),
            ("instances_Validation", Some("val")),
            ("valid", Some("val")),
            ("stage1_test", Some("test")),
            ("instances_default", None),
            ("trained", None),
            ("retest", None),
        ] {
            assert_eq!(split_of(name), split, "{name}");
        }
    }
}

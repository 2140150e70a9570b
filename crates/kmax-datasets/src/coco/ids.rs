//! Ids that refer to nothing, because they are words here and numbers there.

use std::cell::OnceCell;
use std::collections::HashMap;

use kmax_masks::ImageId;

/// The images of a list, for saying why one is not among them.
pub(crate) struct Listed<'a, I> {
    ids: I,
    list: &'a str,
    /// By the number that they are or say; made when it is needed.
    numbers: OnceCell<HashMap<i64, &'a ImageId>>,
}

impl<'a, I: Iterator<Item = &'a ImageId> + Clone> Listed<'a, I> {
    /// `list` is what the list is called.
    pub fn new(ids: I, list: &'a str) -> Self {
        Self { ids, list, numbers: OnceCell::new() }
    }

    /// What to say of an id that is not listed: `7` is not `"0007"`.
    pub fn lack(&self, id: &ImageId) -> String {
        let numbers =
            self.numbers.get_or_init(|| self.ids.clone().filter_map(|id| Some((id.number()?, id))).collect());
        let form = |id: &ImageId| match id {
            ImageId::Number(_) => "a number",
            ImageId::Text(_) => "a string",
        };
        let shown = |id: &ImageId| match id {
            ImageId::Number(number) => number.to_string(),
            ImageId::Text(text) => format!("{text:?}"),
        };
        match id.number().and_then(|number| numbers.get(&number)) {
            Some(other) => format!(
                "the image's id is {} here ({}) and {} in {} ({})",
                form(id),
                shown(id),
                form(other),
                self.list,
                shown(other)
            ),
            None => format!("the image is not listed in {}", self.list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_places_are_named() {
        let ids: [ImageId; 3] = [1.into(), "0002".into(), "a".into()];
        let listed = Listed::new(ids.iter(), "`images`");
        for (id, expected) in [
            ("0001".into(), "the image's id is a string here (\"0001\") and a number in `images` (1)"),
            (2.into(), "the image's id is a number here (2) and a string in `images` (\"0002\")"),
            ("2".into(), "the image's id is a string here (\"2\") and a string in `images` (\"0002\")"),
            (3.into(), "the image is not listed in `images`"),
            ("b".into(), "the image is not listed in `images`"),
        ] {
            assert_eq!(listed.lack(&id), expected);
        }
    }
}

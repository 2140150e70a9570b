//! The classes of a form that names objects, and what lies where nothing is labelled.

use std::collections::HashSet;
use std::path::Path;

use kmax_masks::{Categories, Category, ListedCategory};

use crate::error::{Error, Result};
use crate::things::Things;

/// Names of the class of whatever is not labelled, in small letters.
const BACKGROUND: [&str; 3] = ["background", "_background_", "__background__"];

/// Classes, and the one of unlabelled pixels.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    pub categories: Categories,
    /// The class of pixels that nothing labels; void where there is none.
    pub background: Option<u32>,
}

/// Whether a class of this name is what lies where nothing is labelled.
pub(super) fn is_background(name: &str) -> bool {
    BACKGROUND.contains(&name.trim().to_lowercase().as_str())
}

/// A class of which only the name is known.
pub(super) fn listed(id: u32, name: impl Into<String>) -> ListedCategory {
    ListedCategory { id, name: name.into(), isthing: None, color: [0; 3], supercategory: None }
}

/// Classes of these names, numbered from 0.
pub(super) fn numbered(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<ListedCategory> {
    (0..).zip(names).map(|(id, name)| listed(id, name)).collect()
}

/// The classes of a tool that outlines objects: each is a thing unless the file or `things` says otherwise, but for a class
/// `background`. Where all are things, that class is added.
///
/// # Errors
/// If there is no class, two have one name or id, or `things` does not fit them.
pub(super) fn of_objects(
    file: &Path,
    listed: Vec<ListedCategory>,
    things: &Things,
    notes: &mut Vec<String>,
) -> Result<Classes> {
    check_names(file, &listed)?;
    let list = if things.is_said() {
        things.decide(file, listed)?
    } else {
        let class = |class: ListedCategory| {
            let isthing = !is_background(&class.name);
            class.or_thing(isthing)
        };
        listed.into_iter().map(class).collect()
    };
    with_background(file, list, notes)
}

/// # Errors
/// If there is no name, or two classes have one.
pub(super) fn check_names(file: &Path, listed: &[ListedCategory]) -> Result<()> {
    if listed.is_empty() {
        return Err(Error::file(file, "names no class"));
    }
    let mut names = HashSet::new();
    match listed.iter().find(|class| !names.insert(class.name.as_str())) {
        Some(twice) => Err(Error::entry(file, "classes", format!("two are called {:?}", twice.name))),
        None => Ok(()),
    }
}

fn with_background(file: &Path, mut list: Vec<Category>, notes: &mut Vec<String>) -> Result<Classes> {
    let named = list.iter().find(|class| is_background(&class.name));
    let background = match named {
        Some(class) if class.isthing => {
            let reason =
                format!("the class {:?} is what lies where nothing is labelled: no thing", class.name);
            return Err(Error::setting("things", reason));
        }
        Some(class) => Some(class.id),
        None if list.iter().any(|class| !class.isthing) => {
            notes.push("pixels that nothing labels are void".into());
            None
        }
        None => {
            let last = list.iter().map(|class| class.id).max().unwrap_or_default();
            let id =
                last.checked_add(1).ok_or_else(|| Error::file(file, "the ids of classes are too large"))?;
            list.push(listed(id, BACKGROUND[0]).or_thing(false));
            notes.push(
                "all classes are things: the class `background` was added, for pixels that nothing labels"
                    .into(),
            );
            Some(id)
        }
    };
    Ok(Classes { categories: Categories::new(list).map_err(Error::masks(file))?, background })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(names: &[&str], things: Things) -> std::result::Result<(Vec<bool>, Option<u32>), String> {
        let names = numbered(names.iter().copied());
        let classes = of_objects(Path::new("a.yaml"), names, &things, &mut Vec::new());
        let classes = classes.map_err(|error| error.to_string())?;
        Ok((classes.categories.iter().map(|class| class.isthing).collect(), classes.background))
    }

    #[test]
    fn what_is_not_labelled_has_a_class_or_is_void() {
        let none = Things::default;
        assert_eq!(open(&["cat", "dog"], none()), Ok((vec![true, true, false], Some(2))));
        assert_eq!(open(&["Background", "dog"], none()), Ok((vec![false, true], Some(0))));
        assert_eq!(open(&["sky", "dog"], Things::named(["dog"])), Ok((vec![false, true], None)));
        assert_eq!(open(&["dog"], Things::named(["dog"])), Ok((vec![true, false], Some(1))));
    }

    #[test]
    fn contradictions_are_named() {
        let of = |names: &[&str], things: &[&str]| {
            let things = if things.is_empty() { Things::default() } else { Things::named(things.to_vec()) };
            open(names, things).expect_err("refused")
        };
        assert_eq!(of(&[], &[]), "a.yaml: names no class");
        assert_eq!(of(&["a", "a"], &[]), "a.yaml: classes: two are called \"a\"");
        assert!(of(&["background", "a"], &["background"]).contains("no thing"));
        assert!(of(&["cat"], &["cats"]).contains("is \"cat\" meant?"));
    }
}

//! Which classes are things, where a json does not say.

use std::path::Path;

use kmax_base::nearest;
use kmax_masks::{Category, ListedCategory};

use crate::error::{Error, Result};

/// Which classes are things: what the json says, or for a json without `isthing` what somebody else does.
///
/// Panoptic quality depends on it, so nothing is assumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Things(Option<Vec<String>>);

impl Things {
    /// The classes of these names or ids are things, all others are stuff. A json that says so of a class itself must agree.
    pub fn named(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(Some(names.into_iter().map(Into::into).collect()))
    }

    /// Whether anything was said.
    pub(crate) fn is_said(&self) -> bool {
        self.0.is_some()
    }

    /// The classes of a json.
    ///
    /// # Errors
    /// If a class does not say whether it is a thing and nobody else does, or both do and differ; or if a name is that of no class.
    pub(crate) fn decide(&self, json: &Path, listed: Vec<ListedCategory>) -> Result<Vec<Category>> {
        let Some(names) = &self.0 else {
            return said(json, listed);
        };
        let is = |name: &String, class: &ListedCategory| *name == class.name || *name == class.id.to_string();
        if let Some(name) = names.iter().find(|name| !listed.iter().any(|class| is(name, class))) {
            let known = nearest(name, listed.iter().map(|class| class.name.as_str()));
            let meant = known.map(|known| format!("; is {known:?} meant?")).unwrap_or_default();
            let reason = format!("{} has no class of the name or id {name:?}{meant}", json.display());
            return Err(Error::setting("things", reason));
        }
        let decide = |(position, class): (usize, ListedCategory)| {
            let thing = names.iter().any(|name| is(name, &class));
            if class.isthing.is_some_and(|said| said != thing) {
                let (ours, theirs) = if thing { ("thing", "stuff") } else { ("stuff", "thing") };
                let reason = format!("the json says {theirs}, `things` says {ours}");
                return Err(Error::entry(json, entry(position, &class), reason));
            }
            Ok(class.or_thing(thing))
        };
        listed.into_iter().enumerate().map(decide).collect()
    }
}

fn said(json: &Path, listed: Vec<ListedCategory>) -> Result<Vec<Category>> {
    let silent = || listed.iter().enumerate().filter(|(_, class)| class.isthing.is_none());
    if let Some((position, class)) = silent().next() {
        let others = match silent().count() - 1 {
            0 => String::new(),
            count => format!(" (as in {count} more)"),
        };
        let reason = format!(
            "the field `isthing` is missing{others}: 1 for things, 0 for stuff; or name the things with `--things NAMES`, in a \
             training's configuration `data.things`"
        );
        return Err(Error::entry(json, entry(position, class), reason));
    }
    Ok(listed.into_iter().map(Category::from).collect())
}

fn entry(position: usize, class: &ListedCategory) -> String {
    format!("categories[{position}] (id {}, {})", class.id, class.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str) -> Vec<ListedCategory> {
        serde_json::from_str(text).expect("classes")
    }

    fn decide(things: &Things, text: &str) -> std::result::Result<Vec<bool>, String> {
        let decided = things.decide(Path::new("a.json"), classes(text)).map_err(|error| error.to_string())?;
        Ok(decided.iter().map(|class| class.isthing).collect())
    }

    #[test]
    fn nothing_is_assumed() {
        let silent = r#"[{"id": 1, "name": "sky"}, {"id": 2, "name": "car", "isthing": null}]"#;
        let message = decide(&Things::default(), silent).expect_err("missing");
        assert!(
            message.starts_with(
                "a.json: categories[0] (id 1, sky): the field `isthing` is missing (as in 1 more)"
            )
        );
        assert!(message.contains("--things NAMES") && message.contains("data.things"), "{message}");
        assert_eq!(decide(&Things::named(["car"]), silent), Ok(vec![false, true]));
        assert_eq!(decide(&Things::named(["1", "car"]), silent), Ok(vec![true, true]));
        assert_eq!(decide(&Things::named([""; 0]), silent), Ok(vec![false, false]));
        let message = decide(&Things::named(["cars"]), silent).expect_err("unknown");
        assert_eq!(message, "things: a.json has no class of the name or id \"cars\"; is \"car\" meant?");
    }

    #[test]
    fn the_json_is_not_contradicted() {
        let said = r#"[{"id": 1, "name": "sky", "isthing": 0}, {"id": 2, "name": "car", "isthing": true}]"#;
        assert_eq!(decide(&Things::default(), said), Ok(vec![false, true]));
        assert_eq!(decide(&Things::named(["car"]), said), Ok(vec![false, true]));
        let message = decide(&Things::named(["sky", "car"]), said).expect_err("contradiction");
        assert_eq!(message, "a.json: categories[0] (id 1, sky): the json says stuff, `things` says thing");
        assert!(decide(&Things::named([""; 0]), said).is_err_and(|error| error.contains("categories[1]")));
    }
}

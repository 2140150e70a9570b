//! Checking tables of classes.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use kmax_masks::{Categories, Category};

use super::{Finding, Kind};

/// The classes of a json.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// Tables of one form are compared: instance annotations lack the stuff.
    pub form: &'static str,
    pub json: PathBuf,
    pub categories: Categories,
}

/// The classes without those whose id is taken, and what is wrong with them.
pub(super) fn checked(json: &Path, listed: Vec<Category>, findings: &mut Vec<Finding>) -> Categories {
    let (mut names, mut ids) = (HashMap::new(), HashMap::new());
    let mut kept = Vec::with_capacity(listed.len());
    for (position, class) in listed.into_iter().enumerate() {
        let entry = format!("categories[{position}] (id {}, {})", class.id, class.name);
        if let Some(other) = ids.get(&class.id) {
            let problem = format!("{entry}: the id is also that of {other}, which is taken");
            findings.push(Finding::new(Kind::Id, json, problem));
            continue;
        }
        if let Some(other) = names.insert(class.name.clone(), class.id) {
            let problem = format!("{entry}: the name is also that of the class {other}");
            findings.push(Finding::new(Kind::Classes, json, problem));
        }
        ids.insert(class.id, class.name.clone());
        kept.push(class);
    }
    // Ids are unique now.
    Categories::new(kept).unwrap_or_default()
}

/// What is different between the first table and later ones of its form.
pub(super) fn differences(first: &[Table], later: &[Table]) -> Vec<Finding> {
    let of_form = |table: &Table| first.iter().find(|one| one.form == table.form);
    later.iter().filter_map(|table| difference(of_form(table)?, table)).collect()
}

fn difference(one: &Table, other: &Table) -> Option<Finding> {
    let shown = |table: &Table, id: u32| match table.categories.get(id) {
        Some(class) => format!("{} ({})", class.name, if class.isthing { "a thing" } else { "stuff" }),
        None => "missing".into(),
    };
    let ids: BTreeSet<u32> =
        [one, other].into_iter().flat_map(|t| t.categories.iter().map(|c| c.id)).collect();
    let differing: Vec<u32> = ids.into_iter().filter(|&id| shown(one, id) != shown(other, id)).collect();
    let first = *differing.first()?;
    let problem = format!(
        "{} of its classes are not those of {}: id {first} is {} here and {} there",
        differing.len(),
        one.json.display(),
        shown(other, first),
        shown(one, first)
    );
    Some(Finding::new(Kind::Classes, &other.json, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str) -> Vec<Category> {
        serde_json::from_str(text).expect("classes")
    }

    #[test]
    fn ids_and_names_that_occur_twice_are_found() {
        let mut found = Vec::new();
        let text = r#"[{"id": 7, "name": "road"}, {"id": 7, "name": "car"}, {"id": 9, "name": "road"}]"#;
        let kept = checked(Path::new("a.json"), classes(text), &mut found);
        assert_eq!(kept.iter().map(|class| class.id).collect::<Vec<_>>(), [7, 9]);
        let problems: Vec<_> = found.iter().map(|finding| (finding.kind, finding.problem.as_str())).collect();
        assert_eq!(
            problems,
            [
                (Kind::Id, "categories[1] (id 7, car): the id is also that of road, which is taken"),
                (Kind::Classes, "categories[2] (id 9, road): the name is also that of the class 7"),
            ]
        );
    }

    #[test]
    fn tables_of_one_form_are_compared() {
        let table = |form, json: &str, text: &str| Table {
            form,
            json: json.into(),
            categories: Categories::new(classes(text)).expect("unique ids"),
        };
        let train = table("panoptic", "train.json", r#"[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]"#);
        let val = table(
            "panoptic",
            "val.json",
            r#"[{"id": 1, "name": "a"}, {"id": 2, "name": "b", "isthing": 0}]"#,
        );
        let objects = table("instances", "objects.json", r#"[{"id": 1, "name": "a"}]"#);
        assert_eq!(differences(std::slice::from_ref(&train), &[train.clone(), objects]), []);
        let found = differences(&[train], &[val]);
        let expected =
            "1 of its classes are not those of train.json: id 2 is b (stuff) here and b (a thing) there";
        assert_eq!(found.iter().map(|finding| finding.problem.as_str()).collect::<Vec<_>>(), [expected]);
    }
}

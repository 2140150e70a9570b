//! What one should look at before training.

use std::collections::BTreeSet;

use super::Split;
use crate::page::number::{count, counted};
use crate::page::{Html, part};

/// The most entries of a list.
const LISTED: usize = 50;

/// Segments of fewer pixels are lost at output stride 4.
pub const TINY: u64 = 16;

/// Every doubt about the splits as a box.
pub fn all(splits: &[Split], queries: usize) -> Html {
    let mut boxes = unreadable(splits);
    boxes.push(unknown(splits));
    boxes.push(differing(splits));
    boxes.push(absent(splits));
    boxes.push(crowded(splits, queries));
    boxes
}

/// The first entries of a list, and how many more there are.
pub fn bounded(entries: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = entries.len().saturating_sub(LISTED);
    let mut listed: Vec<String> = entries.take(LISTED).map(|entry| part::shortened(&entry)).collect();
    if more > 0 {
        listed.push(format!("and {} more", count(more as u64)));
    }
    listed
}

/// The same in one line.
pub fn joined(entries: Vec<String>) -> String {
    bounded(entries.into_iter()).join(", ")
}

fn unreadable(splits: &[Split]) -> Html {
    let mut reasons = Vec::new();
    for split in splits {
        let labels =
            split.labels.iter().enumerate().filter_map(|(at, labels)| Some((at, labels.as_ref().err()?)));
        let images = split.samples.failed.iter().map(|(at, error)| (*at, error));
        for (at, error) in labels.chain(images) {
            let id = split.dataset.id(at).map_or(format!("place {at}"), |id| id.to_string());
            reasons.push(format!("{}, image {id}: {error}", split.name));
        }
    }
    if reasons.is_empty() {
        return Html::new();
    }
    let headline = format!("{} cannot be read", counted(reasons.len() as u64, "image"));
    part::warning(&headline, &bounded(reasons.into_iter()))
}

fn unknown(splits: &[Split]) -> Html {
    let mut found = Vec::new();
    for split in splits {
        for (id, facts) in &split.statistics.classes {
            if split.dataset.categories().get(*id).is_none() {
                found.push(format!(
                    "{}: class {id}, {}",
                    split.name,
                    counted(facts.areas.len() as u64, "segment")
                ));
            }
        }
    }
    if found.is_empty() {
        return Html::new();
    }
    part::warning("Segments of classes that are not in the list of classes", &bounded(found.into_iter()))
}

/// Classes that one split lists and another does not.
fn differing(splits: &[Split]) -> Html {
    let names = |split: &Split| -> BTreeSet<String> {
        split.dataset.categories().iter().map(|category| category.name.clone()).collect()
    };
    let mut lacking = Vec::new();
    for split in splits {
        let here = names(split);
        let elsewhere: BTreeSet<String> = splits.iter().flat_map(names).collect();
        let lacks: Vec<String> = elsewhere.difference(&here).cloned().collect();
        if !lacks.is_empty() {
            lacking.push(format!("{} has no {}", split.name, joined(lacks)));
        }
    }
    if lacking.is_empty() {
        return Html::new();
    }
    part::warning("The splits do not list the same classes", &lacking)
}

/// Classes that are listed and never occur.
fn absent(splits: &[Split]) -> Html {
    let mut lines = Vec::new();
    for split in splits.iter().filter(|split| split.statistics.images > 0) {
        let never =
            split.dataset.categories().iter().filter(|c| !split.statistics.classes.contains_key(&c.id));
        let never: Vec<String> = never.map(|category| category.name.clone()).collect();
        if !never.is_empty() {
            let number = counted(never.len() as u64, "class").replace("classs", "classes");
            lines.push(format!("{}: {number}: {}", split.name, joined(never)));
        }
    }
    if lines.is_empty() {
        return Html::new();
    }
    part::warning("Classes that no image has", &lines)
}

fn crowded(splits: &[Split], queries: usize) -> Html {
    let mut lines = Vec::new();
    for split in splits {
        let more = split.statistics.per_image.iter().filter(|&&number| number > queries as u64).count();
        if more > 0 {
            let most = split.statistics.per_image.iter().max().copied().unwrap_or(0);
            lines.push(format!("{}: {}, {} in one", split.name, counted(more as u64, "image"), count(most)));
        }
    }
    if lines.is_empty() {
        return Html::new();
    }
    part::warning(&format!("More segments than {queries} queries: no more can be found in an image"), &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_end() {
        assert_eq!(bounded((0..3).map(|n| n.to_string())), ["0", "1", "2"]);
        let long = bounded((0..1234).map(|n| n.to_string()));
        assert_eq!((long.len(), long[50].as_str()), (51, "and 1,184 more"));
    }
}

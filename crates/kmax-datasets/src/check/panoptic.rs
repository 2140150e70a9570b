//! Checking a folder in COCO's panoptic form.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use kmax_masks::Categories;

use super::{CheckReport, Finding, Kind, photo, sizes};
use crate::coco::{Annotation, ImageEntry, ImageId, PanopticFile, check_name};
use crate::evaluate::{Watch, each};
use crate::{json, png};

/// Checks a json in COCO's panoptic form with its PNGs and, where their folder is given, its photos.
pub fn panoptic(file: &Path, pngs: &Path, photos: Option<&Path>, watch: &dyn Watch) -> CheckReport {
    let content: PanopticFile = match json::read(file) {
        Ok(content) => content,
        Err(error) => return CheckReport::broken(file, &error),
    };
    let mut findings = Vec::new();
    let note = |kind, problem: String| Finding::new(kind, file, problem);
    let categories = Categories::new(content.categories).unwrap_or_else(|error| {
        findings.push(note(Kind::Id, format!("categories: {error}")));
        Categories::default()
    });
    // A prediction has annotations only; what it does not have cannot be contradicted.
    let is_prediction = categories.is_empty() && content.images.is_empty();
    if categories.is_empty() && !is_prediction {
        findings.push(note(Kind::Label, "categories: the list is missing or empty".into()));
    }
    let images = self::images(file, &content.images, &mut findings);
    let mut annotated = HashSet::new();
    for (position, annotation) in content.annotations.iter().enumerate() {
        let entry = format!("annotations[{position}] (image {})", annotation.image_id);
        if !is_prediction && !images.contains_key(&annotation.image_id) {
            findings.push(note(Kind::Id, format!("{entry}: the image is not listed in `images`")));
        }
        if !annotated.insert(&annotation.image_id) {
            findings.push(note(Kind::Id, format!("{entry}: the image has two annotations")));
        }
        segments(file, &entry, annotation, (!is_prediction).then_some(&categories), &mut findings);
    }
    let found = each(&content.annotations, watch, |_, annotation| {
        let mut found = Vec::new();
        let image = images.get(&annotation.image_id).copied();
        maps(annotation, image, pngs, !is_prediction, &mut found);
        if let (Some(folder), Some(image)) = (photos, image)
            && check_name(&image.file_name).is_ok()
        {
            let size = (image.width as usize, image.height as usize);
            photo(&folder.join(&image.file_name), size, &mut found);
        }
        Ok(found)
    });
    // Nothing above fails: what is wrong is a finding.
    findings.extend(found.unwrap_or_default().into_iter().flatten());
    let count = content.annotations.len();
    CheckReport { images: count, photos: if photos.is_some() { count } else { 0 }, findings }
}

/// The images by id, with what is wrong with them.
pub(super) fn images<'a>(
    file: &Path,
    images: &'a [ImageEntry],
    findings: &mut Vec<Finding>,
) -> HashMap<&'a ImageId, &'a ImageEntry> {
    let mut by_id = HashMap::with_capacity(images.len());
    for (position, image) in images.iter().enumerate() {
        let mut note = |kind, problem: &str| {
            let problem = format!("images[{position}] (id {}): {problem}", image.id);
            findings.push(Finding::new(kind, file, problem));
        };
        if let Err(reason) = image.check_size() {
            note(Kind::Size, &reason);
        }
        if let Err(reason) = check_name(&image.file_name) {
            note(Kind::MissingFile, &reason);
        }
        if by_id.insert(&image.id, image).is_some() {
            note(Kind::Id, "the id occurs twice");
        }
    }
    by_id
}

fn segments(
    file: &Path,
    entry: &str,
    annotation: &Annotation,
    categories: Option<&Categories>,
    found: &mut Vec<Finding>,
) {
    let mut ids = HashSet::new();
    for (position, segment) in annotation.segments_info.iter().enumerate() {
        let mut note = |kind, problem: String| {
            let problem = format!("{entry}: segments_info[{position}] (id {}): {problem}", segment.id);
            found.push(Finding::new(kind, file, problem));
        };
        if segment.id == 0 || segment.id >= 1 << 24 {
            note(Kind::Id, "an id lies between 1 and 16777215".into());
        }
        if !ids.insert(segment.id) {
            note(Kind::Id, "the id occurs twice".into());
        }
        if categories.is_some_and(|known| known.get(segment.category_id).is_none()) {
            note(Kind::Label, format!("unknown category {}", segment.category_id));
        }
    }
}

/// Compares the PNG with its entry.
fn maps(
    annotation: &Annotation,
    image: Option<&ImageEntry>,
    pngs: &Path,
    wants_area: bool,
    found: &mut Vec<Finding>,
) {
    let file = pngs.join(&annotation.file_name);
    if let Err(reason) = check_name(&annotation.file_name) {
        found.push(Finding::new(Kind::MissingFile, pngs, reason));
        return;
    }
    let map = match png::read_panoptic(&file) {
        Ok(map) => map,
        Err(error) => return found.push(Finding::unread(&file, &error)),
    };
    if let Some(image) = image {
        let expected = (image.width as usize, image.height as usize);
        sizes(&file, (map.width(), map.height()), expected, "the json says", found);
    }
    let extents: HashMap<u32, u64> =
        map.extents().into_iter().map(|(id, extent)| (id, extent.area)).collect();
    let listed: HashSet<u32> = annotation.segments_info.iter().map(|segment| segment.id).collect();
    let mut lost: Vec<_> = extents.iter().filter(|(id, _)| **id != 0 && !listed.contains(id)).collect();
    lost.sort_unstable();
    for (id, area) in lost {
        let problem = format!("{area} pixels have the id {id}, which the json does not list");
        found.push(Finding::new(Kind::PngOnly, &file, problem));
    }
    for segment in &annotation.segments_info {
        match (extents.get(&segment.id), segment.area) {
            (None, _) => {
                let problem = format!("no pixel has the id {}, which the json lists", segment.id);
                found.push(Finding::new(Kind::JsonOnly, &file, problem));
            }
            (Some(&pixels), Some(area)) if pixels != area => {
                let problem =
                    format!("segment {}: the json says {area} pixels, the PNG has {pixels}", segment.id);
                found.push(Finding::new(Kind::Area, &file, problem));
            }
            (Some(_), None) if wants_area => {
                let problem = format!("segment {}: the json has no area", segment.id);
                found.push(Finding::new(Kind::Area, &file, problem));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::LabelMap;

    fn check(json: &str, ids: &[u32]) -> Vec<(Kind, String)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("p.json"), json).expect("written");
        let map = LabelMap::new(3, 2, ids.to_vec()).expect("3 x 2");
        png::write_panoptic(&folder.path().join("a.png"), &map).expect("written");
        let report = panoptic(&folder.path().join("p.json"), folder.path(), Some(folder.path()), &());
        report.findings.into_iter().map(|finding| (finding.kind, finding.problem)).collect()
    }

    const GOOD: &str = r#"{
        "images": [{"id": 4, "file_name": "a.png", "width": 3, "height": 2}],
        "annotations": [{"image_id": 4, "file_name": "a.png", "segments_info": [
            {"id": 1, "category_id": 7, "area": 4}, {"id": 2, "category_id": 9, "area": 1}]}],
        "categories": [{"id": 7, "name": "road", "isthing": 0}, {"id": 9, "name": "car", "isthing": 1}]}"#;

    #[test]
    fn a_prediction_is_held_against_its_pngs_only() {
        let bare = r#"{"annotations": [{"image_id": 4, "file_name": "a.png", "segments_info": [
            {"id": 1, "category_id": 7}, {"id": 2, "category_id": 9}]}]}"#;
        assert_eq!(check(bare, &[1, 1, 1, 1, 2, 0]), []);
        assert_eq!(check(bare, &[1, 1, 1, 1, 3, 0]).len(), 2);
    }

    #[test]
    fn each_kind_of_mistake_is_found() {
        let ids = [1, 1, 1, 1, 2, 0];
        assert_eq!(check(GOOD, &ids), []);
        let cases = [
            ("\"width\": 3", "\"width\": 2", Kind::Size, "3 x 2 pixels, but the json says 2 x 2"),
            ("\"category_id\": 9", "\"category_id\": 8", Kind::Label, "unknown category 8"),
            ("\"id\": 2", "\"id\": 1", Kind::Id, "the id occurs twice"),
            ("\"id\": 2", "\"id\": 3", Kind::PngOnly, "1 pixels have the id 2"),
            ("\"id\": 2", "\"id\": 3", Kind::JsonOnly, "no pixel has the id 3"),
            ("\"area\": 4", "\"area\": 5", Kind::Area, "the json says 5 pixels, the PNG has 4"),
            (
                "\"image_id\": 4, \"file_name\": \"a",
                "\"image_id\": 4, \"file_name\": \"b",
                Kind::MissingFile,
                "",
            ),
            ("\"id\": 4, \"file_name\": \"a", "\"id\": 4, \"file_name\": \"b", Kind::MissingFile, ""),
            ("\"image_id\": 4", "\"image_id\": 5", Kind::Id, "not listed"),
            ("\"isthing\": 1}]}", "", Kind::Damaged, "EOF"),
        ];
        for (from, to, kind, problem) in cases {
            let found = check(&GOOD.replace(from, to), &ids);
            let wanted = |(k, text): &(Kind, String)| *k == kind && text.contains(problem);
            assert!(found.iter().any(wanted), "{to}: {found:?}");
        }
    }
}

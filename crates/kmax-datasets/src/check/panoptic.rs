//! Checking a folder in COCO's panoptic form.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use kmax_base::Progress;
use kmax_masks::{Categories, ImageId};

use super::{CheckReport, Finding, Kind, image, images_folder, sizes};
use crate::coco::{Annotation, ImageEntry, PanopticFile, not_listed};
use crate::each::each;
use crate::error::Result;
use crate::names::{Folder, check_name};
use crate::{json, png};

/// Checks a json in COCO's panoptic form with its PNGs and its images, which lie in the folder given or in one of the
/// [usual ones](crate::layout::images_folder).
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled) only: what is wrong is a finding.
pub fn panoptic(
    file: &Path,
    pngs: &Path,
    images: Option<&Path>,
    progress: &dyn Progress,
) -> Result<CheckReport> {
    let content: PanopticFile = match json::read(file) {
        Ok(content) => content,
        Err(error) => return Ok(CheckReport::broken(file, &error)),
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
    let folder = images_folder(file, images, &content.images, &mut findings);
    let by_id = by_id(file, &content.images, &mut findings);
    let pngs = Folder::new(pngs);
    let mut annotated = HashSet::new();
    for (position, annotation) in content.annotations.iter().enumerate() {
        let entry = format!("annotations[{position}] (image {})", annotation.image_id);
        if !is_prediction && !by_id.contains_key(&annotation.image_id) {
            let reason = not_listed(&annotation.image_id, |id| by_id.contains_key(id), "`images`");
            findings.push(note(Kind::Id, format!("{entry}: {reason}")));
        }
        if !annotated.insert(&annotation.image_id) {
            findings.push(note(Kind::Id, format!("{entry}: the image has two annotations")));
        }
        segments(file, &entry, annotation, (!is_prediction).then_some(&categories), &mut findings);
    }
    let found = each(&content.annotations, progress, |_, annotation| {
        let mut found = Vec::new();
        let entry = by_id.get(&annotation.image_id).copied();
        maps(annotation, entry, &pngs, !is_prediction, &mut found);
        let Some((folder, entry)) = folder.as_ref().zip(entry) else { return Ok((found, 0)) };
        if check_name(&entry.file_name).is_err() {
            return Ok((found, 0));
        }
        let size = (entry.width as usize, entry.height as usize);
        image(&folder.file(&entry.file_name), size, &mut found);
        Ok((found, 1))
    })?;
    let mut report = CheckReport { images: content.annotations.len(), images_read: 0, findings };
    for (found, read) in found {
        report.findings.extend(found);
        report.images_read += read;
    }
    Ok(report)
}

/// The images by id, with what is wrong with them.
pub(super) fn by_id<'a>(
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
    pngs: &Folder,
    wants_area: bool,
    found: &mut Vec<Finding>,
) {
    if let Err(reason) = check_name(&annotation.file_name) {
        found.push(Finding::new(Kind::MissingFile, pngs.path(), reason));
        return;
    }
    let file = pngs.file(&annotation.file_name);
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
    use crate::files;
    use kmax_masks::{LabelMap, codec};

    fn check(json: &str, ids: &[u32]) -> Vec<(Kind, String)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("p.json"), json).expect("written");
        let map = LabelMap::new(3, 2, ids.to_vec()).expect("3 x 2");
        png::write_panoptic(&folder.path().join("a.png"), &map).expect("written");
        let report = panoptic(&folder.path().join("p.json"), folder.path(), Some(folder.path()), &())
            .expect("checked");
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
    fn every_image_is_looked_at() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, bytes: &[u8]| {
            let file = folder.path().join(name);
            files::create_folder(file.parent().expect("a folder"))?;
            files::write(&file, bytes)
        };
        let two = |first: &str, second: &str| {
            let image = |id: u32, name: &str| {
                format!(r#"{{"id": {id}, "file_name": "{name}", "width": 1, "height": 1}}"#)
            };
            let annotation =
                |id: u32| format!(r#"{{"image_id": {id}, "file_name": "1.png", "segments_info": []}}"#);
            let (images, annotations) =
                ([image(1, first), image(2, second)].join(","), [annotation(1), annotation(2)].join(","));
            let categories = r#"{"id": 1, "name": "a", "isthing": 1}"#;
            format!(
                r#"{{"images": [{images}], "annotations": [{annotations}], "categories": [{categories}]}}"#
            )
        };
        let check = |json: &str| {
            write("panoptic_val.json", json.as_bytes())?;
            let report =
                panoptic(&folder.path().join("panoptic_val.json"), &folder.path().join("pngs"), None, &())?;
            let found = report.findings.iter().map(|finding| (finding.kind, finding.problem.clone()));
            Ok::<_, crate::Error>((report.images_read, found.collect::<Vec<_>>()))
        };
        let blank = codec::encode_panoptic(&LabelMap::filled(1, 1, 0).expect("a pixel")).expect("encoded");
        write("pngs/1.png", &blank)?;
        // None is there.
        let (read, found) = check(&two("a.png", "b.png"))?;
        assert_eq!((read, found.len(), found[0].0), (0, 1, Kind::MissingFile));
        assert!(found[0].1.contains("none of the 2 images (a.png ... b.png)"), "{found:?}");
        // The second is there: the first is missing.
        write("val/City/b.png", &blank)?;
        let (read, found) = check(&two("a.png", "City\\\\B.png"))?;
        assert_eq!((read, found.len(), found[0].0), (2, 1, Kind::MissingFile), "{found:?}");
        write("val/a.png", &blank)?;
        assert_eq!(check(&two("a.png", "City\\\\B.png"))?, (2, Vec::new()));
        let marked = [&[0xef, 0xbb, 0xbf], two("a.png", "City/b.png").as_bytes()].concat();
        write("panoptic_val.json", &marked)?;
        let json = folder.path().join("panoptic_val.json");
        assert_eq!(panoptic(&json, &folder.path().join("pngs"), None, &())?.findings, []);
        Ok(())
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
            (", \"isthing\": 0", "", Kind::Damaged, "`isthing` is missing"),
            ("\"image_id\": 4", "\"image_id\": \"4\"", Kind::Id, "a string here and a number in `images`"),
        ];
        for (from, to, kind, problem) in cases {
            let found = check(&GOOD.replace(from, to), &ids);
            let wanted = |(k, text): &(Kind, String)| *k == kind && text.contains(problem);
            assert!(found.iter().any(wanted), "{to}: {found:?}");
        }
    }
}

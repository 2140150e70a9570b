//! Checking COCO's instance annotations.

use std::collections::HashSet;
use std::path::Path;

use kmax_base::Progress;
use kmax_masks::Categories;

use super::panoptic::by_id;
use super::{CheckReport, Finding, Kind, image, images_folder};
use crate::coco::{InstanceEntry, InstancesFile, Segmentation, not_listed};
use crate::each::each;
use crate::error::Result;
use crate::json;
use crate::names::check_name;

/// Checks a json of instance annotations and its images, which lie in the folder given or in one of the
/// [usual ones](crate::layout::images_folder).
///
/// The area of runs must be that of their pixels; that of polygons is the writer's and may differ by a fifth.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled) only: what is wrong is a finding.
pub fn instances(file: &Path, images: Option<&Path>, progress: &dyn Progress) -> Result<CheckReport> {
    let content: InstancesFile = match json::read(file) {
        Ok(content) => content,
        Err(error) => return Ok(CheckReport::broken(file, &error)),
    };
    let mut findings = Vec::new();
    let categories = Categories::new(content.categories).unwrap_or_else(|error| {
        findings.push(Finding::new(Kind::Id, file, format!("categories: {error}")));
        Categories::default()
    });
    let folder = images_folder(file, images, &content.images, &mut findings);
    let by_id = by_id(file, &content.images, &mut findings);
    let mut ids = HashSet::new();
    for (position, annotation) in content.annotations.iter().enumerate() {
        let mut note = |kind, problem: String| {
            let problem = format!("{}: {problem}", entry(position, annotation));
            findings.push(Finding::new(kind, file, problem));
        };
        if !ids.insert(annotation.id) {
            note(Kind::Id, "the id occurs twice".into());
        }
        if !by_id.contains_key(&annotation.image_id) {
            let id = &annotation.image_id;
            let reason = not_listed(id, |id| by_id.contains_key(id), "`images`");
            note(Kind::Id, format!("image {id}: {reason}"));
        }
        if categories.get(annotation.category_id).is_none() {
            note(Kind::Label, format!("unknown category {}", annotation.category_id));
        }
    }
    let numbered: Vec<(usize, &InstanceEntry)> = content.annotations.iter().enumerate().collect();
    let masks = each(&numbered, &(), |_, &(position, annotation)| {
        let Some(image) = by_id.get(&annotation.image_id) else { return Ok(None) };
        let size = (image.width as usize, image.height as usize);
        let problem = mask(annotation, size).map(|(kind, problem)| {
            Finding::new(kind, file, format!("{}: {problem}", entry(position, annotation)))
        });
        Ok(problem)
    })?;
    findings.extend(masks.into_iter().flatten());
    let looked_at = each(&content.images, progress, |_, entry| {
        let mut found = Vec::new();
        if let Some(folder) = folder.as_ref().filter(|_| check_name(&entry.file_name).is_ok()) {
            let size = (entry.width as usize, entry.height as usize);
            image(&folder.file(&entry.file_name), size, &mut found);
        }
        Ok(found)
    })?;
    findings.extend(looked_at.into_iter().flatten());
    let images = content.images.len();
    Ok(CheckReport { images, images_read: if folder.is_some() { images } else { 0 }, findings })
}

fn entry(position: usize, annotation: &InstanceEntry) -> String {
    format!("annotations[{position}] (id {})", annotation.id)
}

fn mask(annotation: &InstanceEntry, (width, height): (usize, usize)) -> Option<(Kind, String)> {
    let pixels = match annotation.segmentation.mask(width, height) {
        Ok(mask) => mask.area() as f64,
        Err(error) => return Some((Kind::Mask, error.to_string())),
    };
    let slack = match annotation.segmentation {
        Segmentation::Rle(_) => 0.5,
        Segmentation::Polygons(_) => 20.0 + 0.2 * pixels,
    };
    // Not a number is no area either.
    let close = (annotation.area - pixels).abs() <= slack;
    (!close).then(|| (Kind::Area, format!("the area is {}, the mask has {pixels} pixels", annotation.area)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_mistake_is_found() {
        let good = r#"{"images": [{"id": 4, "file_name": "a.jpg", "width": 4, "height": 3}],
            "annotations": [{"id": 1, "image_id": 4, "category_id": 7, "area": 2,
                "segmentation": {"size": [3, 4], "counts": [3, 2, 7]}}],
            "categories": [{"id": 7, "name": "shirt"}]}"#;
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let check = |text: &str, images: &Path| {
            std::fs::write(file.path(), text).expect("written");
            instances(file.path(), Some(images), &()).expect("checked").findings
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(check(good, folder.path())[0].kind, Kind::MissingFile);
        ::image::RgbImage::new(4, 3).save(folder.path().join("a.png")).expect("written");
        let good = &good.replace("a.jpg", "a.png");
        assert_eq!(check(good, folder.path()), []);
        for (from, to, kind) in [
            ("\"area\": 2", "\"area\": 3", Kind::Area),
            ("\"size\": [3, 4]", "\"size\": [4, 3]", Kind::Mask),
            ("\"category_id\": 7", "\"category_id\": 8", Kind::Label),
            ("\"image_id\": 4", "\"image_id\": 5", Kind::Id),
            ("[3, 2, 7]", "[3, 2, 8]", Kind::Damaged),
        ] {
            let found = check(&good.replace(from, to), folder.path());
            assert!(found.len() == 1 && found[0].kind == kind, "{to}: {found:?}");
        }
    }
}

//! Checking COCO's instance annotations.

use std::collections::HashSet;
use std::path::Path;

use super::classes::{self, Table};
use super::panoptic::by_id;
use super::{CheckReport, Finding, Kind, images_folder, photos};
use crate::coco::{InstanceEntry, InstancesFile, Listed};
use crate::each::each;
use crate::error::Result;
use crate::json;
use kmax_base::Progress;

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
    let categories = classes::checked(file, content.categories, &mut findings);
    let folder = images_folder(file, images, None, &content.images, &mut findings);
    let by_id = by_id(file, &content.images, &mut findings);
    let listed = Listed::new(content.images.iter().map(|image| &image.id), "`images`");
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
            note(Kind::Id, format!("image {id}: {}", listed.lack(id)));
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
    let (images_read, found) = photos(file, folder.as_ref(), &content.images, progress)?;
    findings.extend(found);
    let tables = vec![Table { form: "instances", json: file.into(), categories }];
    Ok(CheckReport { images: content.images.len(), images_read, findings, tables })
}

fn entry(position: usize, annotation: &InstanceEntry) -> String {
    format!("annotations[{position}] (id {})", annotation.id)
}

fn mask(annotation: &InstanceEntry, (width, height): (usize, usize)) -> Option<(Kind, String)> {
    let pixels = match annotation.segmentation.mask(width, height) {
        Ok(mask) => mask.area() as f64,
        Err(error) => return Some((Kind::Mask, error.to_string())),
    };
    let Some(area) = annotation.area else {
        return Some((Kind::Area, format!("`area` is missing, or no number; the mask has {pixels} pixels")));
    };
    let fits = annotation.segmentation.area_fits(area, pixels);
    (!fits).then(|| (Kind::Area, format!("the area is {area}, the mask has {pixels} pixels")))
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
            ("\"area\": 2,", "", Kind::Area),
            ("\"area\": 2", "\"area\": \"two\"", Kind::Area),
            ("\"image_id\": 4", "\"image_id\": \"4\"", Kind::Id),
            ("\"name\": \"shirt\"}", "\"name\": \"shirt\"}, {\"id\": 8, \"name\": \"shirt\"}", Kind::Classes),
            ("\"name\": \"shirt\"}", "\"name\": \"shirt\"}, {\"id\": 7, \"name\": \"shoe\"}", Kind::Id),
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

//! Checking a folder in COCO's panoptic form.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use kmax_base::Progress;
use kmax_masks::{Categories, Category, ImageId};
use kmax_transforms::read_image;

use super::classes::{self, Table};
use super::{CheckReport, Finding, Kind, images_folder, photos, sizes};
use crate::coco::{Annotation, ImageEntry, Listed, PanopticContent};
use crate::each::each;
use crate::error::{Error, Result};
use crate::names::{Folder, check_name};
use crate::things::Things;
use crate::turned::turned;
use crate::{json, png};

/// Checks a json in COCO's panoptic form with its PNGs and its images, which lie in the folder given or in one of the
/// [usual ones](crate::layout::images_folder). `things` says which classes are things, where the json does not.
///
/// # Errors
/// [`Error::Cancelled`], and [`Error::Setting`] if `things` has a name of no class: what is wrong with the files is a finding.
pub fn panoptic(
    file: &Path,
    pngs: &Path,
    images: Option<&Path>,
    things: &Things,
    progress: &dyn Progress,
) -> Result<CheckReport> {
    let content: PanopticContent = match json::read(file) {
        Ok(content) => content,
        Err(error) => return Ok(CheckReport::broken(file, &error)),
    };
    let mut findings = Vec::new();
    let note = |kind, problem: String| Finding::new(kind, file, problem);
    // A prediction has annotations only; what it does not have cannot be contradicted.
    let is_prediction = content.categories.is_empty() && content.images.is_empty();
    let things = if is_prediction { &Things::default() } else { things };
    let decided = match things.decide(file, content.categories.clone()) {
        Err(error @ Error::Setting { .. }) => return Err(error),
        Err(error) => {
            findings.push(Finding { kind: Kind::Label, ..Finding::unread(file, &error) });
            // The rest is looked at all the same.
            content.categories.into_iter().map(Category::from).collect()
        }
        Ok(decided) => decided,
    };
    let categories = classes::checked(file, decided, &mut findings);
    if categories.is_empty() && !is_prediction {
        findings.push(note(Kind::Label, "categories: the list is missing or empty".into()));
    }
    let folder = images_folder(file, images, Some(pngs), &content.images, &mut findings);
    let by_id = by_id(file, &content.images, &mut findings);
    let names = content.annotations.iter().map(|annotation| annotation.file_name.as_str());
    let pngs = Folder::of(pngs, names);
    let listed = Listed::new(content.images.iter().map(|image| &image.id), "`images`");
    let mut annotated = HashSet::new();
    for (position, annotation) in content.annotations.iter().enumerate() {
        let entry = format!("annotations[{position}] (image {})", annotation.image_id);
        if !is_prediction && !by_id.contains_key(&annotation.image_id) {
            findings.push(note(Kind::Id, format!("{entry}: {}", listed.lack(&annotation.image_id))));
        }
        if !annotated.insert(&annotation.image_id) {
            findings.push(note(Kind::Id, format!("{entry}: the image has two annotations")));
        }
        segments(file, &entry, annotation, (!is_prediction).then_some(&categories), &mut findings);
    }
    findings.extend(unlabelled(file, &content.images, &annotated));
    let found = each(&content.annotations, progress, |_, annotation| {
        let mut found = Vec::new();
        let entry = by_id.get(&annotation.image_id).copied();
        maps(annotation, entry, &pngs, folder.as_ref(), !is_prediction, &mut found);
        Ok(found)
    })?;
    findings.extend(found.into_iter().flatten());
    let (images_read, found) = photos(file, folder.as_ref(), &content.images, progress)?;
    findings.extend(found);
    let tables = if is_prediction {
        Vec::new()
    } else {
        vec![Table { form: "panoptic", json: file.into(), categories }]
    };
    Ok(CheckReport { images: content.annotations.len(), images_read, findings, tables })
}

/// Images without an annotation, which training and evaluation leave out.
fn unlabelled(file: &Path, images: &[ImageEntry], annotated: &HashSet<&ImageId>) -> Option<Finding> {
    let without: Vec<&ImageEntry> = images.iter().filter(|image| !annotated.contains(&image.id)).collect();
    let first = without.first()?;
    let (count, all) = (without.len(), images.len());
    let problem = format!(
        "{count} of {all} images have no annotation; the first is {} ({})",
        first.id, first.file_name
    );
    Some(Finding::new(Kind::Unlabelled, file, problem))
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
        match by_id.entry(&image.id) {
            Entry::Occupied(_) => note(Kind::Id, "the id occurs twice; the first is taken"),
            Entry::Vacant(place) => {
                place.insert(image);
            }
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

/// What is wrong with labels of another size than the json's, if they are those of the photo before EXIF turned it.
fn unturned(photo: &Path, image: &ImageEntry, labels: (usize, usize)) -> Option<String> {
    let shown = read_image(photo).ok()?.dimensions();
    let as_the_json = shown == (image.width, image.height);
    as_the_json.then(|| turned(photo, shown, (labels.0 as u32, labels.1 as u32)))?
}

/// Compares the PNG with its entry.
fn maps(
    annotation: &Annotation,
    image: Option<&ImageEntry>,
    pngs: &Folder,
    photos: Option<&Folder>,
    wants_area: bool,
    found: &mut Vec<Finding>,
) {
    if let Err(reason) = check_name(&annotation.file_name) {
        found.push(Finding::new(Kind::MissingFile, pngs.path(), reason));
        return;
    }
    let file = match pngs.file(&annotation.file_name) {
        Ok(file) => file,
        Err(error) => return found.push(Finding::unread(pngs.path(), &error)),
    };
    let map = match png::read_panoptic_of(&file, &annotation.segment_ids()) {
        Ok(map) => map,
        Err(error) => return found.push(Finding::unread(&file, &error)),
    };
    if let Some(image) = image {
        let expected = (image.width as usize, image.height as usize);
        let size = (map.width(), map.height());
        let photo = photos.filter(|_| size != expected && check_name(&image.file_name).is_ok());
        let photo = photo.and_then(|folder| folder.existing(&image.file_name).ok().flatten());
        match photo.and_then(|photo| unturned(&photo, image, size)) {
            Some(problem) => found.push(Finding::new(Kind::Turned, &file, problem)),
            None => sizes(&file, size, expected, "the json says", found),
        }
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
                let problem =
                    format!("segment {}: the json has no area, or one that is no whole number", segment.id);
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
        let report = panoptic(
            &folder.path().join("p.json"),
            folder.path(),
            Some(folder.path()),
            &Things::default(),
            &(),
        )
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
            let report = panoptic(
                &folder.path().join("panoptic_val.json"),
                &folder.path().join("pngs"),
                None,
                &Things::default(),
                &(),
            )?;
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
        assert_eq!(panoptic(&json, &folder.path().join("pngs"), None, &Things::default(), &())?.findings, []);
        Ok(())
    }

    #[test]
    fn an_id_that_two_classes_have_hides_no_class() {
        let twice = GOOD.replace(
            "\"categories\": [",
            "\"categories\": [{\"id\": 9, \"name\": \"van\", \"isthing\": 1}, ",
        );
        let found = check(&twice, &[1, 1, 1, 1, 2, 0]);
        assert!(found.len() == 1 && found[0].1.contains("the id is also that of van"), "{found:?}");
    }

    #[test]
    fn labels_of_photos_that_exif_turns_are_a_finding_of_their_own() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Big-endian TIFF with one entry: tag 0x0112 (orientation), type short, count 1, value 6 (turn right).
        let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        let mut data = Vec::new();
        let mut encoder = ::image::codecs::jpeg::JpegEncoder::new(&mut data);
        ::image::ImageEncoder::set_exif_metadata(&mut encoder, exif).expect("JPEG holds EXIF");
        encoder.encode(&[90; 3 * 2 * 3], 3, 2, ::image::ExtendedColorType::Rgb8).expect("encoded");
        files::write(&folder.path().join("a.jpg"), &data)?;
        let map = LabelMap::new(3, 2, vec![1, 1, 1, 1, 2, 0]).expect("3 x 2");
        png::write_panoptic(&folder.path().join("a.png"), &map)?;
        let json = folder.path().join("p.json");
        let photo = GOOD.replacen("a.png", "a.jpg", 1);
        // Labels and json are those of the photo as it is stored; or the json is upright, and the labels are not.
        for (text, file) in [
            (photo.clone(), "a.jpg"),
            (photo.replace("\"width\": 3, \"height\": 2", "\"width\": 2, \"height\": 3"), "a.png"),
        ] {
            files::write(&json, text.as_bytes())?;
            let found =
                panoptic(&json, folder.path(), Some(folder.path()), &Things::default(), &())?.findings;
            assert!(
                found.len() == 1 && found[0].kind == Kind::Turned && found[0].file.ends_with(file),
                "{found:?}"
            );
            assert!(found[0].problem.contains("2 x 3 pixels as its EXIF orientation turns it"), "{found:?}");
        }
        let upright = files::write(&json, photo.as_bytes())
            .and_then(|()| crate::coco::CocoPanoptic::open(&json, folder.path(), folder.path()))?
            .sample(0)
            .expect_err("turned")
            .to_string();
        assert!(
            upright.contains("a.jpg: the photo is 2 x 3 pixels as its EXIF orientation turns it"),
            "{upright}"
        );
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
            (", \"isthing\": 0", "", Kind::Label, "`isthing` is missing: 1 for things"),
            (
                "\"image_id\": 4",
                "\"image_id\": \"4\"",
                Kind::Id,
                "a string here (\"4\") and a number in `images` (4)",
            ),
            (
                "{\"id\": 9, \"name\"",
                "{\"id\": 7, \"name\"",
                Kind::Id,
                "(id 7, car): the id is also that of road",
            ),
            ("\"car\"", "\"road\"", Kind::Classes, "the name is also that of the class 7"),
            (
                "\"images\": [",
                "\"images\": [{\"id\": 5, \"file_name\": \"b.png\", \"width\": 3, \"height\": 2}, ",
                Kind::Unlabelled,
                "1 of 2 images have no annotation; the first is 5 (b.png)",
            ),
            (
                "\"images\": [",
                "\"images\": [{\"id\": 5, \"file_name\": \"A.PNG\", \"width\": 3, \"height\": 2}, ",
                Kind::Id,
                "its file is also that of images[0]",
            ),
        ];
        for (from, to, kind, problem) in cases {
            let found = check(&GOOD.replace(from, to), &ids);
            let wanted = |(k, text): &(Kind, String)| *k == kind && text.contains(problem);
            assert!(found.iter().any(wanted), "{to}: {found:?}");
        }
    }
}

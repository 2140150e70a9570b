use std::path::Path;

use kmax_masks::{Categories, LabelMap, Panoptic};
use kmax_metrics::panoptic::{Convention, PanopticReport};
use proptest::prelude::*;

use super::*;
use crate::cityscapes::Cityscapes;
use crate::coco::{ImageEntry, PanopticWriter};
use crate::error::Error;
use crate::{files, png};

#[test]
fn a_digest_depends_on_names_and_bytes_but_not_on_the_order() {
    let of = |files: &[(&str, &[u8])]| {
        let mut all = DatasetDigest::default();
        files.iter().for_each(|(name, bytes)| all.add(*name, digest(bytes)));
        all.finish()
    };
    let first = of(&[("a", b"1"), ("b", b"2")]);
    assert_eq!(first, of(&[("b", b"2"), ("a", b"1")]));
    assert_ne!(first, of(&[("a", b"2"), ("b", b"1")]));
    assert_ne!(first, of(&[("a", b"1")]));
    assert!(first.starts_with("sha256:") && first.len() == 71);
}

fn map(width: usize, ids: &[u32]) -> LabelMap {
    LabelMap::new(width, ids.len() / width, ids.to_vec()).expect("whole rows")
}

/// Writes `NAME.json` and `NAME/` of images four pixels wide; id 1 is a person, 2 a car, the rest grass.
fn write<I: AsRef<[u32]>>(folder: &Path, name: &str, images: &[I]) -> Result<()> {
    let writer = PanopticWriter::create(folder.join(name))?;
    let (mut entries, mut annotations) = (Vec::new(), Vec::new());
    for (number, ids) in images.iter().enumerate() {
        let map = map(4, ids.as_ref());
        let (width, height) = (map.width() as u32, map.height() as u32);
        let entry =
            ImageEntry { id: (number as i64).into(), file_name: format!("{number}.jpg"), width, height };
        let panoptic = Panoptic::from_map(map, |id| ([193, 1, 3][id as usize % 3], false));
        annotations.push(writer.write(&entry, &panoptic)?);
        entries.push(entry);
    }
    writer.finish(entries, annotations, &Categories::coco_panoptic())
}

const TRUTH: [&[u32]; 2] = [&[1, 1, 2, 0, 1, 1, 2, 0], &[3, 3, 3, 3]];
const GUESS: [&[u32]; 2] = [&[1, 1, 2, 2, 1, 1, 2, 2], &[3, 3, 3, 0]];

#[test]
fn panoptic_folders_are_compared() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "gt.json", &TRUTH)?;
    write(folder.path(), "pred.json", &GUESS)?;
    let files = PanopticFiles::new(folder.path().join("gt.json"), folder.path().join("pred.json"));
    let report = panoptic(&files, Convention::Coco, &())?;
    assert_eq!((report.all.pq, report.all.n), (Some((1.0 + 1.0 + 0.75) / 3.0), 3));
    let digest = report.provenance.dataset_digest.clone();
    assert!(digest.is_some_and(|digest| digest.starts_with("sha256:")));
    // The digest is that of the ground truth, wherever it lies.
    let other = tempfile::tempdir().expect("a temporary folder");
    write(other.path(), "gt.json", &TRUTH)?;
    let truth = other.path().join("gt.json");
    let itself = panoptic(&PanopticFiles::new(&truth, &truth), Convention::Coco, &())?;
    assert_eq!(itself.provenance.dataset_digest, report.provenance.dataset_digest);
    Ok(())
}

#[test]
fn errors_are_told_by_kind_beside_the_same_numbers() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "gt.json", &TRUTH)?;
    // The car is taken for a person; the grass is found, and a person in it.
    write(folder.path(), "pred.json", &[&[4, 4, 1, 0, 4, 4, 1, 0][..], &[3, 3, 3, 1]])?;
    let files = PanopticFiles::new(folder.path().join("gt.json"), folder.path().join("pred.json"));
    let (plain, mut report) =
        (panoptic(&files, Convention::Coco, &())?, panoptic_with_errors(&files, Convention::Coco, &())?);
    assert!(plain.errors.is_none());
    let errors = report.errors.take().expect("asked for");
    assert_eq!(report, plain);
    assert_eq!(errors.pq, plain.all.pq);
    let found: Vec<_> = errors.kinds.iter().map(|kind| (kind.kind.name(), kind.fn_, kind.fp)).collect();
    assert_eq!(found[0], ("class", 1, 1));
    assert!(found.contains(&("background", 0, 1)), "{found:?}");
    Ok(())
}

/// What goes wrong after `change` of one file, as text.
fn failure(side: &str, change: impl FnOnce(&Path) -> Result<()>) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "gt.json", &TRUTH).expect("written");
    write(folder.path(), "pred.json", &GUESS).expect("written");
    change(&folder.path().join(side)).expect("changed");
    let files = PanopticFiles::new(folder.path().join("gt.json"), folder.path().join("pred.json"));
    panoptic(&files, Convention::Coco, &()).expect_err("malformed").to_string()
}

/// Replaces text in a json.
fn edit(from: &'static str, to: &'static str) -> impl FnOnce(&Path) -> Result<()> {
    move |file| {
        let text = String::from_utf8(files::read(file)?).expect("JSON is text");
        assert!(text.contains(from), "{from} is not in {text}");
        files::write(file, text.replacen(from, to, 1).as_bytes())
    }
}

#[test]
fn malformed_panoptic_json_is_named_by_file_and_entry() {
    let cases = [
        ("gt.json", "\"area\":4", "\"area\":-4", "annotations[0] (image 0): segment 1: `area` is missing"),
        ("gt.json", "\"area\":4", "\"area\":\"4\"", "annotations[0] (image 0): segment 1: `area` is missing"),
        (
            "gt.json",
            "\"area\":4,",
            "",
            "annotations[0] (image 0): segment 1: `area` is missing, or no whole number",
        ),
        (
            "gt.json",
            "\"category_id\":1,",
            "\"category_id\":12,",
            "segments_info[0] (id 1): unknown category 12",
        ),
        ("gt.json", "\"id\":2,\"category_id\"", "\"id\":1,\"category_id\"", "(id 1): the id occurs twice"),
        ("gt.json", "\"image_id\":1", "\"image_id\":0", "annotations[1] (image 0): the image has two"),
        ("gt.json", "\"width\":4", "\"width\":5", "4 x 2 pixels, but image 0"),
        (
            "pred.json",
            "\"category_id\":1,",
            "\"category_id\":12,",
            "segments_info[0] (id 1): unknown category 12",
        ),
        ("pred.json", "\"id\":2,\"category_id\"", "\"id\":1,\"category_id\"", "(id 1): the id occurs twice"),
        ("pred.json", "\"image_id\":1", "\"image_id\":0", "annotations[1] (image 0): the image has two"),
        ("pred.json", "\"image_id\":1", "\"image_id\":7", "image 1: there is no prediction"),
        ("pred.json", "\"image_id\":1", "\"image_id\":1.5", "annotations[1].image_id"),
        ("pred.json", "\"annotations\"", "\"annotation\"", "missing field `annotations`"),
        ("pred.json", "0.png", "../0.png", "annotations[0] (image 0): file_name \"../0.png\""),
    ];
    for (side, from, to, expected) in cases {
        let text = failure(side, edit(from, to));
        assert!(text.contains(expected) && text.contains(side), "{side} {to}: {text}");
    }
    for side in ["gt.json", "pred.json"] {
        let text = failure(side, |file| files::write(file, &files::read(file)?[..200]));
        assert!(text.contains("EOF") && text.contains(side), "{text}");
        assert!(failure(side, |file| std::fs::remove_file(file).map_err(Error::read(file))).contains(side));
    }
}

#[test]
fn malformed_panoptic_pngs_are_named_by_file_and_entry() {
    let png_of = |ids: &'static [u32]| move |file: &Path| png::write_panoptic(file, &map(4, ids));
    let text = failure("pred/0.png", png_of(&[1, 1, 2, 2]));
    assert!(text.contains("pred/0.png: image 0: sizes differ: 4 x 2 and 4 x 1"), "{text}");
    let text = failure("pred/0.png", png_of(&[1, 1, 1, 1, 1, 1, 1, 1]));
    assert!(text.contains("pred/0.png: image 0: predicted segment 2: it is listed, but"), "{text}");
    let text = failure("pred/0.png", png_of(&[1, 1, 2, 2, 1, 9, 9, 2]));
    assert!(text.contains("pred/0.png: image 0: predicted segment 9: pixels have its id, but"), "{text}");
    let text = failure("gt/0.png", png_of(&[1, 1, 2, 2]));
    assert!(text.contains("gt/0.png: 4 x 1 pixels, but image 0"), "{text}");
    for side in ["gt/0.png", "pred/0.png"] {
        let deep = |file: &Path| {
            let image = image::ImageBuffer::from_pixel(4, 2, image::Rgb([1u16, 0, 0]));
            image.save(file).map_err(|error| Error::file(file, error.to_string()))
        };
        let text = failure(side, deep);
        assert!(text.contains(side) && text.contains("Sixteen, expected 8-bit RGB"), "{text}");
        let text = failure(side, |file| png::write_labels(file, &map(4, &[1, 1, 3, 2, 1, 1, 2, 2])));
        assert!(
            text.contains(side) && text.contains("by its values the id 3 is not in segments_info"),
            "{text}"
        );
        let text = failure(side, |file| files::write(file, &files::read(file)?[..60]));
        assert!(text.contains(side), "{text}");
        assert!(failure(side, |file| std::fs::remove_file(file).map_err(Error::read(file))).contains(side));
    }
}

/// A report over ground truth and predictions of which one was changed.
fn changed(side: &str, change: impl FnOnce(&Path) -> Result<()>) -> PanopticReport {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "gt.json", &TRUTH).expect("written");
    write(folder.path(), "pred.json", &GUESS).expect("written");
    change(&folder.path().join(side)).expect("changed");
    let files = PanopticFiles::new(folder.path().join("gt.json"), folder.path().join("pred.json"));
    panoptic(&files, Convention::Coco, &()).expect("evaluated")
}

#[test]
fn numbers_that_contradict_themselves_are_told() {
    let report = changed("gt.json", |_| Ok(()));
    assert_eq!(report.provenance.warnings, [""; 0]);
    let table = report.table();
    assert!(
        table.contains("Ground truth:\n\tSegmentation folder: ")
            && table.contains("gt.json\nPrediction:\n\t"),
        "{table}"
    );
    let report = changed("gt.json", edit("\"area\":4", "\"area\":2"));
    let [ratio, area] = &report.provenance.warnings[..] else { panic!("{:?}", report.provenance.warnings) };
    assert!(ratio.contains("gt.json: image 0: class 1 ") && ratio.contains("above 1"), "{ratio}");
    assert!(
        area.contains("annotations[0] (image 0): segment 1: an area of 2, but its mask has 4 pixels"),
        "{area}"
    );
    let report = changed("pred.json", edit("\"category_id\":1,", "\"category_id\":1,\"score\":1.5,"));
    let [score] = &report.provenance.warnings[..] else { panic!("{:?}", report.provenance.warnings) };
    assert!(score.contains("pred.json: annotations[0] (image 0): segment 1: a score of 1.5"), "{score}");
}

#[test]
fn objects_that_contradict_themselves_are_told() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (truth, found) = (folder.path().join("gt.json"), folder.path().join("found.json"));
    let mask = r#""segmentation": {"size": [3, 4], "counts": [3, 2, 7]}"#;
    let json = format!(
        r#"{{"images": [{{"id": 4, "file_name": "a.jpg", "width": 4, "height": 3}}],
            "annotations": [{{"id": 1, "image_id": 4, "category_id": 7, "area": 9, {mask}}}],
            "categories": [{{"id": 7, "name": "shirt"}}]}}"#
    );
    files::write(&truth, json.as_bytes())?;
    let detections = format!(r#"[{{"image_id": 4, "category_id": 7, {mask}, "score": -2}}]"#);
    files::write(&found, detections.as_bytes())?;
    let warnings = instances(&truth, &found, &())?.provenance.warnings;
    let [area, score] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        area.ends_with("gt.json: annotations[0] (id 1): an area of 9, but its mask has 2 pixels"),
        "{area}"
    );
    assert!(score.ends_with("found.json: [0]: a score of -2 is not between 0 and 1"), "{score}");
    Ok(())
}

#[test]
fn predictions_of_other_images_are_left_alone() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "gt.json", &TRUTH[..1])?;
    write(folder.path(), "pred.json", &GUESS)?;
    std::fs::remove_file(folder.path().join("pred/1.png")).expect("removed");
    let files = PanopticFiles::new(folder.path().join("gt.json"), folder.path().join("pred.json"));
    assert_eq!(panoptic(&files, Convention::Coco, &())?.provenance.images, 1);
    Ok(())
}

#[test]
fn class_maps_are_compared_by_name() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (gt, pred) = (folder.path().join("gt"), folder.path().join("pred"));
    for side in [&gt, &pred] {
        files::create_folder(&side.join("city"))?;
    }
    let evaluate = || semantic(&gt, &pred, Categories::cityscapes(), 255, &());
    assert!(evaluate().is_err_and(|error| error.to_string().ends_with("gt: no PNG is here")));
    png::write_labels(&gt.join("city/a.png"), &map(4, &[0, 0, 1, 255]))?;
    assert!(evaluate().is_err_and(|error| error.to_string().contains("pred/city/a.png")));
    png::write_labels(&pred.join("city/a.png"), &map(4, &[0, 1, 1, 1]))?;
    assert_eq!(evaluate()?.miou, Some(0.5));
    png::write_labels(&pred.join("city/a.png"), &map(4, &[0, 1, 1, 19]))?;
    let text = evaluate().expect_err("no class 19").to_string();
    assert!(text.contains("pred/city/a.png: pixel (3, 0) of the prediction holds 19"), "{text}");
    png::write_labels(&gt.join("city/a.png"), &map(4, &[0, 20, 1, 255]))?;
    let text = evaluate().expect_err("no class 20").to_string();
    assert!(text.contains("gt/city/a.png: pixel (1, 0) of the ground truth holds 20"), "{text}");
    png::write_labels(&gt.join("city/a.png"), &map(2, &[0, 0, 1, 255]))?;
    assert!(evaluate().is_err_and(|error| error.to_string().contains("sizes differ")));
    Ok(())
}

#[test]
fn cityscapes_results_are_found_and_checked() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    for part in ["gtFine/val/bern", "results/instance/masks", "results/semantic"] {
        files::create_folder(&root.join(part))?;
    }
    let truth = |name: &str| root.join(format!("gtFine/val/bern/bern_1_2_gtFine_{name}.png"));
    let ids: Vec<u32> = (0..400).map(|at| if at < 200 { 26_001 } else { 7 }).collect();
    png::write_labels_16(&truth("instanceIds"), &map(20, &ids))?;
    png::write_labels(&truth("labelIds"), &map(20, &ids).map(|id| if id > 999 { 26 } else { id }))?;
    let mask = root.join("results/instance/masks/m.png");
    png::write_labels(&mask, &map(20, &ids).map(|id| u32::from(id > 999)))?;
    let text = root.join("results/instance/bern_1_2_pred.txt");
    files::write(&text, b"masks/m.png 26 0.5\n")?;
    let labels = root.join("results/semantic/bern_1_2.png");
    png::write_labels(&labels, &map(20, &[7; 400]))?;
    let evaluate = || cityscapes(&Cityscapes::open(root, "val")?, root, &());

    let report = evaluate()?;
    assert_eq!(report.instance.and_then(|level| level.ap), Some(1.0));
    assert_eq!(report.semantic.and_then(|level| level.miou_classes), Some(0.25));
    assert!(report.panoptic.is_none());

    files::write(&text, b"\xef\xbb\xbfmasks\\M.png 26 7\r\n\r\n")?;
    let [warning] = &evaluate()?.instance.expect("objects").provenance.warnings[..] else {
        panic!("one warning")
    };
    assert!(warning.ends_with("masks/m.png: a score of 7 is not between 0 and 1"), "{warning}");
    png::write_labels(&mask, &map(10, &[1; 400]))?;
    assert!(evaluate().is_err_and(|e| e.to_string().contains("masks/m.png: image bern_1_2: sizes differ")));
    files::write(&text, b"masks/m.png 26 NaN\n")?;
    assert!(evaluate().is_err_and(|e| e.to_string().contains("bern_1_2_pred.txt: line 1: ")));
    std::fs::remove_file(&text).expect("removed");
    assert!(evaluate().is_err_and(|e| e.to_string().contains("image bern_1_2: there is no prediction")));
    std::fs::remove_dir_all(root.join("results/instance")).expect("removed");
    png::write_labels(&labels, &map(20, &[34; 400]))?;
    assert!(evaluate().is_err_and(|e| e.to_string().contains("bern_1_2.png: image bern_1_2: pixel (0, 0)")));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// What a dataset says of itself does not depend on the order of its files' entries.
    #[test]
    fn the_order_of_entries_changes_nothing(
        images in prop::collection::vec(prop::collection::vec(0..6u32, 8), 2..6),
        guesses in prop::collection::vec(prop::collection::vec(0..6u32, 8), 6),
        turn in 0..6usize,
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path(), "gt.json", &images).expect("written");
        write(folder.path(), "pred.json", &guesses[..images.len()]).expect("written");
        let files = PanopticFiles::new(folder.path().join("gt.json"), folder.path().join("pred.json"));
        let first = panoptic(&files, Convention::Coco, &()).expect("evaluated");
        for json in [&files.truth, &files.prediction] {
            let mut content: serde_json::Value = crate::json::read(json).expect("read");
            let annotations = content["annotations"].as_array_mut().expect("a list");
            let count = annotations.len();
            annotations.rotate_left(turn % count);
            files::write_json(json, &content).expect("written");
        }
        let second = panoptic(&files, Convention::Coco, &()).expect("evaluated");
        prop_assert_eq!(&first.per_class, &second.per_class);
        prop_assert_eq!(&first.per_image, &second.per_image);
        prop_assert_eq!(first.all, second.all);
    }
}

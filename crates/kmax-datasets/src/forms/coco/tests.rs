//! Datasets in COCO's forms, as several tools export them.

use super::super::testing::{Set, counts, drawn, message, names, splits};
use super::super::{Form, Options, open};
use crate::error::Result;
use crate::things::Things;

/// Instances of two classes in an image of 4 x 3 pixels and an image without any.
fn instances(annotations: &str) -> String {
    format!(
        r#"{{"images": [{{"id": 1, "file_name": "a.png", "width": 4, "height": 3}},
                {{"id": 2, "file_name": "b.png", "width": 4, "height": 3}}],
            "annotations": [{annotations}],
            "categories": [{{"id": 3, "name": "cat"}}, {{"id": 7, "name": "dog"}}]}}"#
    )
}

const CAT: &str = r#"{"id": 1, "image_id": 1, "category_id": 3, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}"#;
const DOG: &str = r#"{"id": 1, "image_id": 1, "category_id": 7, "segmentation": {"size": [3, 4], "counts": [0, 9, 3]}, "iscrowd": 0}"#;

fn photos(set: Set, folder: &str) -> Set {
    set.photo(&format!("{folder}a.png"), 4, 3).photo(&format!("{folder}b.png"), 4, 3)
}

#[test]
fn instances_become_segments_with_a_background() -> Result<()> {
    let set = photos(Set::new(), "images/");
    let set = set.text("annotations/instances_default.json", &instances(&format!("{CAT}, {DOG}")));
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::CocoInstances, vec![("all", 2)]));
    assert_eq!(names(&opened), ["cat", "dog", "background"]);
    assert!(opened.notes[0].contains("`background` was added"), "{:?}", opened.notes);
    let data = opened.split("all").expect("there");
    assert_eq!(drawn(&**data, 0), "ccdb ccdb dddb");
    assert_eq!(drawn(&**data, 1), "bbbb bbbb bbbb");
    assert_eq!(data.classes(0)?.into_iter().collect::<Vec<_>>(), [3, 7, 8]);
    let sample = data.sample(0)?;
    assert_eq!((sample.image.dimensions(), sample.image_id), ((4, 3), 1.into()));
    assert!(data.sample(2).is_err() && data.panoptic(2).is_err() && data.classes(2).is_err());
    assert_eq!(data.digest()?, set.open()?.splits[0].data.digest()?);
    Ok(())
}

#[test]
fn exports_of_roboflow_have_a_folder_a_split() -> Result<()> {
    let json = instances(DOG).replace(
        r#"[{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]"#,
        r#"[{"id": 0, "name": "pets", "supercategory": "none"}, {"id": 7, "name": "dog", "supercategory": "pets"}]"#,
    );
    let mut set = Set::new();
    for split in ["train", "valid", "test"] {
        set = photos(set, &format!("pets/{split}/"))
            .text(&format!("pets/{split}/_annotations.coco.json"), &json);
    }
    let set =
        set.text("__MACOSX/pets/._x", "").text("pets/README.dataset.txt", "").text("pets/.DS_Store", "");
    let opened = set.open()?;
    assert_eq!(splits(&opened), [("train", 2), ("val", 2), ("test", 2)]);
    assert_eq!(names(&opened), ["dog", "background"]);
    assert!(opened.notes.iter().any(|note| note.contains("\"pets\" is the group")), "{:?}", opened.notes);
    assert!(opened.splits[1].data.image_path(1)?.ends_with("pets/valid/b.png"));
    Ok(())
}

#[test]
fn boxes_without_masks_are_void_or_refused() -> Result<()> {
    let lone = r#"{"id": 9, "image_id": 1, "category_id": 7, "segmentation": [], "bbox": [1, 1, 3, 1]}"#;
    let set = photos(Set::new(), "").text("x.json", &instances(&format!("{CAT}, {lone}")));
    let opened = set.open()?;
    assert!(opened.notes.iter().any(|note| note.starts_with("1 of 2 objects have a box but no mask")));
    assert_eq!(drawn(&*opened.splits[0].data, 0), "ccbb cc.. bbbb");
    let set = photos(Set::new(), "").text("x.json", &instances(lone));
    assert!(set.refused().contains("detection labels"), "{}", set.refused());
    Ok(())
}

#[test]
fn crowds_and_stuff_keep_what_they_are() -> Result<()> {
    let crowd = CAT.replace("\"id\": 1", "\"id\": 2").replace("2, 0, 2, 2, 0, 2", "4, 0, 4, 3, 0, 3");
    let crowd = crowd.replace("]]}", "]], \"iscrowd\": 1}");
    let set = photos(Set::new(), "").text("x.json", &instances(&format!("{CAT}, {crowd}")));
    let data = &set.open()?.splits[0].data;
    assert_eq!(counts(&**data, 0), [("cat".to_owned(), 2)]);
    assert_eq!(data.panoptic(0)?.segments.iter().filter(|segment| segment.iscrowd).count(), 1);
    let brushed = DOG.replace("\"iscrowd\": 0", "\"iscrowd\": 1, \"attributes\": {\"occluded\": false}");
    let set = photos(Set::new(), "").text("x.json", &instances(&brushed));
    let opened = set.open()?;
    assert!(opened.notes.iter().any(|note| note.starts_with("1 masks have `iscrowd`")), "{:?}", opened.notes);
    assert!(opened.splits[0].data.panoptic(0)?.segments.iter().all(|segment| !segment.iscrowd));
    let set = photos(Set::new(), "").text("x.json", &instances(&format!("{CAT}, {crowd}")));
    let options = Options { things: Things::named(["dog"]), ..Options::default() };
    let opened = open(set.path(), &options)?;
    assert_eq!(drawn(&*opened.splits[0].data, 1), ".... .... ....");
    assert_eq!(counts(&*opened.splits[0].data, 0), [("cat".to_owned(), 1)]);
    Ok(())
}

#[test]
fn mistakes_name_their_file_and_entry() {
    for (annotation, expected) in [
        (
            CAT.replace("\"category_id\": 3", "\"category_id\": 4"),
            "annotations[0] (image 1): unknown category 4",
        ),
        (
            CAT.replace("\"image_id\": 1", "\"image_id\": 4"),
            "annotations[0] (image 4): the image is not listed",
        ),
        (DOG.replace("[0, 9, 3]", "[0, 9, 4]"), "annotations[0].segmentation: "),
    ] {
        let set = photos(Set::new(), "").text("x.json", &instances(&annotation));
        let said = set.refused();
        assert!(said.contains("x.json") && said.contains(expected), "{said}");
    }
    for (annotation, expected) in [
        (DOG.replace("[3, 4]", "[4, 3]"), "annotations[0].segmentation: sizes differ"),
        (CAT.replace("0, 2]]", "0]]"), "annotations[0].segmentation: 7 numbers are no vertices"),
    ] {
        let set = photos(Set::new(), "").text("x.json", &instances(&annotation));
        let said = message(set.open().and_then(|opened| opened.splits[0].data.panoptic(0)));
        assert!(said.contains(expected), "{said}");
    }
    let set = Set::new().text("x.json", &instances(CAT));
    assert!(set.refused().contains("--photos"), "{}", set.refused());
    let set = photos(Set::new(), "").text("x.json", &instances(CAT)).text("y.json", &instances(CAT));
    assert!(set.refused().contains("for no split"), "{}", set.refused());
    let other = instances(CAT).replace("\"cat\"", "\"cow\"");
    let set = photos(Set::new(), "").text("train.json", &instances(CAT)).text("val.json", &other);
    assert!(
        set.refused().contains("category 3: is \"cow\" here and \"cat\" in another"),
        "{}",
        set.refused()
    );
}

#[test]
fn panoptic_splits_are_named_and_two_forms_are_refused() -> Result<()> {
    let json = |split: &str| {
        format!(
            r#"{{"images": [{{"id": "{split}", "file_name": "a.png", "width": 4, "height": 1}}],
            "annotations": [{{"image_id": "{split}", "file_name": "a.png", "segments_info": [{{"id": 5, "category_id": 1}}]}}],
            "categories": [{{"id": 1, "name": "sky", "isthing": 0}}]}}"#
        )
    };
    let mut set = Set::new();
    for split in ["val2017", "train2017"] {
        set = set.text(&format!("annotations/panoptic_{split}.json"), &json(split));
        set = set.colours(
            &format!("annotations/panoptic_{split}/a.png"),
            4,
            &[[5, 0, 0], [5, 0, 0], [0; 3], [5, 0, 0]],
        );
        set = set.photo(&format!("{split}/a.png"), 4, 1);
    }
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::CocoPanoptic, vec![("train", 1), ("val", 1)]));
    assert_eq!(drawn(&*opened.splits[0].data, 0), "ss.s");
    assert_eq!(opened.splits[1].data.sample(0)?.image.dimensions(), (4, 1));
    let one = open(&set.join("annotations/panoptic_val2017.json"), &Options::default())?;
    assert_eq!(splits(&one), [("all", 1)]);
    let set = set.text("annotations/instances_val2017.json", &instances(CAT)).photo("val2017/b.png", 4, 3);
    // The site's archives have more beside them, and photos that are called like a folder of class maps.
    let set = set
        .text("annotations/person_keypoints_val2017.json", &instances(CAT))
        .text("annotations/captions_val2017.json", "{");
    let set = set.photo("images/val2017/a.png", 4, 1);
    let said = set.refused();
    assert!(said.contains("read as coco-panoptic or coco-instances: choose with `--form`"), "{said}");
    let options = |form| Options { form: Some(form), ..Options::default() };
    assert_eq!(open(set.path(), &options(Form::CocoInstances))?.form, Form::CocoInstances);
    let said = message(open(set.path(), &options(Form::Yolo)));
    assert!(said.contains("`--form yolo`, but it holds coco-panoptic or coco-instances"), "{said}");
    assert!(Set::new().refused().contains("no dataset in a form that is known"));
    Ok(())
}

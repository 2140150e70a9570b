//! Folders of labelme's jsons.

use base64::Engine as _;

use super::super::testing::{Set, counts, drawn, names, splits};
use super::super::{Form, Options, open};
use crate::error::Result;

fn file(shapes: &str, photo: &str) -> String {
    format!(
        r#"{{"version": "5.4.1", "flags": {{}}, "shapes": [{shapes}], "imagePath": "{photo}", "imageData": null,
            "imageHeight": 3, "imageWidth": 6}}"#
    )
}

fn shape(label: &str, kind: &str, points: &str, more: &str) -> String {
    format!(r#"{{"label": "{label}", "points": {points}, "shape_type": "{kind}", "flags": {{}}{more}}}"#)
}

#[test]
fn shapes_become_objects_and_groups_one() -> Result<()> {
    let group = r#", "group_id": 1"#;
    let shapes = [
        shape("cat", "polygon", "[[0, 0], [2, 0], [2, 1], [0, 1]]", group),
        shape("cat", "rectangle", "[[4, 1], [3, 0]]", group),
        shape("dog", "rectangle", "[[0, 2], [1, 3]]", r#", "group_id": null"#),
        shape("cow", "point", "[[0, 2]]", ""),
        shape("__ignore__", "rectangle", "[[5, 0], [6, 3]]", ""),
    ];
    let set = Set::new()
        .photo("images/a.png", 6, 3)
        .text("labels/a.json", &file(&shapes.join(","), "..\\\\images\\\\a.png"));
    let set = set.photo("images/b.png", 6, 3).text("labels/b.json", &file("", "C:\\\\x\\\\images\\\\b.png"));
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::Labelme, vec![("all", 2)]));
    assert_eq!(names(&opened), ["cat", "dog", "background"]);
    assert!(opened.notes.iter().any(|note| note.starts_with("1 points and lines")), "{:?}", opened.notes);
    let data = &opened.splits[0].data;
    assert_eq!(drawn(&**data, 0), "ccbcb. bbbbb. dbbbb.");
    assert_eq!(counts(&**data, 0), [("cat".into(), 1), ("dog".into(), 1), ("background".into(), 1)]);
    assert_eq!(drawn(&**data, 1), "bbbbbb bbbbbb bbbbbb");
    assert_eq!(data.sample(0)?.image_id, "a".into());
    Ok(())
}

#[test]
fn masks_lie_where_their_corner_is() -> Result<()> {
    let map = kmax_masks::LabelMap::new(3, 2, vec![0, 1, 1, 1, 1, 0]).expect("a map");
    let png = kmax_masks::codec::encode_labels(&map).expect("encoded");
    let text = base64::engine::general_purpose::STANDARD.encode(png);
    let mask = |points: &str| shape("cat", "mask", points, &format!(r#", "mask": "{text}""#));
    let set = Set::new().photo("a.png", 6, 3).text("a.json", &file(&mask("[[2, 1], [4, 2]]"), "a.png"));
    let set = set.photo("b.png", 6, 3).text("b.json", &file(&mask("[[4.4, -0.6], [6.2, 0.4]]"), "b.png"));
    let data = &set.open()?.splits[0].data;
    assert_eq!(drawn(&**data, 0), "bbbbbb bbbccb bbccbb");
    assert_eq!(drawn(&**data, 1), "bbbbcc bbbbbb bbbbbb");
    Ok(())
}

#[test]
fn folders_are_splits_and_a_list_gives_the_order() -> Result<()> {
    let set = Set::new().text("labels.txt", "__ignore__\n_background_\ndog\ncat\n");
    let cat = shape("cat", "circle", "[[3, 1.5], [5, 1.5]]", "");
    let set = set.photo("train/a.png", 6, 3).text("train/a.json", &file(&cat, "a.png"));
    let set = set.photo("val/a.png", 6, 3).text("val/a.json", &file("", "a.png"));
    let opened = set.open()?;
    assert_eq!(splits(&opened), [("train", 1), ("val", 1)]);
    assert_eq!(names(&opened), ["_background_", "dog", "cat"]);
    assert_eq!(drawn(&*opened.splits[0].data, 0), "_cccc_ _cccc_ _cccc_");
    let set = set.text("labels.txt", "dog\n");
    assert!(set.refused().contains("labels.txt: lacks the class \"cat\""), "{}", set.refused());
    Ok(())
}

#[test]
fn mistakes_name_their_json_and_shape() -> Result<()> {
    for (shape, expected) in [
        (
            shape("cat", "circle", "[[0, 0]]", ""),
            "a.json: shapes[0] (cat): a \"circle\" of 1 points is not known",
        ),
        (shape("cat", "mask", "[[0, 0], [1, 1]]", ""), "shapes[0] (cat): a mask without its PNG"),
        (shape("cat", "mask", "[[0, 0], [1, 1]]", ", \"mask\": \"AAAA\""), "shapes[0] (cat): the mask: "),
        (shape("cat", "blob", "[[0, 0], [1, 1]]", ""), "a \"blob\" of 2 points"),
    ] {
        let set = Set::new().photo("a.png", 6, 3).text("a.json", &file(&shape, "a.png"));
        let said = super::super::testing::message(set.open()?.splits[0].data.panoptic(0));
        assert!(said.contains(expected), "{said}");
    }
    let set = Set::new().text("a.json", &file(&shape("cat", "polygon", "[]", ""), "a.png"));
    assert!(
        set.refused().contains("a.json: imagePath: the photo \"a.png\" is not there"),
        "{}",
        set.refused()
    );
    let set = set.photo("elsewhere/a.png", 6, 3);
    let options = Options { photos: Some(set.join("elsewhere")), ..Options::default() };
    assert!(open(set.path(), &options)?.splits[0].data.image_path(0)?.ends_with("elsewhere/a.png"));
    let set =
        Set::new().photo("a.png", 6, 3).text("a.json", &file(&shape("c", "polygon", "[[1]]", ""), "a.png"));
    assert!(set.refused().contains("a.json: shapes[0].points[0]"), "{}", set.refused());
    Ok(())
}

//! Exports of Label Studio.

use super::super::testing::{Set, drawn, message, names, splits};
use super::super::{Form, Options, open};
use crate::error::Result;

const POLYGON: &str = r#"{"type": "polygonlabels", "original_width": 4, "original_height": 2, "image_rotation": 0, "value":
    {"points": [[0, 0], [50, 0], [50, 100], [0, 100]], "closed": true, "polygonlabels": ["cat"]}}"#;
const RECTANGLE: &str = r#"{"type": "rectanglelabels", "original_width": 4, "original_height": 2, "value":
    {"x": 75, "y": 0, "width": 25, "height": 50, "rotation": 0, "rectanglelabels": ["dog"]}}"#;
/// Eight pixels of four values: the last two pixels are opaque.
const BRUSH: &str = r#"{"type": "brushlabels", "original_width": 4, "original_height": 2, "value": {"format": "rle",
    "brushlabels": ["elk"], "rle": [0, 0, 0, 32, 57, 27, 254, 23, 0, 159, 252]}}"#;

fn task(photo: &str, annotations: &str) -> String {
    format!(r#"{{"id": 1, "annotations": [{annotations}], "data": {{"image": "{photo}", "note": "x"}}}}"#)
}

fn result(regions: &[&str]) -> String {
    format!(r#"{{"was_cancelled": false, "result": [{}]}}"#, regions.join(","))
}

#[test]
fn regions_of_every_tool_are_read() -> Result<()> {
    let cancelled = r#"{"was_cancelled": true, "result": []}"#;
    let choice = r#"{"type": "choices", "value": {"choices": ["good"]}}"#;
    let json = [
        task(
            "/data/upload/1/0a1b2c3d-my%20photo.jpg",
            &format!("{cancelled}, {}", result(&[POLYGON, RECTANGLE, BRUSH, choice])),
        ),
        task("/data/local-files/?d=set/b.png", &result(&[])),
        task("s3://bucket/c.png?token=1", cancelled),
    ];
    let set = Set::new().text("export.json", &format!("[{}]", json.join(",")));
    let set = set.photo("images/my photo.jpg", 4, 2).photo("images/set/b.png", 4, 2);
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::LabelStudio, vec![("all", 2)]));
    assert_eq!(names(&opened), ["cat", "dog", "elk", "background"]);
    let data = &opened.splits[0].data;
    assert_eq!(drawn(&**data, 0), "ccbd ccee");
    assert_eq!(drawn(&**data, 1), "bbbb bbbb");
    assert_eq!(data.sample(0)?.image_id, "my photo".into());
    for note in ["1 tasks that nobody annotated", "1 regions without an area"] {
        assert!(opened.notes.iter().any(|said| said.starts_with(note)), "{:?}", opened.notes);
    }
    assert_eq!(open(&set.join("export.json"), &Options::default())?.splits.len(), 1);
    Ok(())
}

#[test]
fn the_short_form_is_read() -> Result<()> {
    let ellipse = r#"{"x": 50, "y": 50, "radiusX": 25, "radiusY": 50, "rotation": 0, "ellipselabels": ["cat"],
        "original_width": 4, "original_height": 2}"#;
    let json = format!(
        r#"[{{"picture": "b.png", "id": 1, "shapes": [{ellipse}], "annotator": 1, "annotation_id": 2}}]"#
    );
    let set = Set::new().text("x.json", &json).photo("b.png", 4, 2);
    assert_eq!(drawn(&*set.open()?.splits[0].data, 0), "bccb bccb");
    Ok(())
}

#[test]
fn mistakes_name_their_task_and_region() -> Result<()> {
    let open = |region: &str| {
        let set = Set::new()
            .text("x.json", &format!("[{}]", task("b.png", &result(&[POLYGON, region]))))
            .photo("b.png", 4, 2);
        set.open().and_then(|opened| opened.splits[0].data.panoptic(0))
    };
    for (region, expected) in [
        (BRUSH.replace("0, 32", "0, 36"), "[0]: region 1: a run-length code of 36 values for 8 pixels"),
        (BRUSH.replace("0, 159, 252", "0"), "[0]: region 1: the run-length code ends"),
        (BRUSH.replace("252]", "256]"), "[0]: region 1: "),
        (POLYGON.replace("4,", "5,"), "[0]: region 1: its image is of another size"),
        (POLYGON.replace("\"original_width\": 4, ", ""), "[0]: a region of \"cat\" has no `original_width`"),
        (POLYGON.replace("\"image_rotation\": 0", "\"image_rotation\": 90"), "rotated image"),
    ] {
        let said = message(open(&region));
        assert!(said.contains("x.json") && said.contains(expected), "{said}");
    }
    let set =
        Set::new().text("x.json", &format!("[{}]", task("c.png", &result(&[POLYGON])))).photo("b.png", 4, 2);
    assert!(set.refused().contains("[0]: the photo \"c.png\" is not in"), "{}", set.refused());
    Ok(())
}

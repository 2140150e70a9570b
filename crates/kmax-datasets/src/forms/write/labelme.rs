//! labelme's form: a json for each photo with polygons.
//!
//! labelme knows neither holes nor parts. The parts of a segment are polygons of one `group_id`; a segment of one part has none.
//! A hole is cut in from the left by a bridge without width ([`kmax_masks::Polygon::keyhole`]).
//!
//! `imagePath` leads from the json to the photo, which is not copied (`imageData` is `null`); it is the photo's name where the photo was
//! not found. A crowd has the flag `iscrowd`. A score is the field `score` of the shape, which labelme keeps.

use std::collections::BTreeMap;
use std::path::Path;

use kmax_masks::outline::Vertex;
use serde::Serialize;

use super::Labelled;
use super::classes::{Object, outlined};
use super::names::relative;
use crate::error::Result;
use crate::files;

/// The version of labelme whose form this is.
const VERSION: &str = "5.5.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    version: &'a str,
    flags: BTreeMap<String, bool>,
    shapes: Vec<Shape<'a>>,
    image_path: String,
    image_data: Option<String>,
    image_height: u32,
    image_width: u32,
}

#[derive(Serialize)]
struct Shape<'a> {
    label: &'a str,
    points: Vec<Vertex>,
    group_id: Option<u32>,
    description: &'a str,
    shape_type: &'a str,
    flags: BTreeMap<&'a str, bool>,
    mask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
}

pub(super) fn write(file: &Path, labelled: &Labelled, objects: &[Object]) -> Result<()> {
    let mut shapes = Vec::new();
    let mut groups = 0;
    for (object, parts) in outlined(labelled, objects) {
        let several = parts.len() > 1;
        groups += u32::from(several);
        shapes.extend(parts.iter().map(|part| Shape {
            label: &object.class.name,
            points: part.keyhole(),
            group_id: several.then_some(groups),
            description: "",
            shape_type: "polygon",
            flags: object.segment.iscrowd.then_some(("iscrowd", true)).into_iter().collect(),
            mask: None,
            score: object.segment.score,
        }));
    }
    let image_path = match (labelled.photo, file.parent()) {
        (Some(photo), Some(folder)) => relative(folder, photo)?,
        _ => labelled.image.file_name.clone(),
    };
    let content = File {
        version: VERSION,
        flags: BTreeMap::new(),
        shapes,
        image_path,
        image_data: None,
        image_height: labelled.image.height,
        image_width: labelled.image.width,
    };
    files::write_json(file, &content)
}

#[cfg(test)]
mod tests {
    use super::super::Tool;
    use super::super::fixture::{Written, filled, json, mask, write_to, written};
    use super::*;
    use kmax_masks::Rle;
    use kmax_masks::rle::Merge;

    #[test]
    fn parts_of_a_segment_are_polygons_of_a_group() -> Result<()> {
        let Written { folder, out, .. } = written(Tool::Labelme, "out")?;
        let content = json(&out.join("sub/a b.json"));
        assert_eq!(content["imagePath"], "../../photos/sub/a b.jpg");
        assert!(content["imageData"].is_null() && content["imageWidth"] == 9 && content["imageHeight"] == 7);
        let shapes = content["shapes"].as_array().expect("shapes");
        let mut at = 0;
        for (id, parts, group, label) in [
            (1, 1, None, "a: \"b\""),
            (2, 3, Some(1), "a: \"b\""),
            (3, 1, None, "a: \"b\""),
            (4, 1, None, "a: \"b\""),
            (6, 1, None, "sea & sky"),
            (7, 2, Some(2), "sea & sky"),
        ] {
            let of_segment = &shapes[at..at + parts];
            at += parts;
            let masks: Vec<Rle> = of_segment.iter().map(|shape| filled(&shape["points"])).collect();
            assert!(Rle::merge(&masks, Merge::Union).expect("alike") == mask(id), "{id}");
            for shape in of_segment {
                assert_eq!((shape["group_id"].as_u64(), &shape["label"]), (group, &label.into()), "{id}");
                assert_eq!(shape["flags"]["iscrowd"].as_bool(), (id == 4).then_some(true), "{id}");
                assert_eq!(shape["score"].as_f64(), (id == 6).then_some(0.5), "{id}");
            }
        }
        assert_eq!(at, shapes.len());

        let other = folder.path().join("other");
        write_to(Tool::Labelme, &other, &folder.path().join("none"), "train")?;
        assert_eq!(json(&other.join("sub/a b.json"))["imagePath"], "sub/a b.jpg");
        Ok(())
    }
}

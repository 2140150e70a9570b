//! COCO's instance annotations as CVAT imports them (`COCO 1.0`).
//!
//! Stuff is written like things: each segment is an object. One of a single part without holes is a polygon; any other is a run-length
//! code, which CVAT reads as one mask, where it would make a shape of its own of each of several polygons. Crowds are run-length
//! codes too. `iscrowd` is what the labels say, and so is not 1 of every mask, as in CVAT's own exports. The runs are the plain
//! list of numbers that all readers of the form know.
//!
//! A score is the field `score` of the object, which becomes an attribute where the task's label has one of that name. Image ids have to
//! be numbers: if one is a text, images are counted from 1. CVAT finds the images by their names.

use std::path::Path;

use kmax_masks::{ImageId, Rle};
use serde::{Deserialize, Serialize};

use super::Labelled;
use super::classes::{Classes, Object as Labels, outlined};
use crate::coco::ImageEntry;
use crate::error::Result;
use crate::files;

#[derive(Serialize)]
struct File {
    licenses: [License; 1],
    info: Info,
    categories: Vec<Class>,
    images: Vec<ImageEntry>,
    annotations: Vec<Object>,
}

/// Empty, but there: CVAT's own exports have one.
#[derive(Default, Serialize)]
struct License {
    name: String,
    id: u32,
    url: String,
}

#[derive(Default, Serialize)]
struct Info {
    description: String,
    version: String,
    year: String,
    contributor: String,
    date_created: String,
    url: String,
}

#[derive(Serialize)]
struct Class {
    id: u32,
    name: String,
    supercategory: String,
}

/// An entry of `annotations`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Object {
    id: u64,
    image_id: ImageId,
    category_id: u32,
    segmentation: Mask,
    area: u64,
    bbox: [u32; 4],
    iscrowd: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Mask {
    Polygons([Vec<u32>; 1]),
    Runs { counts: Vec<u32>, size: [u32; 2] },
}

/// The objects of an image; their ids come later.
pub(super) fn objects(labelled: &Labelled, objects: &[Labels]) -> Vec<Object> {
    let masks = Rle::encode_all(&labelled.panoptic.map);
    let found = outlined(labelled, objects).into_iter().filter_map(|(object, parts)| {
        let segment = object.segment;
        let mask = &masks[masks.binary_search_by_key(&segment.id, |(id, _)| *id).ok()?].1;
        let segmentation = match &parts[..] {
            [only] if only.holes.is_empty() && !segment.iscrowd => Mask::Polygons([only.outer.concat()]),
            _ => Mask::Runs { counts: mask.counts().to_vec(), size: mask.size() },
        };
        Some(Object {
            id: 0,
            image_id: labelled.image.id.clone(),
            category_id: object.class.id,
            segmentation,
            area: mask.area(),
            bbox: mask.bbox(),
            iscrowd: u8::from(segment.iscrowd),
            score: segment.score,
        })
    });
    found.collect()
}

/// Writes the json. `objects` are those of each image.
pub(super) fn finish(
    out: &Path,
    classes: &Classes,
    mut images: Vec<ImageEntry>,
    mut objects: Vec<Vec<Object>>,
) -> Result<()> {
    let texts = images.iter().any(|image| matches!(image.id, ImageId::Text(_)));
    for (number, (image, of_image)) in (1i64..).zip(images.iter_mut().zip(&mut objects)).filter(|_| texts) {
        image.id = number.into();
        of_image.iter_mut().for_each(|object| object.image_id = number.into());
    }
    let mut annotations: Vec<Object> = objects.into_iter().flatten().collect();
    for (number, object) in (1..).zip(&mut annotations) {
        object.id = number;
    }
    let class = |class: &kmax_masks::Category| Class {
        id: class.id,
        name: class.name.clone(),
        supercategory: class.supercategory.clone().unwrap_or_default(),
    };
    let categories = classes.list().iter().map(class).collect();
    let (licenses, info) = Default::default();
    files::write_json(out, &File { licenses, info, categories, images, annotations })
}

#[cfg(test)]
mod tests {
    use super::super::Tool;
    use super::super::fixture::{json, mask, written};
    use super::*;
    use crate::coco::CocoInstances;

    #[test]
    fn segments_are_objects_that_coco_reads() -> Result<()> {
        let out = written(Tool::CvatCoco, "out/instances_default.json")?;
        let read = CocoInstances::open(&out.out)?;
        assert_eq!((&read.images()[0].id, read.categories().len()), (&1.into(), 2));
        let truths = read.truths(0)?;
        let content = json(&out.out);
        let annotations = content["annotations"].as_array().expect("annotations");
        assert_eq!((truths.len(), annotations.len()), (6, 6));
        for ((truth, entry), id) in truths.iter().zip(annotations).zip([1, 2, 3, 4, 6, 7]) {
            assert!(truth.mask == mask(id), "{id}");
            assert_eq!(truth.area, mask(id).area() as f64);
            assert_eq!((truth.category_id, truth.iscrowd), (if id < 5 { 3 } else { 8 }, id == 4), "{id}");
            // Polygons where one says all.
            assert_eq!(entry["segmentation"].is_array(), [3, 6].contains(&id), "{id}");
            assert_eq!(entry["score"].as_f64(), (id == 6).then_some(0.5), "{id}");
        }
        Ok(())
    }
}

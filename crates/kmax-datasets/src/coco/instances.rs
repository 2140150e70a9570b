//! COCO's instance annotations and results.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use kmax_masks::{Categories, Category, ImageId, fields};
use kmax_metrics::instance::{Detection, Truth};
use serde::{Deserialize, Serialize};

use super::entries::ImageEntry;
use super::ids::Listed;
use super::segmentation::Segmentation;
use crate::error::{Error, Result};
use crate::{files, json};

/// An entry of `annotations` of instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceEntry {
    /// Its own id.
    #[serde(deserialize_with = "fields::whole")]
    pub id: i64,
    /// The image.
    pub image_id: ImageId,
    /// The class.
    #[serde(deserialize_with = "json::category")]
    pub category_id: u32,
    /// The mask.
    pub segmentation: Segmentation,
    /// The area in pixels, which decides whether the object counts as small, medium or large; none where it is no number.
    #[serde(default, deserialize_with = "json::any_number")]
    pub area: Option<f64>,
    /// The box `[x, y, width, height]` in pixels. Nothing depends on it, so it may be missing or have any form; it is then zeros.
    #[serde(default, deserialize_with = "json::any_box")]
    pub bbox: [f64; 4],
    /// Whether it is a group that cannot be told apart.
    #[serde(default, deserialize_with = "json::flag", serialize_with = "fields::as_number")]
    pub iscrowd: bool,
}

/// An entry of `coco_instances_results.json`: a detected object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionEntry {
    /// The image.
    pub image_id: ImageId,
    /// The class.
    #[serde(deserialize_with = "json::category")]
    pub category_id: u32,
    /// The mask.
    pub segmentation: Segmentation,
    /// The confidence.
    #[serde(deserialize_with = "fields::number")]
    pub score: f64,
}

/// The whole file of annotations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstancesFile {
    /// The images.
    pub images: Vec<ImageEntry>,
    /// The objects of all images.
    pub annotations: Vec<InstanceEntry>,
    /// The classes.
    pub categories: Vec<Category>,
}

/// Instance annotations in COCO's form, checked.
#[derive(Clone, Debug)]
pub struct CocoInstances {
    json: PathBuf,
    images: Vec<ImageEntry>,
    positions: HashMap<ImageId, usize>,
    annotations: Vec<InstanceEntry>,
    /// For each image, its annotations in the order of the file.
    of_image: Vec<Vec<usize>>,
    categories: Categories,
}

impl CocoInstances {
    /// Reads the json and checks that its entries fit each other; masks are looked at by [`Self::truths`].
    ///
    /// # Errors
    /// If the json cannot be read or lacks a field, an id occurs twice, an annotation's image or class is not listed,
    /// or an area or a size is not possible.
    pub fn open(json: impl AsRef<Path>) -> Result<Self> {
        let json = json.as_ref();
        Self::from_bytes(json, &files::read_list(json)?)
    }

    pub(crate) fn from_bytes(json: &Path, bytes: &[u8]) -> Result<Self> {
        let file: InstancesFile = json::parse(json, bytes)?;
        let fail = |entry: String, reason: String| Error::entry(json, entry, reason);
        let categories = Categories::new(file.categories).map_err(Error::masks(json))?;
        let mut positions = HashMap::with_capacity(file.images.len());
        for (position, image) in file.images.iter().enumerate() {
            let entry = || format!("images[{position}] (id {})", image.id);
            image.check_size().map_err(|reason| fail(entry(), reason))?;
            if positions.insert(image.id.clone(), position).is_some() {
                return Err(fail(entry(), "the id occurs twice".into()));
            }
        }
        let mut ids = HashSet::with_capacity(file.annotations.len());
        let mut of_image = vec![Vec::new(); file.images.len()];
        for (position, annotation) in file.annotations.iter().enumerate() {
            let entry = || format!("annotations[{position}] (id {})", annotation.id);
            let Some(&image) = positions.get(&annotation.image_id) else {
                let id = &annotation.image_id;
                let listed = Listed::new(file.images.iter().map(|image| &image.id), "`images`");
                return Err(fail(entry(), format!("image {id}: {}", listed.lack(id))));
            };
            if !ids.insert(annotation.id) {
                return Err(fail(entry(), "the id occurs twice".into()));
            }
            if categories.get(annotation.category_id).is_none() {
                return Err(fail(entry(), format!("unknown category {}", annotation.category_id)));
            }
            match annotation.area {
                None => return Err(fail(entry(), "`area` is missing, or no number".into())),
                Some(area) if area < 0.0 => {
                    return Err(fail(entry(), format!("an area of {area} is not possible")));
                }
                Some(_) => {}
            }
            of_image[image].push(position);
        }
        Ok(Self {
            json: json.to_path_buf(),
            images: file.images,
            positions,
            annotations: file.annotations,
            of_image,
            categories,
        })
    }

    /// The images, in the order of the file.
    pub fn images(&self) -> &[ImageEntry] {
        &self.images
    }

    /// The classes, in the order of the file.
    pub fn categories(&self) -> &Categories {
        &self.categories
    }

    /// The json this was read from.
    pub fn json(&self) -> &Path {
        &self.json
    }

    /// The place of an image in [`Self::images`].
    pub fn position(&self, image: &ImageId) -> Option<usize> {
        self.positions.get(image).copied()
    }

    /// The annotations of the image at a place, with their places in the file; none past the end.
    pub fn annotations(&self, image: usize) -> impl Iterator<Item = (usize, &InstanceEntry)> {
        self.of_image.get(image).into_iter().flatten().map(|&at| (at, &self.annotations[at]))
    }

    /// The objects of the image at a place, with their masks.
    ///
    /// # Errors
    /// If a mask cannot be made, naming the annotation.
    pub fn truths(&self, image: usize) -> Result<Vec<Truth>> {
        let truth = |(position, annotation): (usize, &InstanceEntry)| {
            let entry = &self.images[image];
            let mask = annotation.segmentation.mask(entry.width as usize, entry.height as usize);
            let named = format!("annotations[{position}] (id {}).segmentation", annotation.id);
            let mask = mask.map_err(|error| Error::entry(&self.json, named, error.to_string()))?;
            Ok(Truth {
                id: annotation.id,
                category_id: annotation.category_id,
                mask: mask.into_owned(),
                // `open` made sure that there is one.
                area: annotation.area.unwrap_or_default(),
                iscrowd: annotation.iscrowd,
            })
        };
        self.annotations(image).map(truth).collect()
    }
}

/// Detections in COCO's form of results, checked against the ground truth that they are for.
#[derive(Clone, Debug)]
pub struct CocoDetections {
    json: PathBuf,
    detections: Vec<DetectionEntry>,
    of_image: Vec<Vec<usize>>,
}

impl CocoDetections {
    /// Reads the json.
    ///
    /// # Errors
    /// If it cannot be read or lacks a field, an image or class is unknown to the ground truth, or a score is not a
    /// finite number.
    pub fn open(json: impl AsRef<Path>, truth: &CocoInstances) -> Result<Self> {
        let json = json.as_ref();
        let detections: Vec<DetectionEntry> = json::read(json)?;
        let mut of_image = vec![Vec::new(); truth.images.len()];
        for (position, detection) in detections.iter().enumerate() {
            let fail = |reason: String| Error::entry(json, format!("[{position}]"), reason);
            let Some(image) = truth.position(&detection.image_id) else {
                let id = &detection.image_id;
                let list = format!("`images` of {}", truth.json.display());
                let listed = Listed::new(truth.images.iter().map(|image| &image.id), &list);
                return Err(fail(format!("image {id}: {}", listed.lack(id))));
            };
            if truth.categories.get(detection.category_id).is_none() {
                return Err(fail(format!("unknown category {}", detection.category_id)));
            }
            if !detection.score.is_finite() {
                return Err(fail(format!("a score of {} is not possible", detection.score)));
            }
            of_image[image].push(position);
        }
        Ok(Self { json: json.to_path_buf(), detections, of_image })
    }

    /// The entries, in the order of the file.
    pub(crate) fn entries(&self) -> &[DetectionEntry] {
        &self.detections
    }

    /// The detections of the image at a place of the ground truth's images, in the order of the file.
    ///
    /// # Errors
    /// If a mask cannot be made or is not of the image's size, naming the detection.
    pub fn detections(&self, image: usize, entry: &ImageEntry) -> Result<Vec<Detection>> {
        let detection = |&position: &usize| {
            let found = &self.detections[position];
            let mask = found.segmentation.mask(entry.width as usize, entry.height as usize);
            let mask = mask.map_err(|error| {
                Error::entry(&self.json, format!("[{position}].segmentation"), error.to_string())
            })?;
            Ok(Detection { category_id: found.category_id, mask: mask.into_owned(), score: found.score })
        };
        self.of_image.get(image).into_iter().flatten().map(detection).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{
        "images": [{"id": 4, "file_name": "a.jpg", "width": 4, "height": 3}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 7, "area": 4.5, "iscrowd": 0,
             "segmentation": [[1, 0, 3, 0, 3, 2, 1, 2]], "bbox": [1, 0, 2, 2]},
            {"id": 2, "image_id": 4, "category_id": 9, "area": 6, "iscrowd": 1,
             "segmentation": {"size": [3, 4], "counts": [3, 2, 7]}}],
        "categories": [{"id": 7, "name": "shirt"}, {"id": 9, "name": "shoe"}]}"#;
    const RESULTS: &str = r#"[
        {"image_id": 4, "category_id": 7, "segmentation": {"size": [3, 4], "counts": [3, 2, 7]}, "score": 0.5}]"#;

    fn read(truth: &str, results: &str) -> Result<(Vec<Truth>, Vec<Detection>)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).expect("written");
            file
        };
        let truth = CocoInstances::open(file("truth.json", truth))?;
        let found = CocoDetections::open(file("found.json", results), &truth)?;
        Ok((truth.truths(0)?, found.detections(0, &truth.images()[0])?))
    }

    #[test]
    fn objects_and_detections_are_read() -> Result<()> {
        let (truths, detections) = read(GOOD, RESULTS)?;
        assert_eq!((truths[0].mask.area(), truths[0].area, truths[0].iscrowd), (4, 4.5, false));
        assert!(truths[1].iscrowd && truths[1].mask == detections[0].mask);
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("\"id\": 2", "\"id\": 1", "annotations[1] (id 1): the id occurs twice"),
            ("\"image_id\": 4, \"category_id\": 9", "\"image_id\": 5, \"category_id\": 9", "image 5"),
            ("\"category_id\": 9", "\"category_id\": 8", "annotations[1] (id 2): unknown category 8"),
            ("\"area\": 6", "\"area\": -6", "annotations[1] (id 2): an area of -6"),
            ("\"area\": 6", "\"area\": NaN", "annotations[1] (id 2): `area` is missing, or no number"),
            ("\"area\": 6, ", "", "annotations[1] (id 2): `area` is missing, or no number"),
            ("\"area\": 4.5", "\"area\": \"4\"", "annotations[0] (id 1): `area` is missing, or no number"),
            ("\"id\": 2", "\"id\": \"2\"", "annotations[1].id: \"2\" is in quotes"),
            (
                "\"image_id\": 4, \"category_id\": 9",
                "\"image_id\": \"4\", \"category_id\": 9",
                "a string here (\"4\")",
            ),
            (
                "\"category_id\": 9",
                "\"category_id\": \"9\"",
                "annotations[1].category_id: \"9\" is in quotes",
            ),
            ("[[1, 0", "[[NaN, 0", "annotations[0].segmentation"),
            ("[3, 2, 7]", "[3, 2, 8]", "annotations[1].segmentation"),
            ("\"size\": [3, 4]", "\"size\": [4, 3]", "annotations[1] (id 2).segmentation"),
            ("3, 2, 1, 2]]", "3, 2, 1]]", "annotations[0] (id 1).segmentation"),
            ("\"width\": 4", "\"width\": 0", "images[0] (id 4)"),
            ("{\"id\": 9, ", "{\"id\": 7, ", "7 occurs twice"),
            ("\"name\": \"shoe\"}]}", "", "EOF"),
        ];
        for (from, to, expected) in cases {
            assert!(GOOD.contains(from), "{from}");
            let message = read(&GOOD.replace(from, to), RESULTS).expect_err(expected).to_string();
            assert!(message.contains(expected) && message.contains("truth.json"), "{expected}: {message}");
        }
        let cases = [
            ("\"image_id\": 4", "\"image_id\": 5", "[0]: image 5: the image is not listed in `images` of"),
            ("\"category_id\": 7", "\"category_id\": 1", "[0]: unknown category 1"),
            ("0.5", "NaN", "[0].score: NaN cannot stand here"),
            ("0.5", "\"0.5\"", "[0].score: \"0.5\" is in quotes, expected a number"),
            (
                "\"image_id\": 4",
                "\"image_id\": \"04\"",
                "[0]: image 04: the image's id is a string here (\"04\")",
            ),
            ("0.5", "1e999", "[0].score"),
            ("[3, 2, 7]", "[3, 20]", "[0].segmentation"),
            ("[3, 2, 7]", "\"33334\"", "[0].segmentation"),
            ("\"size\": [3, 4]", "\"size\": [2, 6]", "[0].segmentation: sizes differ"),
            (", \"score\": 0.5", "", "[0]: missing field `score`"),
            ("}]", "", "EOF"),
        ];
        for (from, to, expected) in cases {
            assert!(RESULTS.contains(from), "{from}");
            let message = read(GOOD, &RESULTS.replace(from, to)).expect_err(expected).to_string();
            assert!(message.contains(expected) && message.contains("found.json"), "{expected}: {message}");
        }
    }
}

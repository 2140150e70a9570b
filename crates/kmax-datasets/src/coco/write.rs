//! COCO's forms of results, written.

use std::path::{Path, PathBuf};

use kmax_masks::{Categories, ImageId, Panoptic, Rle};

use super::entries::{Annotation, ImageEntry, PanopticFile, SegmentEntry};
use super::instances::DetectionEntry;
use super::segmentation::Segmentation;
use crate::error::{Error, Result};
use crate::names::{check_name, with_slashes};
use crate::{files, png};

/// Writes a json of panoptic annotations with its folder of PNGs, which is named like the json without its ending: what
/// the servers of COCO, and the scripts for ADE20K and Cityscapes, take.
///
/// PNGs are written one at a time, from any thread; the json comes last. So a json that is there has all its PNGs.
#[derive(Clone, Debug)]
pub struct PanopticWriter {
    json: PathBuf,
    pngs: PathBuf,
}

impl PanopticWriter {
    /// Makes the folders.
    ///
    /// # Errors
    /// If the path has no ending to take off, or a folder cannot be made.
    pub fn create(json: impl Into<PathBuf>) -> Result<Self> {
        let json: PathBuf = json.into();
        if json.extension().is_none() {
            return Err(Error::file(&json, "expected a file name that ends in .json"));
        }
        let pngs = json.with_extension("");
        files::create_folder(&pngs)?;
        Ok(Self { json, pngs })
    }

    /// The json that [`Self::finish`] writes.
    pub fn json(&self) -> &Path {
        &self.json
    }

    /// Where the PNG of an image goes: under the image's name, with the ending `png`.
    pub fn png_path(&self, image: &ImageEntry) -> PathBuf {
        self.pngs.join(png_name(image))
    }

    /// Writes the PNG of an image and gives its entry for the json.
    ///
    /// # Errors
    /// If the image's name leaves the folder, an id does not fit, or the file cannot be written.
    pub fn write(&self, image: &ImageEntry, panoptic: &Panoptic) -> Result<Annotation> {
        check_name(&image.file_name)
            .map_err(|reason| Error::entry(&self.json, format!("image {}", image.id), reason))?;
        let file = self.png_path(image);
        if let Some(folder) = file.parent() {
            files::create_folder(folder)?;
        }
        png::write_panoptic(&file, &panoptic.map)?;
        Ok(Annotation {
            image_id: image.id.clone(),
            file_name: png_name(image),
            segments_info: panoptic.segments.iter().map(SegmentEntry::from).collect(),
        })
    }

    /// Writes the json.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(
        &self,
        images: Vec<ImageEntry>,
        annotations: Vec<Annotation>,
        categories: &Categories,
    ) -> Result<()> {
        let categories = categories.as_slice().to_vec();
        files::write_json(&self.json, &PanopticFile { images, annotations, categories })
    }
}

fn png_name(image: &ImageEntry) -> String {
    Path::new(&with_slashes(&image.file_name)).with_extension("png").to_string_lossy().into_owned()
}

/// The things of an image as detections; a segment without a score has 1, and crowds are left out.
pub fn detections(image: &ImageId, panoptic: &Panoptic, categories: &Categories) -> Vec<DetectionEntry> {
    let masks = Rle::encode_all(&panoptic.map);
    let things = panoptic.segments.iter().filter(|s| !s.iscrowd && categories.is_thing(s.category_id));
    let found = things.filter_map(|segment| {
        let at = masks.binary_search_by_key(&segment.id, |(id, _)| *id).ok()?;
        Some(DetectionEntry {
            image_id: image.clone(),
            category_id: segment.category_id,
            segmentation: Segmentation::Rle(masks[at].1.clone()),
            score: segment.score.map_or(1.0, f64::from),
        })
    });
    found.collect()
}

/// Writes detections as `coco_instances_results.json`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_detections(file: &Path, detections: &[DetectionEntry]) -> Result<()> {
    files::write_json(file, &detections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coco::{CocoDetections, CocoInstances, CocoPanoptic, CocoPredictions};
    use kmax_masks::LabelMap;

    fn scene() -> (ImageEntry, Panoptic) {
        let map = LabelMap::new(3, 2, vec![5, 5, 0, 70_000, 9, 9]).expect("3 x 2");
        let class = |id| if id == 5 { (184, false) } else { (1, id == 9) };
        let mut panoptic = Panoptic::from_map(map, class);
        panoptic.segments[2].score = Some(0.25);
        (ImageEntry { id: 7.into(), file_name: "a/b.jpg".into(), width: 3, height: 2 }, panoptic)
    }

    #[test]
    fn what_is_written_is_read_again() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (image, panoptic) = scene();
        let categories = Categories::coco_panoptic();
        let writer = PanopticWriter::create(folder.path().join("out/panoptic.json"))?;
        let annotation = writer.write(&image, &panoptic)?;
        assert_eq!(annotation.file_name, "a/b.png");
        writer.finish(vec![image], vec![annotation], &categories)?;
        let (json, pngs) = (writer.json(), writer.json().with_extension(""));
        let dataset = CocoPanoptic::open(json, folder.path(), &pngs)?;
        assert_eq!((dataset.panoptic(0)?, dataset.truth(0)?), (panoptic.clone(), panoptic.clone()));
        let predictions = CocoPredictions::open(json, &pngs)?;
        assert_eq!(predictions.panoptic(&7.into(), &categories)?, panoptic);
        assert!(predictions.panoptic(&8.into(), &categories).is_err());
        assert!(PanopticWriter::create(folder.path().join("panoptic")).is_err());
        let outside = ImageEntry { id: 1.into(), file_name: "../b.jpg".into(), width: 3, height: 2 };
        assert!(writer.write(&outside, &panoptic).is_err());
        let back_slashes = ImageEntry { file_name: "a\\c.jpg".into(), ..outside };
        assert_eq!(writer.write(&back_slashes, &panoptic)?.file_name, "a/c.png");
        assert!(pngs.join("a/c.png").is_file());
        Ok(())
    }

    #[test]
    fn things_become_detections() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (image, panoptic) = scene();
        let found = detections(&image.id, &panoptic, &Categories::coco_panoptic());
        assert_eq!((found.len(), found[0].score, found[0].category_id), (1, 0.25, 1));
        let file = folder.path().join("coco_instances_results.json");
        write_detections(&file, &found)?;
        let truth = folder.path().join("truth.json");
        let empty = r#"{"images": [{"id": 7, "file_name": "a", "width": 3, "height": 2}], "annotations": [],
            "categories": [{"id": 1, "name": "person"}]}"#;
        std::fs::write(&truth, empty).expect("written");
        let truth = CocoInstances::open(truth)?;
        let read = CocoDetections::open(&file, &truth)?.detections(0, &truth.images()[0])?;
        assert_eq!(read[0].mask, Rle::encode(&panoptic.map, 70_000));
        Ok(())
    }
}

//! Cityscapes as the site distributes it, and the forms its scripts take.
//!
//! | what | where |
//! | --- | --- |
//! | images | `leftImg8bit/SPLIT/CITY/ID_leftImg8bit.png` |
//! | classes | `gtFine/SPLIT/CITY/ID_gtFine_labelIds.png`, regular ids |
//! | instances | `gtFine/SPLIT/CITY/ID_gtFine_instanceIds.png` |
//! | panoptic | `gtFine/cityscapes_panoptic_SPLIT_trainId.json` and the folder of that name, in COCO's form |

mod results;

use std::path::{Path, PathBuf};

use kmax_masks::{LabelMap, Panoptic, cityscapes};
use kmax_transforms::{Sample, read_image};

use crate::coco::CocoPanoptic;
use crate::error::{Error, Result};
use crate::{files, png};

pub use results::{PredictedInstance, find_result, read_instances, write_instances};

/// The ending of a class map.
const LABELS: &str = "_gtFine_labelIds.png";

/// One image of Cityscapes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CityscapesImage {
    /// `CITY_SEQUENCE_FRAME`.
    pub id: String,
    /// The folder it lies in.
    pub city: String,
}

/// A split of Cityscapes, by the class maps that are there.
#[derive(Clone, Debug)]
pub struct Cityscapes {
    root: PathBuf,
    fine: PathBuf,
    split: String,
    images: Vec<CityscapesImage>,
}

impl Cityscapes {
    /// Looks for the class maps of a split (`train`, `val`, `test`). `root` holds `gtFine`, or is it.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(root: impl AsRef<Path>, split: &str) -> Result<Self> {
        let root = root.as_ref();
        let (root, fine) = match root.join("gtFine") {
            fine if fine.is_dir() => (root, fine),
            _ => (root.parent().unwrap_or(root), root.to_path_buf()),
        };
        let folder = fine.join(split);
        let mut images: Vec<CityscapesImage> = files::below(&folder, LABELS)?
            .iter()
            .filter_map(|path| path.rsplit_once('/'))
            .map(|(city, name)| CityscapesImage {
                id: name.trim_end_matches(LABELS).to_owned(),
                city: city.to_owned(),
            })
            .collect();
        images.sort_unstable();
        if images.is_empty() {
            return Err(Error::file(&folder, format!("no file CITY/*{LABELS} is here")));
        }
        Ok(Self { root: root.to_path_buf(), fine, split: split.to_owned(), images })
    }

    /// The images by id.
    pub fn images(&self) -> &[CityscapesImage] {
        &self.images
    }

    /// The split.
    pub fn split(&self) -> &str {
        &self.split
    }

    fn fine(&self, image: &CityscapesImage, ending: &str) -> PathBuf {
        self.fine.join(&self.split).join(&image.city).join(format!("{}_gtFine_{ending}.png", image.id))
    }

    /// The class map of an image.
    pub fn label_path(&self, image: &CityscapesImage) -> PathBuf {
        self.fine(image, "labelIds")
    }

    /// The instance map of an image.
    pub fn instance_path(&self, image: &CityscapesImage) -> PathBuf {
        self.fine(image, "instanceIds")
    }

    /// The file of an image.
    pub fn image_path(&self, image: &CityscapesImage) -> PathBuf {
        let folder = self.root.join("leftImg8bit").join(&self.split).join(&image.city);
        folder.join(format!("{}_leftImg8bit.png", image.id))
    }

    /// The json of the panoptic annotations, whose PNGs lie in the folder of that name.
    pub fn panoptic_json(&self) -> PathBuf {
        self.fine.join(format!("cityscapes_panoptic_{}_trainId.json", self.split))
    }

    /// The panoptic annotations, with their images.
    ///
    /// # Errors
    /// If they are not there (cityscapesScripts' `createPanopticImgs` makes them) or damaged.
    pub fn as_panoptic(&self) -> Result<CocoPanoptic> {
        let json = self.panoptic_json();
        let images = self.root.join("leftImg8bit").join(&self.split);
        let dataset = CocoPanoptic::open(&json, images, json.with_extension(""))?;
        // The official converter names the class maps, not the images, and leaves the city out.
        Ok(dataset.map_images(|image| {
            let city = image.split('_').next().unwrap_or_default();
            format!("{city}/{image}_leftImg8bit.png")
        }))
    }

    /// The class map of an image: regular ids.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn labels(&self, image: &CityscapesImage) -> Result<LabelMap> {
        png::read_labels(&self.label_path(image))
    }

    /// The instance map of an image.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn instance_ids(&self, image: &CityscapesImage) -> Result<LabelMap> {
        png::read_labels(&self.instance_path(image))
    }

    /// The segments of an image, made from its instance map as the official converter does: classes are train ids.
    ///
    /// # Errors
    /// If the file is missing or damaged, or a value has no label.
    pub fn panoptic(&self, image: &CityscapesImage) -> Result<Panoptic> {
        let ids = self.instance_ids(image)?;
        cityscapes::panoptic(&ids).map_err(Error::masks(&self.instance_path(image)))
    }

    /// An image with its segments.
    ///
    /// # Errors
    /// As [`Self::panoptic`], also if the image is missing, damaged or of another size.
    pub fn sample(&self, image: &CityscapesImage) -> Result<Sample> {
        let panoptic = self.panoptic(image)?;
        let file = self.image_path(image);
        let pixels = read_image(&file)?;
        let (width, height) = (pixels.width() as usize, pixels.height() as usize);
        if (width, height) != (panoptic.map.width(), panoptic.map.height()) {
            let labels = format!("{} x {}", panoptic.map.width(), panoptic.map.height());
            return Err(Error::file(
                &file,
                format!("{width} x {height} pixels, but its labels have {labels}"),
            ));
        }
        Ok(Sample { image: pixels, panoptic, image_id: image.id.as_str().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_of_the_site_is_read() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        for part in ["gtFine/val/bern", "leftImg8bit/val/bern"] {
            files::create_folder(&root.join(part))?;
        }
        let map = |data: &[u32]| LabelMap::new(2, 1, data.to_vec()).expect("2 x 1");
        let name = |part: &str| root.join(format!("gtFine/val/bern/bern_000001_000019_gtFine_{part}.png"));
        png::write_labels(&name("labelIds"), &map(&[7, 26]))?;
        png::write_labels_16(&name("instanceIds"), &map(&[7, 26_001]))?;
        let file = root.join("leftImg8bit/val/bern/bern_000001_000019_leftImg8bit.png");
        image::RgbImage::new(2, 1).save(&file).expect("written");
        for start in [root.to_path_buf(), root.join("gtFine")] {
            let data = Cityscapes::open(start, "val")?;
            let image = &data.images()[0];
            assert_eq!((image.id.as_str(), image.city.as_str()), ("bern_000001_000019", "bern"));
            assert_eq!(data.labels(image)?.data(), [7, 26]);
            let sample = data.sample(image)?;
            let classes: Vec<_> = sample.panoptic.segments.iter().map(|s| (s.id, s.category_id)).collect();
            assert_eq!(classes, [(7, 0), (26_001, 13)]);
        }
        image::RgbImage::new(2, 2).save(&file).expect("written");
        let data = Cityscapes::open(root, "val")?;
        assert!(data.sample(&data.images()[0]).is_err_and(|e| e.to_string().contains("2 x 2 pixels")));
        png::write_labels_16(&name("instanceIds"), &map(&[7, 40_001]))?;
        assert!(data.panoptic(&data.images()[0]).is_err_and(|e| e.to_string().contains("40001")));
        assert!(Cityscapes::open(root, "train").is_err());
        Ok(())
    }
}

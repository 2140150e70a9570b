//! A folder in COCO's panoptic form: images, PNGs of segment ids and a json.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use kmax_masks::{Categories, LabelMap, Panoptic};
use kmax_transforms::{Sample, read_image};

use super::entries::{Annotation, ImageEntry, PanopticContent};
use super::ids::Listed;
use crate::error::{Error, Result};
use crate::names::{Folder, check_name};
use crate::things::Things;
use crate::turned::turned;
use crate::{files, json, png};

/// A dataset in COCO's panoptic form, that of the site or of the user's own.
///
/// The json is read and checked by [`Self::open`]; images and PNGs are read one at a time by [`Self::sample`].
#[derive(Clone, Debug)]
pub struct CocoPanoptic {
    json: PathBuf,
    images: Folder,
    pngs: Folder,
    /// Each annotation with its image, in the order of the file.
    entries: Vec<(ImageEntry, Annotation)>,
    categories: Categories,
    things: Things,
    /// Whether segments without a pixel are left out instead of refused.
    tolerant: bool,
}

impl CocoPanoptic {
    /// Reads the json and checks that its entries fit each other. Images without an annotation are left out.
    ///
    /// # Errors
    /// If the json cannot be read or lacks a field, an id occurs twice, an annotation's image or class is not
    /// listed, a file name leaves its folder, or a size is 0 or more than [`kmax_masks::MAX_PIXELS`].
    pub fn open(json: impl AsRef<Path>, images: impl AsRef<Path>, pngs: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(json, images, pngs, &Things::default())
    }

    /// As [`Self::open`], of a json that may not say which classes are things.
    ///
    /// # Errors
    /// As [`Self::open`]; also if `things` has a name of no class, or contradicts the json.
    pub fn open_with(
        json: impl AsRef<Path>,
        images: impl AsRef<Path>,
        pngs: impl AsRef<Path>,
        things: &Things,
    ) -> Result<Self> {
        let json = json.as_ref();
        Self::from_bytes(&files::read_list(json)?, json, images.as_ref(), pngs.as_ref(), things)
    }

    pub(crate) fn from_bytes(
        bytes: &[u8],
        json: &Path,
        images: &Path,
        pngs: &Path,
        things: &Things,
    ) -> Result<Self> {
        let file: PanopticContent = json::parse(json, bytes)?;
        let fail = |entry: String, reason: String| Error::Entry { file: json.to_path_buf(), entry, reason };
        let categories = things.decide(json, file.categories)?;
        let categories = Categories::new(categories).map_err(Error::masks(json))?;
        if categories.is_empty() {
            return Err(fail("categories".into(), "the list is missing or empty".into()));
        }
        let mut by_id = HashMap::with_capacity(file.images.len());
        for (position, image) in file.images.iter().enumerate() {
            let entry = || format!("images[{position}] (id {})", image.id);
            image.check_size().map_err(|reason| fail(entry(), reason))?;
            check_name(&image.file_name).map_err(|reason| fail(entry(), reason))?;
            if by_id.insert(&image.id, image).is_some() {
                return Err(fail(entry(), "the id occurs twice".into()));
            }
        }
        let mut annotated = HashSet::with_capacity(file.annotations.len());
        let mut entries = Vec::with_capacity(file.annotations.len());
        for (position, annotation) in file.annotations.into_iter().enumerate() {
            let entry = || format!("annotations[{position}] (image {})", annotation.image_id);
            let image = by_id.get(&annotation.image_id).ok_or_else(|| {
                let listed = Listed::new(file.images.iter().map(|image| &image.id), "`images`");
                fail(entry(), listed.lack(&annotation.image_id))
            })?;
            if !annotated.insert(annotation.image_id.clone()) {
                return Err(fail(entry(), "the image has two annotations".into()));
            }
            check_name(&annotation.file_name).map_err(|reason| fail(entry(), reason))?;
            check_segments(&annotation, &categories).map_err(|reason| fail(entry(), reason))?;
            entries.push(((*image).clone(), annotation));
        }
        let pngs = Folder::of(pngs, entries.iter().map(|(_, annotation)| annotation.file_name.as_str()));
        let opened = Self {
            json: json.to_path_buf(),
            images: Folder::new(images),
            pngs,
            entries,
            categories,
            things: things.clone(),
            tolerant: false,
        };
        Ok(opened.with_images(images))
    }

    /// The same with the images in another folder.
    pub fn with_images(self, images: impl Into<PathBuf>) -> Self {
        let images = Folder::of(images, self.entries.iter().map(|(image, _)| image.file_name.as_str()));
        Self { images, ..self }
    }

    /// The same with segments left out that no pixel has. ADE20K lists some that others were painted over.
    pub fn without_lost_segments(self) -> Self {
        Self { tolerant: true, ..self }
    }

    /// The same with images' files named after their ids.
    pub(crate) fn map_images(mut self, name: impl Fn(&str) -> String) -> Self {
        for (image, _) in &mut self.entries {
            image.file_name = name(&image.id.to_string());
        }
        let images = self.images.path().to_path_buf();
        self.with_images(images)
    }

    /// The number of annotated images.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no image is annotated.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The classes, in the order of the file.
    pub fn categories(&self) -> &Categories {
        &self.categories
    }

    /// What was said of classes of which the json does not say whether they are things.
    pub fn things(&self) -> &Things {
        &self.things
    }

    /// The images with their annotations, in the order of the file's annotations.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&ImageEntry, &Annotation)> {
        self.entries.iter().map(|(image, annotation)| (image, annotation))
    }

    /// The json this was read from.
    pub fn json(&self) -> &Path {
        &self.json
    }

    /// The folder of images.
    pub fn images_folder(&self) -> &Path {
        self.images.path()
    }

    /// The folder of PNGs.
    pub fn pngs_folder(&self) -> &Path {
        self.pngs.path()
    }

    /// Where the file of the image at `index` (0 to [`Self::len`] - 1) is. One that is not there is where it should be.
    ///
    /// It is the first of these: the file of exactly the name in the json; that with `/` for back-slashes; that of the last part of
    /// the name, if no two names of the json end alike; the only one whose name differs in upper and lower case, in `%20` for a space
    /// and the like, or in how Unicode composes its letters.
    ///
    /// # Errors
    /// If two files could be meant, or the index is past the end.
    pub fn image_path(&self, index: usize) -> Result<PathBuf> {
        self.images.file(&self.entry(index)?.0.file_name)
    }

    /// Where the PNG of an image is; found as [`Self::image_path`].
    ///
    /// # Errors
    /// As [`Self::image_path`].
    pub fn png_path(&self, index: usize) -> Result<PathBuf> {
        self.pngs.file(&self.entry(index)?.1.file_name)
    }

    /// Reads image and segments of the image at `index` (0 to [`Self::len`] - 1).
    ///
    /// # Errors
    /// If a file is missing or damaged, its size is not that of the json, or the PNG and the json differ in the
    /// segments they hold.
    pub fn sample(&self, index: usize) -> Result<Sample> {
        let panoptic = self.panoptic(index)?;
        let (entry, _) = self.entry(index)?;
        let file = self.images.file(&entry.file_name)?;
        let image = read_image(&file)?;
        self.check_size(entry, &file, image.width() as usize, image.height() as usize).map_err(|error| {
            let expected = (entry.width, entry.height);
            turned(&file, image.dimensions(), expected).map_or(error, |reason| Error::file(&file, reason))
        })?;
        Ok(Sample { image, panoptic, image_id: entry.id.clone() })
    }

    /// Reads the segments only.
    ///
    /// # Errors
    /// As [`Self::sample`], of the PNG.
    pub fn panoptic(&self, index: usize) -> Result<Panoptic> {
        let (entry, annotation) = self.entry(index)?;
        let file = self.pngs.file(&annotation.file_name)?;
        let map = png::read_panoptic_of(&file, &annotation.segment_ids())?;
        self.check_size(entry, &file, map.width(), map.height())?;
        check_ids(&map, annotation, self.tolerant)
            .map_err(|(id, reason)| Error::entry(&file, format!("segment id {id}"), reason))?;
        let mut panoptic = annotation.over(map);
        if self.tolerant {
            let present: HashSet<u32> = panoptic.map.extents().into_iter().map(|(id, _)| id).collect();
            panoptic.segments.retain(|segment| present.contains(&segment.id));
        }
        Ok(panoptic)
    }

    /// Reads the segments as the official evaluation takes them from a ground truth: areas are those of the json, and
    /// ids may be in the PNG or in the json only (ADE20K has such).
    ///
    /// # Errors
    /// If the PNG is missing, damaged or of another size, or a segment has no area.
    pub fn truth(&self, index: usize) -> Result<Panoptic> {
        Ok(self.truth_with(index, |_| ())?.0)
    }

    /// As [`Self::truth`], also letting `look` see the bytes of the PNG.
    pub(crate) fn truth_with<T>(&self, index: usize, look: impl FnOnce(&[u8]) -> T) -> Result<(Panoptic, T)> {
        let (entry, annotation) = self.entry(index)?;
        if let Some(segment) = annotation.segments_info.iter().find(|segment| segment.area.is_none()) {
            let entry = format!("annotations[{index}] (image {}): segment {}", entry.id, segment.id);
            return Err(Error::entry(&self.json, entry, "`area` is missing, or no whole number"));
        }
        let file = self.pngs.file(&annotation.file_name)?;
        let bytes = files::read(&file)?;
        let map = png::decode_panoptic_of(&bytes, &file, &annotation.segment_ids())?;
        self.check_size(entry, &file, map.width(), map.height())?;
        Ok((annotation.over(map), look(&bytes)))
    }

    pub(crate) fn entry(&self, index: usize) -> Result<&(ImageEntry, Annotation)> {
        self.entries.get(index).ok_or_else(|| {
            let reason = format!("there are {} only", self.entries.len());
            Error::entry(&self.json, format!("annotations[{index}]"), reason)
        })
    }

    fn check_size(&self, entry: &ImageEntry, file: &Path, width: usize, height: usize) -> Result<()> {
        if (width, height) == (entry.width as usize, entry.height as usize) {
            return Ok(());
        }
        let expected = format!("{} of {}", entry.id, self.json.display());
        let reason =
            format!("{width} x {height} pixels, but image {expected} has {} x {}", entry.width, entry.height);
        Err(Error::file(file, reason))
    }
}

/// The first id that is in the map but not in the annotation, or the reverse.
fn check_ids(
    map: &LabelMap,
    annotation: &Annotation,
    tolerant: bool,
) -> std::result::Result<(), (u32, &'static str)> {
    let present: HashSet<u32> = map.extents().into_iter().map(|(id, _)| id).collect();
    let listed: HashSet<u32> = annotation.segments_info.iter().map(|segment| segment.id).collect();
    if let Some(&id) = present.iter().filter(|&&id| id != 0 && !listed.contains(&id)).min() {
        return Err((id, "in the PNG but not in the json's segments_info"));
    }
    match listed.difference(&present).min() {
        Some(&id) if !tolerant => Err((id, "in the json's segments_info but not in the PNG")),
        _ => Ok(()),
    }
}

pub(super) fn check_segments(
    annotation: &Annotation,
    categories: &Categories,
) -> std::result::Result<(), String> {
    let mut ids = HashSet::with_capacity(annotation.segments_info.len());
    for (position, segment) in annotation.segments_info.iter().enumerate() {
        let name = format!("segments_info[{position}] (id {})", segment.id);
        if segment.id == 0 || segment.id >= 1 << 24 {
            return Err(format!("{name}: an id lies between 1 and 16777215"));
        }
        if !ids.insert(segment.id) {
            return Err(format!("{name}: the id occurs twice"));
        }
        if categories.get(segment.category_id).is_none() {
            return Err(format!("{name}: unknown category {}", segment.category_id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{
        "images": [{"id": 4, "file_name": "a.png", "width": 3, "height": 2}],
        "annotations": [{"image_id": 4, "file_name": "a.png", "segments_info": [
            {"id": 1, "category_id": 7, "area": 4, "bbox": [0, 0, 2, 2], "iscrowd": 0},
            {"id": 70000, "category_id": 9, "area": 1, "bbox": [2, 0, 1, 1], "iscrowd": 1}]}],
        "categories": [{"id": 7, "name": "road", "isthing": 0}, {"id": 9, "name": "car", "isthing": 1}]}"#;

    /// A folder with the json, an image and a PNG whose ids are given.
    fn folder(json: &str, ids: [u32; 6], size: (u32, u32)) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for part in ["images", "pngs"] {
            std::fs::create_dir(folder.path().join(part)).expect("created");
        }
        std::fs::write(folder.path().join("p.json"), json).expect("written");
        let picture = image::RgbImage::from_pixel(size.0, size.1, image::Rgb([9, 8, 7]));
        picture.save(folder.path().join("images/a.png")).expect("written");
        let bytes = ids.iter().flat_map(|id| [*id as u8, (id >> 8) as u8, (id >> 16) as u8]).collect();
        let map = image::RgbImage::from_raw(3, 2, bytes).expect("3 x 2");
        map.save(folder.path().join("pngs/a.png")).expect("written");
        folder
    }

    fn open(folder: &tempfile::TempDir) -> Result<CocoPanoptic> {
        let path = folder.path();
        CocoPanoptic::open(path.join("p.json"), path.join("images"), path.join("pngs"))
    }

    #[test]
    fn a_sample_holds_image_and_segments() -> Result<()> {
        let folder = folder(GOOD, [1, 1, 70000, 1, 1, 0], (3, 2));
        let data = open(&folder)?;
        assert_eq!((data.len(), data.categories().len()), (1, 2));
        let sample = data.sample(0)?;
        assert_eq!(sample.image.get_pixel(2, 1).0, [9, 8, 7]);
        assert_eq!(sample.panoptic.map.data(), [1, 1, 70000, 1, 1, 0]);
        assert_eq!(sample.panoptic.segment(70000).map(|s| (s.category_id, s.iscrowd)), Some((9, true)));
        assert!(data.sample(1).is_err_and(|error| error.to_string().contains("annotations[1]")));
        Ok(())
    }

    #[test]
    fn what_disagrees_with_the_json_is_named() {
        let ids = [1, 1, 70000, 1, 1, 0];
        let cases = [
            ([1, 1, 70000, 1, 1, 5], (3, 2), "segment id 5: in the PNG"),
            ([1, 1, 1, 1, 1, 0], (3, 2), "segment id 70000: in the json"),
            (ids, (2, 3), "2 x 3 pixels, but image 4"),
        ];
        for (ids, size, expected) in cases {
            let folder = folder(GOOD, ids, size);
            let message = open(&folder).and_then(|data| data.sample(0)).expect_err(expected).to_string();
            assert!(message.contains(expected) && message.contains("a.png"), "{message}");
        }
        let lost = self::folder(GOOD, [1, 1, 1, 1, 1, 0], (3, 2));
        let kept = open(&lost).and_then(|data| data.without_lost_segments().panoptic(0)).expect("tolerated");
        assert_eq!(kept.segments.iter().map(|segment| segment.id).collect::<Vec<_>>(), [1]);
        let folder = folder(GOOD, ids, (3, 2));
        std::fs::remove_file(folder.path().join("pngs/a.png")).expect("removed");
        let message = open(&folder).and_then(|data| data.sample(0)).expect_err("missing").to_string();
        assert!(message.contains("a.png"), "{message}");
    }

    #[test]
    fn fields_that_nothing_depends_on_may_have_any_form() -> Result<()> {
        let ids = [1, 1, 70000, 1, 1, 0];
        for (from, to) in [
            ("\"bbox\": [0, 0, 2, 2]", "\"bbox\": null"),
            ("\"bbox\": [0, 0, 2, 2]", "\"bbox\": NaN"),
            ("\"area\": 4, ", ""),
            ("\"area\": 4", "\"area\": \"four\""),
            ("\"area\": 4", "\"area\": -Infinity"),
            ("\"id\": 70000, \"category_id\": 9", "\"id\": 7e4, \"category_id\": 9.0"),
            ("\"iscrowd\": 0", "\"iscrowd\": null"),
            ("\"image_id\": 4", "\"image_id\": 4.0"),
            ("{\n", "\u{feff}{\"info\": [NaN], \"licenses\": \"none\",\n"),
            ("\"bbox\": [0, 0, 2, 2]", "\"bbox\": [0, -1, 2, 2]"),
            ("\"bbox\": [0, 0, 2, 2]", "\"bbox\": {\"x\": 1}"),
            ("\"isthing\": 0}", "\"isthing\": 0, \"color\": \"#0a0b0c\", \"supercategory\": null}"),
            ("\"isthing\": 0}", "\"isthing\": false, \"color\": [1, 2, 3, 4], \"supercategory\": 3}"),
            ("\"width\": 3", "\"license\": {}, \"date_captured\": 7, \"width\": 3"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let folder = folder(&GOOD.replace(from, to), ids, (3, 2));
            assert_eq!(open(&folder)?.sample(0)?.panoptic.segments.len(), 2, "{to}");
        }
        Ok(())
    }

    #[test]
    fn grey_and_palette_pngs_are_read_where_they_are_unambiguous() -> Result<()> {
        let folder = folder(&GOOD.replace("70000", "2"), [0; 6], (3, 2));
        let png = folder.path().join("pngs/a.png");
        image::GrayImage::from_raw(3, 2, vec![1, 1, 2, 1, 1, 0]).expect("3 x 2").save(&png).expect("written");
        assert_eq!(open(&folder)?.sample(0)?.panoptic.map.data(), [1, 1, 2, 1, 1, 0]);
        assert_eq!(open(&folder)?.truth(0)?.map.data(), [1, 1, 2, 1, 1, 0]);
        image::GrayImage::from_raw(3, 2, vec![1, 1, 3, 1, 1, 0]).expect("3 x 2").save(&png).expect("written");
        let message = open(&folder)?.sample(0).expect_err("another id").to_string();
        assert!(
            message.contains("a.png: PNG: grey of 8 bits: by its values the id 3 is not in segments_info"),
            "{message}"
        );
        Ok(())
    }

    #[test]
    fn things_may_be_said_beside_a_json_that_does_not() -> Result<()> {
        let silent = GOOD.replace(", \"isthing\": 0", "").replace(", \"isthing\": 1", "");
        let folder = folder(&silent, [1, 1, 70000, 1, 1, 0], (3, 2));
        assert!(open(&folder).is_err_and(|error| error.to_string().contains("(as in 1 more)")));
        let path = folder.path();
        let things = Things::named(["car"]);
        let data =
            CocoPanoptic::open_with(path.join("p.json"), path.join("images"), path.join("pngs"), &things)?;
        assert!(data.categories().is_thing(9) && !data.categories().is_thing(7));
        Ok(())
    }

    #[test]
    fn files_are_found_by_one_rule() -> Result<()> {
        let folder = folder(GOOD, [1, 1, 70000, 1, 1, 0], (3, 2));
        for part in ["images", "pngs"] {
            let file = |name: &str| folder.path().join(part).join(name);
            files::create_folder(&file("City 1"))?;
            std::fs::rename(file("a.png"), file("City 1/a.png")).expect("moved");
        }
        for name in ["City 1/a.png", "City 1\\\\a.png", "city 1/A.PNG", "City%201/a.png"] {
            let text = GOOD.replace("a.png", name);
            std::fs::write(folder.path().join("p.json"), text).expect("written");
            let data = open(&folder)?;
            assert_eq!(data.sample(0)?.image_id, 4.into(), "{name}");
            assert_eq!(data.png_path(0)?, folder.path().join("pngs/City 1/a.png"));
        }
        Ok(())
    }

    #[test]
    fn mistakes_in_the_json_are_named() {
        let cases = [
            (
                ", \"isthing\": 0",
                "",
                "categories[0] (id 7, road): the field `isthing` is missing: 1 for things",
            ),
            (
                "\"isthing\": 1",
                "\"isthing\": 2",
                "categories[1].isthing: invalid value: integer `2`, expected 0 or 1",
            ),
            ("\"isthing\": 1", "\"isthing\": \"1\"", "categories[1].isthing: \"1\" is in quotes"),
            (
                "\"category_id\": 9",
                "\"category_id\": \"9\"",
                "segments_info[1].category_id: \"9\" is in quotes",
            ),
            ("\"id\": 70000", "\"id\": NaN", "annotations[0].segments_info[1].id: NaN cannot stand here"),
            ("\"width\": 3", "\"width\": Infinity", "images[0].width: Infinity cannot stand here"),
            (
                "\"image_id\": 4",
                "\"image_id\": \"4\"",
                "(image 4): the image's id is a string here (\"4\") and a number in `images` (4)",
            ),
            ("\"file_name\": \"a.png\", \"width\"", "\"width\"", "images[0]"),
            ("\"width\": 3", "\"width\": -3", "images[0].width"),
            ("\"width\": 3", "\"width\": 4000000000", "images[0]"),
            ("\"width\": 3", "\"width\": 0", "images[0]"),
            ("\"image_id\": 4", "\"image_id\": 5", "annotations[0] (image 5)"),
            ("\"image_id\": 4", "\"image_id\": 4.5", "annotations[0].image_id"),
            ("\"id\": 70000", "\"id\": 1", "segments_info[1] (id 1): the id occurs twice"),
            ("\"id\": 70000", "\"id\": 0", "segments_info[1] (id 0)"),
            ("\"id\": 70000", "\"id\": 16777216", "segments_info[1]"),
            ("\"category_id\": 9", "\"category_id\": 8", "unknown category 8"),
            ("\"iscrowd\": 1", "\"iscrowd\": 2", "segments_info[1].iscrowd"),
            (
                "\"image_id\": 4, \"file_name\": \"a.png\"",
                "\"image_id\": 4, \"file_name\": \"../a.png\"",
                "../a.png",
            ),
            ("{\"id\": 9, \"name\"", "{\"id\": 7, \"name\"", "7 occurs twice"),
            ("\"annotations\"", "\"annotation\"", "annotations"),
            ("\"isthing\": 1}]}", "", "EOF"),
        ];
        for (from, to, expected) in cases {
            assert!(GOOD.contains(from), "{from}");
            let folder = folder(&GOOD.replace(from, to), [0; 6], (3, 2));
            let message = open(&folder).expect_err(expected).to_string();
            assert!(message.contains(expected) && message.contains("p.json"), "{expected}: {message}");
        }
    }
}

//! From one form of annotations to another.
//!
//! Everything goes through [`Panoptic`]: a [`Source`] gives one for each image, a [`Target`] writes it.

mod part;
mod source;
mod target;

use std::path::Path;

use kmax_base::Progress;
use kmax_masks::Panoptic;

use crate::coco::ImageEntry;
use crate::each::each;
use crate::error::{Error, Result};

pub use part::{Joined, PartReport, convert_part, join};
pub use source::Source;
pub use target::Target;

/// Writes every image of a source in another form, and gives the number of images.
///
/// `out` is a json for the forms that are one, else a folder.
///
/// # Errors
/// If an image cannot be read, does not fit the form, or cannot be written. What was written before stays.
pub fn convert(source: &Source, target: Target, out: &Path, progress: &dyn Progress) -> Result<usize> {
    let categories = source.categories();
    let writer = target::Writer::create(target, categories, source.split(), out)?;
    let images: Vec<usize> = (0..source.len()).collect();
    let written = each(&images, progress, |_, &index| {
        let (image, panoptic) = source.read(index)?;
        let part = writer.write(&image, || source.photo(index), &panoptic)?;
        Ok((image, part))
    })?;
    let count = written.len();
    writer.finish(written)?;
    Ok(count)
}

/// Renumbers segments so that things count from 1 within their class and stuff is 0: the second channel.
fn numbered(panoptic: &Panoptic, is_thing: impl Fn(u32) -> bool) -> Vec<(u32, u32, u32)> {
    let mut counts = std::collections::HashMap::<u32, u32>::new();
    let number = |segment: &kmax_masks::Segment| {
        if !is_thing(segment.category_id) {
            return (segment.id, segment.category_id, 0);
        }
        let count = counts.entry(segment.category_id).or_default();
        *count += 1;
        (segment.id, segment.category_id, *count)
    };
    panoptic.segments.iter().map(number).collect()
}

/// The image of a file that no json describes.
fn described(name: &str, width: usize, height: usize, file: &Path) -> Result<ImageEntry> {
    let small = |value: usize| u32::try_from(value).map_err(|_| Error::file(file, "too large"));
    let stem = name.strip_suffix(".png").unwrap_or(name);
    Ok(ImageEntry {
        // Numbers in COCO, words elsewhere.
        id: stem.parse::<i64>().map_or_else(|_| stem.into(), Into::into),
        file_name: format!("{stem}.jpg"),
        width: small(width)?,
        height: small(height)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coco::{CocoInstances, CocoPanoptic, PanopticWriter};
    use crate::png;
    use kmax_masks::{Categories, LabelMap};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// A dataset of one image with COCO's classes.
    fn dataset(folder: &Path, ids: &[u32]) -> Result<CocoPanoptic> {
        let map = LabelMap::new(4, 3, ids.to_vec()).expect("4 x 3");
        let panoptic = Panoptic::from_map(map, |id| ([1, 3, 184][id as usize % 3], false));
        let image = ImageEntry { id: 7.into(), file_name: "000007.jpg".into(), width: 4, height: 3 };
        let writer = PanopticWriter::create(folder.join("in.json"))?;
        let annotation = writer.write(&image, &panoptic)?;
        writer.finish(vec![image], vec![annotation], &Categories::coco_panoptic())?;
        CocoPanoptic::open(writer.json(), folder, folder.join("in"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn channels_and_back_keep_the_segments(ids in prop::collection::vec(0..6u32, 12)) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let there = Source::panoptic(dataset(folder.path(), &ids).expect("written"));
            for (target, name) in [(Target::TwoChannel, "two"), (Target::ThreeChannel, "three")] {
                let out = folder.path().join(name);
                convert(&there, target, &out, &()).expect("converted");
                let back = Source::channels(&out, Categories::coco_panoptic(), target == Target::ThreeChannel);
                let back = back.expect("read");
                let (image, panoptic) = back.read(0).expect("read");
                prop_assert_eq!(image.id, 7.into());
                let (_, expected) = there.read(0).expect("read");
                // Ids are the source's own, and stuff of a class becomes one; the classes of pixels stay.
                prop_assert_eq!(panoptic.semantic(0), expected.semantic(0));
                let things = |p: &Panoptic| {
                    let mut found: Vec<_> = p.segments.iter().filter(|s| s.category_id < 92)
                        .map(|s| (s.category_id, s.area, s.bbox)).collect();
                    found.sort_unstable();
                    found
                };
                prop_assert_eq!(things(&panoptic), things(&expected));
            }
        }
    }

    #[test]
    fn each_form_is_written() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ids = [3, 3, 1, 1, 2, 2, 2, 2, 0, 0, 4, 4];
        let source = Source::panoptic(dataset(folder.path(), &ids)?);
        let out = |name: &str| folder.path().join(name);

        convert(&source, Target::CocoPanoptic, &out("p.json"), &())?;
        let again = CocoPanoptic::open(out("p.json"), folder.path(), out("p"))?;
        assert_eq!(again.panoptic(0)?, source.read(0)?.1);

        convert(&source, Target::CocoInstances, &out("i.json"), &())?;
        let instances = CocoInstances::open(out("i.json"))?;
        let areas: Vec<_> =
            instances.truths(0)?.iter().map(|t| (t.id, t.category_id, t.mask.area())).collect();
        assert_eq!(areas, [(1, 3, 2), (2, 1, 2), (3, 3, 2)]);

        convert(&source, Target::Semantic, &out("semantic"), &())?;
        let map = png::read_labels(&out("semantic/000007.png"))?;
        assert_eq!(map.data()[..4], [0, 0, 2, 2]);
        assert_eq!(map.data()[8], 255);

        // COCO's classes are none of Cityscapes'.
        let failed = convert(&source, Target::LabelIds, &out("labels"), &()).expect_err("no such class");
        assert!(failed.to_string().contains("Cityscapes"), "{failed}");
        Ok(())
    }

    #[test]
    fn any_dataset_goes_to_the_forms_of_tools_with_its_photos() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name);
        let writer = PanopticWriter::create(place("in.json"))?;
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        for (id, name) in [("one", "city/a.jpg"), ("two", "town/a.jpg")] {
            let image = ImageEntry { id: id.into(), file_name: name.into(), width: 2, height: 1 };
            let map = LabelMap::new(2, 1, vec![1, 0]).expect("2 x 1");
            annotations.push(writer.write(&image, &Panoptic::from_map(map, |_| (1, false)))?);
            images.push(image);
        }
        writer.finish(images, annotations, &Categories::coco_panoptic())?;
        let photo = place("photos/town/a.jpg");
        std::fs::create_dir_all(photo.parent().expect("a folder")).expect("made");
        std::fs::write(&photo, b"").expect("written");

        let data = CocoPanoptic::open(writer.json(), place("photos"), place("in"))?;
        let source = Source::annotated(Arc::new(data)).with_split("val");
        assert_eq!(
            (source.len(), source.split(), source.read(0)?.0.file_name.as_str()),
            (2, "val", "city/a.jpg")
        );
        assert_eq!((source.photo(0)?, source.photo(1)?), (None, Some(photo)));

        assert_eq!(convert(&source, Target::Yolo, &place("yolo"), &())?, 2);
        assert!(
            place("yolo/labels/val/city/a.txt").is_file() && place("yolo/images/val/town/a.jpg").is_file()
        );
        assert_eq!(convert(&source, Target::Labelme, &place("labelme"), &())?, 2);
        assert!(place("labelme/town/a.json").is_file());
        convert(&source, Target::CvatCoco, &place("cvat.json"), &())?;
        let read = CocoInstances::open(place("cvat.json"))?;
        assert_eq!((&read.images()[1].id, read.truths(1)?.len()), (&2.into(), 1));
        // What was there before is written as ever.
        convert(&source, Target::CocoPanoptic, &place("again.json"), &())?;
        let again = CocoPanoptic::open(place("again.json"), place("photos"), place("again"))?;
        assert_eq!(again.panoptic(1)?, source.read(1)?.1);
        Ok(())
    }
}

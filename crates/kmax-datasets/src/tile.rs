//! Datasets of large images, cut into tiles to learn from.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use image::imageops::crop_imm;
use kmax_base::Progress;
use kmax_masks::Panoptic;
use kmax_tiles::Tiling;
use kmax_transforms::{Sample, labels, read_image};

use crate::annotated::joined;
use crate::coco::{Annotation, ImageEntry, PanopticWriter};
use crate::convert::Source;
use crate::each::each;
use crate::error::{Error, Result};
use crate::forms::{ALL, Split};
use crate::names::check_name;
use crate::{files, png};

/// What was written of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiled {
    /// The json in COCO's panoptic form.
    pub json: PathBuf,
    /// Images that were read.
    pub images: usize,
    /// Tiles that were written.
    pub tiles: usize,
}

/// Cuts the images of a split with their labels, and writes the tiles in COCO's panoptic form: photos as PNGs in `OUT/SPLIT`, labels in
/// `OUT/panoptic_SPLIT.json` and the folder beside it (`OUT/images` and `OUT/panoptic.json` where the dataset has no parts).
///
/// Tiles are evenly spread, as those that [`kmax_tiles`] segments; an image that is no larger than one is a tile. A tile is called as its image with
/// its first row and column behind. What a border cuts is an object in each tile that sees some of it. The json comes last: one that is there has all
/// its tiles.
///
/// # Errors
/// If the tiling makes no sense, the json is there already, a photo or its labels are missing or damaged, two tiles would be called the same, or a file cannot be written.
pub fn tile(split: &Split, tiling: Tiling, out: &Path, progress: &dyn Progress) -> Result<Tiled> {
    tiling.check().map_err(|error| Error::setting("tile", error.to_string()))?;
    let source = Source::of(split);
    let (photos, json) = match split.name.as_str() {
        ALL => (out.join("images"), out.join("panoptic.json")),
        name => (out.join(name), out.join(format!("panoptic_{name}.json"))),
    };
    if json.exists() {
        return Err(Error::file(&json, "is there already; take another folder, or remove it with its tiles"));
    }
    let writer = PanopticWriter::create(&json)?;
    let cut = Cut { tiling, photos, writer };
    let indices: Vec<usize> = (0..source.len()).collect();
    let written = each(&indices, progress, |_, &index| {
        let (image, panoptic) = source.read(index)?;
        let file = split.data.image_path(index)?;
        let sample = joined(&file, read_image(&file)?, panoptic, image.id.clone())?;
        cut.image(&image, &sample)
    })?;
    let (images, annotations): (Vec<_>, Vec<_>) = written.into_iter().flatten().unzip();
    let mut names = HashSet::with_capacity(images.len());
    if let Some(twice) = images.iter().find(|image: &&ImageEntry| !names.insert(&image.file_name)) {
        let reason = "two images have a tile of this name";
        return Err(Error::file(&cut.photos.join(&twice.file_name), reason));
    }
    let tiles = images.len();
    cut.writer.finish(images, annotations, source.categories())?;
    Ok(Tiled { json, images: indices.len(), tiles })
}

/// How images are cut, and where tiles go.
struct Cut {
    tiling: Tiling,
    photos: PathBuf,
    writer: PanopticWriter,
}

impl Cut {
    /// Writes the tiles of an image.
    fn image(&self, image: &ImageEntry, sample: &Sample) -> Result<Vec<(ImageEntry, Annotation)>> {
        check_name(&image.file_name)
            .map_err(|reason| Error::entry(&self.photos, format!("image {}", image.id), reason))?;
        let (width, height) = sample.image.dimensions();
        let stem = Path::new(&image.file_name).with_extension("");
        let stem = stem.to_string_lossy();
        let write = |(columns, rows): (std::ops::Range<u32>, std::ops::Range<u32>)| {
            let (x, y) = (columns.start, rows.start);
            let (width, height) = (columns.end - x, rows.end - y);
            let name = format!("{stem}_{y}_{x}");
            let entry =
                ImageEntry { id: name.as_str().into(), file_name: format!("{name}.png"), width, height };
            let file = self.photos.join(&entry.file_name);
            if let Some(folder) = file.parent() {
                files::create_folder(folder)?;
            }
            png::write_photo(&file, &crop_imm(&sample.image, x, y, width, height).to_image())?;
            let annotation = self.writer.write(&entry, &part(&sample.panoptic, [y, x], [height, width])?)?;
            Ok((entry, annotation))
        };
        self.tiling.of_image(width, height).into_iter().map(write).collect()
    }
}

/// The segments of a part of an image.
fn part(whole: &Panoptic, [y, x]: [u32; 2], [height, width]: [u32; 2]) -> Result<Panoptic> {
    let [y, x, height, width] = [y, x, height, width].map(|value| value as usize);
    let map = labels::cropped(&whole.map, [height, width], [y, x])?;
    let mut segments = whole.segments.clone();
    let seen: HashSet<u32> = map.data().iter().copied().collect();
    segments.retain(|segment| seen.contains(&segment.id));
    let mut part = Panoptic::new(map, segments);
    part.measure();
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::{self, Options};
    use kmax_masks::LabelMap;
    use kmax_transforms::RgbImage;
    use std::fs;

    /// Two images of binary masks: one of 100 x 70 pixels with three objects, one of 20 x 30 without any.
    fn nuclei(root: &Path) -> Result<()> {
        let folder = |id: &str, part: &str| root.join(id).join(part);
        for (id, width, height) in [("a", 100, 70), ("b", 20, 30)] {
            fs::create_dir_all(folder(id, "images")).expect("a folder");
            fs::create_dir_all(folder(id, "masks")).expect("a folder");
            let photo =
                RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
            png::write_photo(&folder(id, "images").join("p.png"), &photo)?;
        }
        for (name, [left, top, side]) in
            [("1.png", [10, 10, 8]), ("2.png", [45, 20, 20]), ("3.png", [80, 50, 15])]
        {
            let inside = |at: usize, start: usize| (start..start + side).contains(&at);
            let data = (0..100 * 70)
                .map(|at| u32::from(inside(at % 100, left) && inside(at / 100, top)) * 255)
                .collect();
            png::write_labels(
                &folder("a", "masks").join(name),
                &LabelMap::new(100, 70, data).expect("100 x 70"),
            )?;
        }
        Ok(())
    }

    #[test]
    fn tiles_are_a_dataset_of_their_own() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (root, out) = (folder.path().join("in"), folder.path().join("out"));
        nuclei(&root)?;
        let opened = forms::open(&root, &Options::default())?;
        let whole = &opened.splits[0];
        let tiled = tile(whole, Tiling { size: 64, overlap: 0 }, &out, &())?;
        assert_eq!((tiled.images, tiled.tiles, tiled.json), (2, 5, out.join("panoptic.json")));

        let again = forms::open(&out, &Options::default())?;
        let data = &again.splits[0].data;
        assert_eq!(data.len(), 5);
        assert_eq!(data.categories(), whole.data.categories());
        let twice = tile(whole, Tiling { size: 32, overlap: 0 }, &out, &());
        assert!(twice.is_err_and(|error| error.to_string().contains("there already")));
        let (full, mut objects) = (whole.data.sample(0)?, Vec::new());
        for index in 0..4 {
            let sample = data.sample(index)?;
            let (x, y) = ([0, 36][index % 2], [0, 6][index / 2]);
            assert_eq!(sample.image_id, format!("a/images/p_{y}_{x}").as_str().into());
            assert_eq!(sample.image, crop_imm(&full.image, x, y, 64, 64).to_image());
            let expected = labels::cropped(&full.panoptic.map, [64, 64], [y as usize, x as usize])?;
            assert_eq!(sample.panoptic.map, expected);
            objects.push(sample.panoptic.segments.iter().filter(|s| s.area < 500).count());
        }
        // The second object lies across the middle and is in all tiles.
        assert_eq!(objects, [2, 2, 2, 2]);
        assert_eq!(data.sample(4)?.image, whole.data.sample(1)?.image);
        Ok(())
    }

    #[test]
    fn what_cannot_be_cut_leaves_no_json() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (root, out) = (folder.path().join("in"), folder.path().join("out"));
        nuclei(&root)?;
        let opened = forms::open(&root, &Options::default())?;
        let refused = |size, overlap| tile(&opened.splits[0], Tiling { size, overlap }, &out, &()).err();
        assert!(refused(64, 60).is_some_and(|error| error.kind() == kmax_base::ErrorKind::InvalidArgument));
        fs::write(root.join("b/images/p.png"), [0; 9]).expect("written");
        assert!(refused(64, 0).is_some_and(|error| error.to_string().contains("p.png")));
        assert!(!out.join("panoptic.json").exists());
        Ok(())
    }
}

//! Where things lie in a dataset's folder.

use std::path::{Path, PathBuf};

use kmax_masks::Dataset;

use crate::cityscapes::Cityscapes;
use crate::coco::{CocoPanoptic, ImageEntry};
use crate::error::{Error, Result};
use crate::names::{Folder, check_name};
use crate::things::Things;

/// Something labelled that was found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A json in COCO's panoptic form.
    Panoptic {
        /// The json.
        json: PathBuf,
        /// The folder of PNGs.
        pngs: PathBuf,
    },
    /// A json of COCO's instance annotations.
    Instances {
        /// The json.
        json: PathBuf,
    },
    /// A split of Cityscapes.
    Cityscapes {
        /// The folder that holds `gtFine`, or is it.
        root: PathBuf,
        /// `train`, `val` or `test`.
        split: String,
    },
}

/// What is in a folder, or in a single json: splits of Cityscapes, and every json, in the folder itself or in
/// `annotations`, that has a folder of PNGs under its name (panoptic) or is named `instances...`.
///
/// # Errors
/// If there is nothing of the kind.
pub fn find(root: &Path) -> Result<Vec<Part>> {
    if root.is_file() {
        return Ok(vec![of_json(root).unwrap_or_else(|| Part::Instances { json: root.into() })]);
    }
    let mut found: Vec<Part> = ["train", "val", "test"]
        .into_iter()
        .filter(|split| Cityscapes::open(root, split).is_ok())
        .map(|split| Part::Cityscapes { root: root.into(), split: split.into() })
        .collect();
    for folder in [root.to_path_buf(), root.join("annotations"), root.join("gtFine")] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
        files.sort_unstable();
        found.extend(files.iter().filter_map(|file| of_json(file)));
    }
    if found.is_empty() {
        let reason =
            "found neither `gtFine`, nor a json with a folder of PNGs under its name, nor `instances*.json`";
        return Err(Error::file(root, reason));
    }
    Ok(found)
}

pub(crate) fn of_json(json: &Path) -> Option<Part> {
    let name = json.file_stem()?.to_str()?;
    // COCO unpacks some of the folders beside `annotations`.
    let folders = [json.with_extension(""), json.parent()?.parent().unwrap_or(Path::new("")).join(name)];
    if let Some(pngs) = folders.into_iter().find(|folder| folder.is_dir()) {
        return Some(Part::Panoptic { json: json.into(), pngs });
    }
    let annotations = name.starts_with("instances") && !name.ends_with("results");
    annotations.then(|| Part::Instances { json: json.into() })
}

/// Images of a json that are looked for in each folder.
const LOOKED_FOR: usize = 64;

/// The folder of images that belongs to a json: of the usual places the one where most of them are, the first of several.
/// `None` if none of them is in any.
///
/// The usual places are the folders that are called like the split (the json's name without `panoptic_`, `instances_` or
/// `ade20k_panoptic_`), `images/` and the split, `images`, ADE20K's `images/training` and `images/validation`, beside the
/// json or beside its folder, and these two themselves. The folder of `labels` is none of them, though its PNGs may be called as
/// the images are. Of a long list some are looked for, spread over all of it.
pub fn images_folder(json: &Path, labels: Option<&Path>, images: &[ImageEntry]) -> Option<PathBuf> {
    let stem = json.file_stem()?.to_str()?;
    let prefixes = ["panoptic_", "instances_", "ade20k_panoptic_"];
    let split = prefixes.iter().find_map(|prefix| stem.strip_prefix(prefix)).unwrap_or(stem);
    let ade = match split {
        "train" => "images/training",
        _ => "images/validation",
    };
    let here = json.parent()?;
    let roots = [here, here.parent().unwrap_or(here)];
    let places = [split, &format!("images/{split}"), "images", ade, ""].map(PathBuf::from);
    let folders = roots.iter().flat_map(|root| places.iter().map(|place| root.join(place)));
    let step = images.len().div_ceil(LOOKED_FOR).max(1);
    let mut best: Option<(usize, PathBuf)> = None;
    for folder in folders.filter(|folder| folder.is_dir() && labels != Some(folder)) {
        let names = Folder::of(&folder, images.iter().map(|image| image.file_name.as_str()));
        let of_json = images.iter().step_by(step).filter(|image| check_name(&image.file_name).is_ok());
        // What could be two files is there.
        let is_there =
            |image: &&ImageEntry| names.existing(&image.file_name).map_or(true, |file| file.is_some());
        let found = of_json.filter(is_there).count();
        if found > best.as_ref().map_or(0, |(most, _)| *most) {
            best = Some((found, folder));
        }
    }
    best.map(|(_, folder)| folder)
}

/// How the folder of a dataset in COCO's panoptic form is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As the archives of a benchmark dataset unpack, with the annotations that its own converter makes.
    ///
    /// | dataset | json and folder of PNGs | images | usual split |
    /// | --- | --- | --- | --- |
    /// | COCO | `annotations/panoptic_SPLIT` | `SPLIT/` | `val2017` |
    /// | Cityscapes | `gtFine/cityscapes_panoptic_SPLIT_trainId` | `leftImg8bit/SPLIT/` | `val` |
    /// | ADE20K | `ade20k_panoptic_SPLIT` | `images/validation/` | `val` |
    Benchmark(Dataset),
    /// `panoptic_SPLIT.json`, `panoptic_SPLIT/` and `SPLIT/` or `images/`; the usual split is `val`.
    Own,
}

impl Layout {
    /// The split that is meant where none is named.
    pub fn usual_split(self) -> &'static str {
        if self == Self::Benchmark(Dataset::Coco) { "val2017" } else { "val" }
    }
}

/// Opens a split of a dataset.
///
/// # Errors
/// If the json or its folder of PNGs is in none of the usual places, or the json is damaged.
pub fn open(layout: Layout, root: &Path, split: &str) -> Result<CocoPanoptic> {
    open_with(layout, root, split, &Things::default())
}

/// As [`open`], of a json that may not say which classes are things.
///
/// # Errors
/// As [`open`]; also if `things` has a name of no class, or contradicts the json.
pub fn open_with(layout: Layout, root: &Path, split: &str, things: &Things) -> Result<CocoPanoptic> {
    let names = match layout {
        Layout::Benchmark(Dataset::Cityscapes) => return Cityscapes::open(root, split)?.as_panoptic(),
        Layout::Benchmark(Dataset::Ade20k) => vec![format!("ade20k_panoptic_{split}")],
        Layout::Benchmark(Dataset::Coco) | Layout::Own => {
            vec![format!("panoptic_{split}"), split.to_owned(), "panoptic".into()]
        }
    };
    let folders = [root.to_path_buf(), root.join("annotations")];
    let jsons = names.iter().flat_map(|name| folders.iter().map(move |f| f.join(format!("{name}.json"))));
    let Some((json, pngs)) = jsons.filter(|json| json.is_file()).find_map(|json| match of_json(&json)? {
        Part::Panoptic { json, pngs } => Some((json, pngs)),
        _ => None,
    }) else {
        let reason = format!("expected {}.json with the folder of PNGs of that name", names[0]);
        return Err(Error::file(root, reason));
    };
    let mut dataset = CocoPanoptic::open_with(&json, root, &pngs, things)?;
    if layout == Layout::Benchmark(Dataset::Ade20k) {
        dataset = dataset.without_lost_segments();
    }
    let images: Vec<ImageEntry> = dataset.entries().map(|(image, _)| image.clone()).collect();
    match images_folder(&json, Some(&pngs), &images) {
        Some(folder) => Ok(dataset.with_images(folder)),
        None => Ok(dataset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in names {
            let file = folder.path().join(name);
            files::create_folder(file.parent().expect("a folder")).expect("made");
            let json = r#"{"images": [{"id": 1, "file_name": "1.jpg", "width": 1, "height": 1}],
                "annotations": [{"image_id": 1, "file_name": "1.png", "segments_info": []}],
                "categories": [{"id": 1, "name": "a", "isthing": 1}]}"#;
            std::fs::write(file, json).expect("written");
        }
        folder
    }

    #[test]
    fn the_usual_places_are_known() -> Result<()> {
        let coco = ["annotations/panoptic_val2017.json", "annotations/instances_val2017.json"];
        let coco = folder(&[&coco[..], &["annotations/panoptic_val2017/1.png", "val2017/1.jpg"]].concat());
        let ade =
            folder(&["ade20k_panoptic_val.json", "ade20k_panoptic_val/1.png", "images/validation/1.jpg"]);
        let own = folder(&["panoptic_val.json", "panoptic_val/1.png", "val/1.jpg"]);
        let sample = folder(&["panoptic.json", "panoptic/1.png", "images/1.jpg"]);
        for (layout, root, split, image) in [
            (Layout::Benchmark(Dataset::Coco), &coco, "val2017", "val2017/1.jpg"),
            (Layout::Benchmark(Dataset::Ade20k), &ade, "val", "images/validation/1.jpg"),
            (Layout::Own, &own, "val", "val/1.jpg"),
            (Layout::Own, &sample, "val", "images/1.jpg"),
        ] {
            let dataset = open(layout, root.path(), split)?;
            assert_eq!(dataset.image_path(0)?, root.path().join(image));
            assert!(dataset.png_path(0)?.is_file());
        }
        // Labels that are called as their photos are not taken for them.
        let alike = folder(&["val.json", "val/1.jpg", "val/1.png", "images/1.jpg"]);
        let dataset = open(Layout::Own, alike.path(), "val")?;
        assert_eq!(dataset.image_path(0)?, alike.path().join("images/1.jpg"));
        assert_eq!(find(coco.path())?.len(), 2);
        assert!(
            open(Layout::Benchmark(Dataset::Coco), coco.path(), "train2017").is_err()
                && find(&coco.path().join("val2017")).is_err()
        );
        Ok(())
    }
}

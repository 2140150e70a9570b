//! Where things lie in a dataset's folder.

use std::path::{Path, PathBuf};

use crate::cityscapes::Cityscapes;
use crate::coco::{CocoPanoptic, ImageEntry};
use crate::{Error, Result};

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

fn of_json(json: &Path) -> Option<Part> {
    let name = json.file_stem()?.to_str()?;
    // COCO unpacks some of the folders beside `annotations`.
    let folders = [json.with_extension(""), json.parent()?.parent().unwrap_or(Path::new("")).join(name)];
    if let Some(pngs) = folders.into_iter().find(|folder| folder.is_dir()) {
        return Some(Part::Panoptic { json: json.into(), pngs });
    }
    let annotations = name.starts_with("instances") && !name.ends_with("results");
    annotations.then(|| Part::Instances { json: json.into() })
}

/// The folder of photos that belongs to a json: the first of the usual places where the photo of `image` is.
pub fn photos(json: &Path, image: &ImageEntry) -> Option<PathBuf> {
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
    let all = roots.iter().flat_map(|root| places.iter().map(|place| root.join(place)));
    all.into_iter().find(|folder| folder.join(&image.file_name).is_file())
}

/// A site's dataset in COCO's panoptic form, from where its archives unpack to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// `annotations/panoptic_SPLIT.json`, `annotations/panoptic_SPLIT/` and `SPLIT/`; the usual split is `val2017`.
    Coco,
    /// `ade20k_panoptic_SPLIT.json`, `ade20k_panoptic_SPLIT/` and `images/validation/`; the usual split is `val`.
    Ade20k,
    /// `panoptic_SPLIT.json`, `panoptic_SPLIT/` and `SPLIT/` or `images/`; the usual split is `val`.
    Own,
}

/// Opens a split of a site's dataset.
///
/// # Errors
/// If the json or its folder of PNGs is in none of the usual places, or the json is damaged.
pub fn open(site: Site, root: &Path, split: &str) -> Result<CocoPanoptic> {
    let names = match site {
        Site::Coco | Site::Own => vec![format!("panoptic_{split}"), split.to_owned(), "panoptic".into()],
        Site::Ade20k => vec![format!("ade20k_panoptic_{split}")],
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
    let mut dataset = CocoPanoptic::open(&json, root, &pngs)?;
    if site == Site::Ade20k {
        dataset = dataset.without_lost_segments();
    }
    let first = dataset.entries().next().map(|(image, _)| image.clone());
    match first.and_then(|image| photos(&json, &image)) {
        Some(folder) => Ok(dataset.with_photos(folder)),
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
                "categories": [{"id": 1, "name": "a"}]}"#;
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
        for (site, root, split, photo) in [
            (Site::Coco, &coco, "val2017", "val2017/1.jpg"),
            (Site::Ade20k, &ade, "val", "images/validation/1.jpg"),
            (Site::Own, &own, "val", "val/1.jpg"),
            (Site::Own, &sample, "val", "images/1.jpg"),
        ] {
            let dataset = open(site, root.path(), split)?;
            assert_eq!(dataset.photo_path(0), Some(root.path().join(photo)));
            assert!(dataset.png_path(0).is_some_and(|file| file.is_file()));
        }
        assert_eq!(find(coco.path())?.len(), 2);
        assert!(
            open(Site::Coco, coco.path(), "train2017").is_err()
                && find(&coco.path().join("val2017")).is_err()
        );
        Ok(())
    }
}

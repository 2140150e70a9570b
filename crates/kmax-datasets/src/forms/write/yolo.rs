//! Ultralytics' form of segmentation.
//!
//! | file | what |
//! | --- | --- |
//! | `data.yaml` | the folders of images of each split, and the names of the classes by their numbers from 0 |
//! | `labels/SPLIT/NAME.txt` | a line for each object: the number of its class, then `x y x y …` as parts of width and height |
//! | `images/SPLIT/NAME.jpg` | a link to the photo: Ultralytics finds labels by putting `labels` for `images` |
//!
//! The form has one outline an object. Several parts are joined by bridges without width from each to the nearest vertex before it,
//! and holes are cut in from the left ([`kmax_masks::joined`]), so that what the line encloses is exact. Nine digits, rounded up, keep
//! every vertex: times width or height, the whole part is the vertex. Crowds are left out, as Ultralytics' own conversion of COCO
//! does; there is no place for scores.
//!
//! Converting another split to the same folder adds it; the classes have to be the same.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kmax_masks::joined::joined;

use super::Labelled;
use super::classes::{Classes, Object, outlined};
use super::names::named;
use crate::error::{Error, Result};
use crate::files;

/// The splits that `data.yaml` knows.
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Where the list of classes begins.
const NAMES: &str = "names:\n";

pub(super) fn create(out: &Path, split: &str, classes: &Classes) -> Result<()> {
    if !SPLITS.contains(&split) {
        let reason = format!("{split:?} is no split of YOLO: expected {}", SPLITS.join(", "));
        return Err(Error::setting("split", reason));
    }
    let yaml = out.join("data.yaml");
    if yaml.exists() {
        let text = String::from_utf8_lossy(&files::read(&yaml)?).into_owned();
        if text.split_once(NAMES).is_none_or(|(_, listed)| listed != listing(classes)) {
            let reason = "is there already and does not list the same classes: choose another folder";
            return Err(Error::file(&yaml, reason));
        }
    }
    files::create_folder(&out.join("labels").join(split))?;
    files::create_folder(&out.join("images").join(split))
}

/// Writes the labels of an image. A file without a line says that there is no object.
pub(super) fn write(file: &Path, labelled: &Labelled, objects: &[Object]) -> Result<()> {
    let mut text = String::new();
    for (object, parts) in outlined(labelled, objects) {
        if object.segment.iscrowd {
            continue;
        }
        text += &object.number.to_string();
        for [x, y] in joined(&parts) {
            push_part(&mut text, x, labelled.image.width);
            push_part(&mut text, y, labelled.image.height);
        }
        text.push('\n');
    }
    files::write(file, text.as_bytes())
}

/// Adds a space and `value / whole` with nine digits, rounded up: a reader that cuts off digits is right too.
fn push_part(text: &mut String, value: u32, whole: u32) {
    const ONE: u64 = 1_000_000_000;
    let part = (u64::from(value) * ONE).div_ceil(u64::from(whole.max(1)));
    let digits = format!("{}.{:09}", part / ONE, part % ONE);
    text.push(' ');
    text.push_str(digits.trim_end_matches('0').trim_end_matches('.'));
}

/// Links the photo into the folder of images, under the image's name; says whether it is there then.
pub(super) fn link(folder: &Path, labelled: &Labelled) -> Result<bool> {
    let place = named(folder, labelled.image)?;
    // Somebody's own file, or a link to it. One that leads nowhere does not exist.
    if place.exists() {
        let same = labelled.photo.is_none_or(|photo| photo.canonicalize().ok() == place.canonicalize().ok());
        if same || !place.is_symlink() {
            return Ok(true);
        }
    }
    let Some(photo) = labelled.photo else { return Ok(false) };
    let photo = photo.canonicalize().map_err(Error::read(photo))?;
    if let Some(folder) = place.parent() {
        files::create_folder(folder)?;
    }
    if place.is_symlink() {
        fs::remove_file(&place).map_err(Error::write(&place))?;
    }
    Ok(link_file(&photo, &place).is_ok())
}

#[cfg(unix)]
fn link_file(photo: &Path, place: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(photo, place)
}

/// Symbolic links need a privilege on Windows, others the same drive.
#[cfg(not(unix))]
fn link_file(photo: &Path, place: &Path) -> std::io::Result<()> {
    fs::hard_link(photo, place)
}

fn listing(classes: &Classes) -> String {
    let mut text = String::new();
    for (number, class) in classes.list().iter().enumerate() {
        // A JSON string is a string of YAML.
        let _ = writeln!(text, "  {number}: {}", serde_json::Value::from(class.name.as_str()));
    }
    text
}

/// Writes `data.yaml` with the splits that are in the folder.
pub(super) fn finish(out: &Path, split: &str, classes: &Classes, photos: usize, images: usize) -> Result<()> {
    let there: Vec<&str> =
        SPLITS.into_iter().filter(|split| out.join("labels").join(split).is_dir()).collect();
    let mut text = String::from(
        "# Ultralytics YOLO, segmentation. Labels are in labels/SPLIT/NAME.txt, photos in images/SPLIT as links: they are not copied.\n",
    );
    if photos < images {
        let missing = images - photos;
        let _ = writeln!(
            text,
            "# {missing} of {images} photos of {split} were not found, or could not be linked: put them into images/{split} under \
             the names of their labels."
        );
    }
    for needed in SPLITS {
        // Training needs both of the first two.
        let given = there.iter().find(|split| **split == needed).or(there.first());
        if let Some(given) = given.filter(|given| **given == needed || needed != "test") {
            let _ = writeln!(text, "{needed}: images/{given}");
        }
    }
    text += NAMES;
    text += &listing(classes);
    files::write(&out.join("data.yaml"), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_keep_every_vertex() {
        for whole in [1u32, 3, 7, 480, 641, 1281, 20_000, 99_999] {
            for value in (0..=whole).step_by(1 + whole as usize / 997) {
                let mut text = String::new();
                push_part(&mut text, value, whole);
                let part: f64 = text.trim().parse().expect("a number");
                assert!((0.0..=1.0).contains(&part), "{text}");
                let found = part * f64::from(whole);
                assert!(
                    found >= f64::from(value) && found < f64::from(value) + 1e-3,
                    "{value} of {whole}: {text}"
                );
            }
        }
        let mut text = String::new();
        push_part(&mut text, 4, 4);
        push_part(&mut text, 1, 3);
        push_part(&mut text, 0, 3);
        assert_eq!(text, " 1 0.333333334 0");
    }
}

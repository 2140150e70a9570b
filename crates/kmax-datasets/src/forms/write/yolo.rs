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
//! every vertex: of the product with width or height the whole part is the vertex, in double and in single precision. Crowds are left out, as Ultralytics' own conversion of COCO
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

/// Adds a space and `value / whole` with nine digits, so far rounded up that also a reader who takes single precision and cuts off what
/// is less than a pixel, as Ultralytics does, has the value.
fn push_part(text: &mut String, value: u32, whole: u32) {
    const ONE: u64 = 1_000_000_000;
    /// A sixth of what single precision tells apart.
    const STEP: u64 = 10;
    let whole = whole.max(1);
    let enough = |digits: u64| {
        let part = digits as f64 / ONE as f64;
        part as f32 * whole as f32 >= value as f32 && part * f64::from(whole) >= f64::from(value)
    };
    let mut digits = (u64::from(value) * ONE).div_ceil(u64::from(whole));
    while digits < ONE && !enough(digits) {
        digits = ONE.min(digits + STEP);
    }
    let digits = format!("{}.{:09}", digits / ONE, digits % ONE);
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
        for whole in [1u32, 3, 7, 480, 641, 1281, 20_000, 65_535] {
            for value in (0..=whole).step_by(1 + whole as usize / 997) {
                let mut text = String::new();
                push_part(&mut text, value, whole);
                let part: f64 = text.trim().parse().expect("a number");
                assert!((0.0..=1.0).contains(&part), "{text}");
                assert!((part as f32 * whole as f32) as u32 == value, "{value} of {whole}: {text}");
                let found = part * f64::from(whole);
                assert!(
                    found >= f64::from(value) && found < f64::from(value) + 0.01,
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

    use super::super::Tool;
    use super::super::fixture::{Written, mask, write_to, written};
    use kmax_masks::Rle;

    #[test]
    fn each_object_is_a_line_that_encloses_its_pixels() -> Result<()> {
        let Written { folder, out, photo } = written(Tool::Yolo, "out")?;
        let text = fs::read_to_string(out.join("labels/train/sub/a b.txt")).expect("labels");
        let mut found = Vec::new();
        for line in text.lines() {
            let mut numbers = line.split(' ').map(|number| number.parse::<f64>().expect("a number"));
            let class = numbers.next().expect("a class") as u32;
            let scale = [9.0, 7.0].into_iter().cycle();
            let points: Vec<f64> = numbers.zip(scale).map(|(part, whole)| part * whole).collect();
            found.push((class, Rle::from_polygon(9, 7, &points).expect("a polygon")));
        }
        // Background and the crowd are left out.
        let expected = [(0, mask(1)), (0, mask(2)), (0, mask(3)), (1, mask(6)), (1, mask(7))];
        assert!(found == expected);

        let place = out.join("images/train/sub/a b.jpg");
        assert_eq!(place.canonicalize().expect("a link"), photo.canonicalize().expect("a photo"));
        let yaml = |out: &Path| fs::read_to_string(out.join("data.yaml")).expect("data.yaml");
        let names = "names:\n  0: \"a: \\\"b\\\"\"\n  1: \"sea & sky\"\n";
        assert!(
            yaml(&out).ends_with(&format!("\ntrain: images/train\nval: images/train\n{names}")),
            "{}",
            yaml(&out)
        );

        // Once more, and another split.
        write_to(Tool::Yolo, &out, &photo, "train")?;
        write_to(Tool::Yolo, &out, &folder.path().join("none.jpg"), "val")?;
        assert!(
            yaml(&out).ends_with(&format!("\ntrain: images/train\nval: images/val\n{names}")),
            "{}",
            yaml(&out)
        );
        assert!(yaml(&out).contains("# 1 of 1 photos of val were not found"), "{}", yaml(&out));

        let failed = write_to(Tool::Yolo, &out, &photo, "minival").expect_err("no split").to_string();
        assert_eq!(failed, "split: \"minival\" is no split of YOLO: expected train, val, test");
        files::write(&out.join("data.yaml"), b"names:\n  0: cat\n")?;
        let failed = write_to(Tool::Yolo, &out, &photo, "train").expect_err("other classes").to_string();
        assert!(failed.contains("does not list the same classes"), "{failed}");
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn photos_that_somebody_put_there_stay_and_links_follow_the_photo() -> Result<()> {
        let Written { folder, out, photo } = written(Tool::Yolo, "out")?;
        let place = out.join("images/train/sub/a b.jpg");
        let moved = folder.path().join("moved.jpg");
        fs::rename(&photo, &moved).expect("moved");
        assert!(!place.exists() && place.is_symlink());
        write_to(Tool::Yolo, &out, &moved, "train")?;
        assert_eq!(place.canonicalize().expect("a link"), moved.canonicalize().expect("a photo"));
        fs::remove_file(&place).expect("removed");
        files::write(&place, b"a copy")?;
        write_to(Tool::Yolo, &out, &moved, "train")?;
        assert!(!place.is_symlink() && files::read(&place)? == b"a copy");
        Ok(())
    }
}

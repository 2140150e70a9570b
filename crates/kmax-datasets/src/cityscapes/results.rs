//! Instance results: a `_pred.txt` for each image, whose lines name a mask, a class and a confidence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kmax_base::read::decode;
use kmax_masks::categories::cityscapes::{by_train_id, train_id};
use kmax_masks::{LabelMap, Panoptic, Rle};

use crate::error::{Error, Result};
use crate::names::{Folder, check_name};
use crate::{files, png};

/// A line of a `_pred.txt`.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedInstance {
    /// The PNG of its mask: not 0 where it is.
    pub mask: PathBuf,
    /// The regular id of its class.
    pub class: u32,
    /// The confidence.
    pub confidence: f64,
}

/// Of the files of a folder, the one for an image: its name begins with the image's id.
///
/// # Errors
/// If there is none, or more than one, as in the official scripts.
pub fn find_result<'a>(folder: &Path, names: &'a [String], id: &str) -> Result<&'a str> {
    let of_image = |name: &&String| {
        let file = name.rsplit_once('/').map_or(name.as_str(), |(_, file)| file);
        // The id must end there: `a_1_2` is not the beginning of `a_1_23`.
        file.strip_prefix(id).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    let mut found = names.iter().filter(of_image);
    match (found.next(), found.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => Err(Error::entry(folder, format!("image {id}"), "there is no prediction for it")),
        (Some(one), Some(two)) => {
            Err(Error::entry(folder, format!("image {id}"), format!("two predictions: {one} and {two}")))
        }
    }
}

/// Reads a `_pred.txt`; masks are relative to its folder. Of two lines with one mask the later holds. Sorted by mask.
///
/// # Errors
/// If the file cannot be read, or a line is not `MASK CLASS CONFIDENCE` with a regular id and a finite number.
pub fn read_instances(file: &Path) -> Result<Vec<PredictedInstance>> {
    let bytes = files::read_list(file)?;
    let text = decode(&bytes).map_err(Error::read(file))?;
    let folder = Folder::new(file.parent().unwrap_or(Path::new("")));
    let mut found = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fail = |reason: String| Error::entry(file, format!("line {}", number + 1), reason);
        let words: Vec<&str> = line.split_whitespace().collect();
        let [mask, class, confidence] = words[..] else {
            return Err(fail(format!("expected `MASK CLASS CONFIDENCE`, found {line:?}")));
        };
        check_name(mask).map_err(fail)?;
        let known = class.parse::<u32>().ok().filter(|&class| train_id(class).is_some());
        let class = known.ok_or_else(|| fail(format!("{class:?} is not the id of a label")))?;
        let number = confidence.parse::<f64>().ok().filter(|number| number.is_finite());
        let confidence = number.ok_or_else(|| fail(format!("{confidence:?} is not a confidence")))?;
        let mask = folder.file(mask)?;
        found.insert(mask.clone(), PredictedInstance { mask, class, confidence });
    }
    Ok(found.into_values().collect())
}

/// Writes the things of an image, whose classes are train ids, as `ID_pred.txt` with masks in `masks/`, and gives the
/// path of the text. A segment without a confidence has 1.
///
/// # Errors
/// If a file cannot be written.
pub fn write_instances(folder: &Path, id: &str, panoptic: &Panoptic) -> Result<PathBuf> {
    let masks = folder.join("masks");
    files::create_folder(&masks)?;
    let mut lines = String::new();
    let things = panoptic.segments.iter().filter(|segment| !segment.iscrowd);
    let things = things.filter_map(|segment| Some((segment, by_train_id(segment.category_id)?)));
    for (number, (segment, label)) in things.filter(|(_, label)| label.has_instances).enumerate() {
        let name = format!("{id}_{number}.png");
        let (width, height) = (panoptic.map.width(), panoptic.map.height());
        let file = masks.join(&name);
        let mut mask = LabelMap::filled(width, height, 0).map_err(Error::masks(&file))?;
        Rle::encode(&panoptic.map, segment.id).paint(&mut mask, 255).map_err(Error::masks(&file))?;
        png::write_labels(&file, &mask)?;
        let confidence = segment.score.unwrap_or(1.0);
        lines += &format!("masks/{name} {} {confidence}\n", label.id);
    }
    let file = folder.join(format!("{id}_pred.txt"));
    files::write(&file, lines.as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let map = LabelMap::new(4, 1, vec![7, 26_001, 26_002, 24]).expect("4 x 1");
        let mut panoptic = kmax_masks::cityscapes::panoptic(&map).expect("known labels");
        panoptic.segments.iter_mut().for_each(|segment| segment.score = Some(0.5));
        let file = write_instances(folder.path(), "bern_1_2", &panoptic)?;
        let found = read_instances(&file)?;
        let listed: Vec<_> = found.iter().map(|entry| (entry.class, entry.confidence)).collect();
        assert_eq!(listed, [(26, 0.5), (26, 0.5)]);
        assert_eq!(png::read_labels(&found[1].mask)?.data(), [0, 0, 255, 0]);
        Ok(())
    }

    #[test]
    fn lines_are_checked_and_the_later_of_two_holds() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a_pred.txt");
        let read = |text: &str| {
            std::fs::write(&file, text).expect("written");
            read_instances(&file)
        };
        let found = read("\u{feff}m/0.png 26 0.5\r\nm\\1.png 24 1\r\n\r\nm/0.png 27 0.75\r\n")?;
        assert!(found[1].mask.ends_with("m/1.png"));
        assert_eq!(found.iter().map(|e| e.class).collect::<Vec<_>>(), [27, 24]);
        for text in [
            "m.png 26",
            "m.png 26 0.5 1",
            "m.png 34 0.5",
            "m.png car 0.5",
            "m.png 26 nan",
            "m.png 26 inf",
            "../m.png 26 0.5",
            "/m.png 26 0.5",
        ] {
            let message = read(&format!("a.png 26 1\n{text}")).expect_err(text).to_string();
            assert!(message.contains("a_pred.txt: line 2: "), "{message}");
        }
        Ok(())
    }

    #[test]
    fn the_file_of_an_image_is_found_by_its_id() {
        let names = ["x/a_1_2_pred.txt", "a_1_23_pred.txt", "b.txt", "c_x.txt", "c_y.txt"].map(str::to_owned);
        let find = |id| find_result(Path::new("out"), &names, id).map_err(|error| error.to_string());
        assert_eq!(find("a_1_2").as_deref(), Ok("x/a_1_2_pred.txt"));
        assert_eq!(find("b").as_deref(), Ok("b.txt"));
        assert!(find("a_1").is_err_and(|error| error.contains("two predictions")));
        assert!(find("d").is_err_and(|error| error.starts_with("out: image d: there is no")));
    }
}

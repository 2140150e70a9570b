//! YOLO's segmentation labels: `data.yaml`, folders of images, and a text file an image.

mod lines;
#[cfg(test)]
mod tests;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::{ListedCategory, Panoptic};
use sha2::Sha256;

use super::classes::{Classes, numbered, of_objects};
use super::form::Form;
use super::labelled::{Labelled, Labels, Photo, mark_file};
use super::options::{Options, Split};
use super::outlines::Outlines;
use super::paint::{Drawn, Object};
use super::photos::{end_of, is_photo, items, photos_below, stem};
use super::splits::{ALL, SPLITS};
use super::survey::{Survey, ends};
use super::text;
use crate::error::{Error, Result};
use lines::Shape;
use yaml::Node;

/// Label files that are opened to see whether they have outlines.
const LOOKED_AT: usize = 50;

/// What settings are mostly called.
const SETTINGS: [&str; 2] = ["data.yaml", "dataset.yaml"];

/// Lists of classes beside `images` and `labels`, where there is no `data.yaml`.
const LISTS: [&str; 2] = ["classes.txt", "obj.names"];

/// The labels of a split.
#[derive(Debug)]
struct Yolo {
    root: PathBuf,
    classes: Classes,
    /// The number of classes that the labels may name.
    named: usize,
    files: Vec<PathBuf>,
}

/// Where a dataset says what it has.
#[derive(Clone, Debug)]
pub(super) enum Start {
    Yaml(PathBuf),
    /// A list of classes; images are in `images`.
    List(PathBuf),
}

/// The settings of a dataset, or its list of classes.
///
/// # Errors
/// If several files could be meant.
pub(super) fn start(survey: &Survey) -> Result<Option<Start>> {
    let mut found = Vec::new();
    for name in survey.entries.files.iter().filter(|name| ends(name, &["yaml", "yml"])) {
        let file = survey.root.join(name);
        match yaml::read(&file) {
            Ok(root) if root.get("train").or(root.get("val")).is_some() => found.push(file),
            // Others are anybody's.
            Err(error) if SETTINGS.contains(&name.as_str()) => return Err(error),
            _ => {}
        }
    }
    if found.len() > 1 {
        let reason = format!(
            "{} and {} both describe a dataset: open one of them",
            found[0].display(),
            found[1].display()
        );
        return Err(Error::file(&survey.root, reason));
    }
    if let Some(yaml) = found.pop() {
        return Ok(Some(Start::Yaml(yaml)));
    }
    if !survey.has_folder("images") || !survey.has_folder("labels") {
        return Ok(None);
    }
    let list = LISTS.iter().find(|name| survey.entries.files.iter().any(|file| file == *name));
    let texts = crate::files::below(&survey.root.join("labels"), ".txt")?;
    Ok(list.filter(|_| !texts.is_empty()).map(|list| Start::List(survey.root.join(list))))
}

/// The splits.
///
/// # Errors
/// If the settings name no classes or no images, or the labels are boxes.
pub(super) fn splits(start: &Start, options: &Options, notes: &mut Vec<String>) -> Result<Vec<Split>> {
    let (file, listed, found) = match start {
        Start::Yaml(file) => {
            let settings = yaml::read(file)?;
            let listed = names(file, &settings)?;
            (file, listed, of_settings(file, &settings, notes)?)
        }
        Start::List(file) => {
            let listed = numbered(text::lines(file)?.into_iter().map(|(_, name)| name));
            let root = file.parent().unwrap_or(Path::new(""));
            let photos = photos_in(&root.join("images"), root)?;
            (file, listed, vec![(ALL.to_owned(), photos)])
        }
    };
    let root = file.parent().unwrap_or(Path::new(""));
    let named = listed.len();
    let classes = of_objects(file, listed, &options.things, notes)?;
    let mut labels = Vec::new();
    let mut splits = Vec::new();
    for (name, photos) in found {
        let files: Vec<PathBuf> = photos.iter().map(|photo| label_of(root, photo)).collect();
        labels.extend(files.iter().filter(|file| file.is_file()).cloned());
        let yolo = Yolo { root: root.into(), classes: classes.clone(), named, files };
        let data = Labelled::new(Form::Yolo, root, classes.categories.clone(), items(root, photos), yolo);
        splits.push(Split { name, data: Arc::new(data) });
    }
    let photos: usize = splits.iter().map(|split| split.data.len()).sum();
    if labels.is_empty() && photos > 0 {
        let reason =
            format!("none of its {photos} photos has a label file (`labels/NAME.txt` for `images/NAME.jpg`)");
        return Err(Error::file(file, reason));
    }
    if labels.len() < photos {
        notes.push(format!("{} photos have no label file: background", photos - labels.len()));
    }
    check_outlines(file, &labels, named, notes)?;
    Ok(splits)
}

/// The classes that the settings name: a list, or a map of numbers.
fn names(file: &Path, settings: &Node) -> Result<Vec<ListedCategory>> {
    let fail = |reason: String| Error::entry(file, "names", reason);
    let text = |node: &Node| node.text().map(str::to_owned).ok_or_else(|| fail("a name is no text".into()));
    match settings.get("names") {
        Some(Node::List(list)) => Ok(numbered(list.iter().map(text).collect::<Result<Vec<_>>>()?)),
        Some(Node::Map(map)) => {
            let mut list: Vec<(u32, String)> = Vec::new();
            for (number, name) in map {
                let number =
                    number.parse().map_err(|_| fail(format!("{number:?} is no number of a class")))?;
                list.push((number, text(name)?));
            }
            list.sort_unstable();
            let gap = (0..).zip(&list).find(|(place, (number, _))| place != number);
            match gap {
                Some((place, _)) => {
                    Err(fail(format!("the numbers are not 0, 1, 2 and so on: look at {place}")))
                }
                None => Ok(numbered(list.into_iter().map(|(_, name)| name))),
            }
        }
        _ => Err(fail("is missing: a list or a map of the classes' names is expected".into())),
    }
}

/// The photos of each split, as paths relative to the folder of the settings.
fn of_settings(file: &Path, settings: &Node, notes: &mut Vec<String>) -> Result<Vec<(String, Vec<String>)>> {
    let root = file.parent().unwrap_or(Path::new(""));
    // The folder of the settings also serves where `path` is one of another machine.
    let base = settings.get("path").and_then(Node::text).and_then(|path| end_of(root, path));
    let bases: Vec<PathBuf> = base.into_iter().chain([root.to_path_buf()]).collect();
    let mut splits = Vec::new();
    for split in SPLITS {
        let aliases = if split == "val" { &["val", "valid", "validation"][..] } else { &[split] };
        let Some(node) = aliases.iter().find_map(|key| settings.get(key)) else { continue };
        let places: Vec<&str> = match node {
            Node::Text(place) => vec![place.as_str()],
            Node::List(list) => list.iter().filter_map(Node::text).collect(),
            Node::Map(_) => {
                return Err(Error::entry(file, split, "is no folder, list of folders or text file"));
            }
        };
        let places = places.into_iter().filter(|place| !place.is_empty() && !matches!(*place, "~" | "null"));
        let mut photos = Vec::new();
        let mut missing = None;
        for place in places {
            match bases.iter().find_map(|base| end_of(base, place)) {
                Some(found) if found.is_file() => photos.extend(listed_photos(&found, &bases, root)?),
                Some(found) => photos.extend(photos_in(&found, root)?),
                None => missing = Some(place),
            }
        }
        match missing {
            Some(place) if split == "train" => {
                let reason = format!("{place:?} is not found below {}", root.display());
                return Err(Error::entry(file, split, reason));
            }
            Some(place) => notes.push(format!("`{split}`: {place:?} is not found: left out")),
            None if photos.is_empty() => {}
            None => splits.push((split.to_owned(), photos)),
        }
    }
    Ok(splits)
}

fn photos_in(folder: &Path, root: &Path) -> Result<Vec<String>> {
    Ok(photos_below(folder)?.iter().map(|name| relative(root, &folder.join(name))).collect())
}

/// The photos that a text file lists.
fn listed_photos(list: &Path, bases: &[PathBuf], root: &Path) -> Result<Vec<String>> {
    let mut photos = Vec::new();
    for (number, line) in text::lines(list)? {
        if !is_photo(&line) {
            return Err(Error::entry(
                list,
                format!("line {number}"),
                format!("{line:?} is no name of a photo"),
            ));
        }
        let beside = list.parent().map(Path::to_path_buf);
        let found = beside.iter().chain(bases).find_map(|base| end_of(base, &line));
        let Some(found) = found else {
            return Err(Error::entry(
                list,
                format!("line {number}"),
                format!("the photo {line:?} is not found"),
            ));
        };
        photos.push(relative(root, &found));
    }
    Ok(photos)
}

/// A path as seen from the folder of the settings, with `/`.
fn relative(root: &Path, path: &Path) -> String {
    crate::names::with_slashes(&path.strip_prefix(root).unwrap_or(path).to_string_lossy())
}

/// The label file of a photo: in `labels` where the photo is in `images`, else beside it.
fn label_of(root: &Path, photo: &str) -> PathBuf {
    let mut parts: Vec<&str> = photo.split('/').collect();
    let folders = parts.len() - 1;
    if let Some(at) = parts[..folders].iter().rposition(|part| *part == "images") {
        parts[at] = "labels";
    }
    root.join(format!("{}.txt", stem(&parts.join("/"))))
}

/// Detection labels are refused; a mixture is told of.
fn check_outlines(file: &Path, labels: &[PathBuf], named: usize, notes: &mut Vec<String>) -> Result<()> {
    let step = labels.len().div_ceil(LOOKED_AT).max(1);
    let (mut boxes, mut outlines) = (0, 0);
    for label in labels.iter().step_by(step) {
        for line in lines::read(label, named)? {
            match line.shape {
                Shape::Box(_) => boxes += 1,
                Shape::Outline(_) => outlines += 1,
            }
        }
    }
    let looked = labels.len().div_ceil(step);
    match (boxes, outlines) {
        (0, _) => Ok(()),
        (_, 0) => Err(Error::file(
            file,
            "detection labels: its objects are boxes (5 numbers a line), so there are no masks",
        )),
        _ => {
            let all = boxes + outlines;
            notes.push(format!(
                "{boxes} of {all} objects in the {looked} label files looked at are boxes: void, where nothing else is labelled"
            ));
            Ok(())
        }
    }
}

impl Labels for Yolo {
    fn read(&self, index: usize, photo: &Photo) -> Result<Panoptic> {
        let file = &self.files[index];
        let (width, height) = photo.size()?;
        let (mut drawn, mut outlines) = (Drawn::default(), Outlines::new(width, height));
        let scaled = |shares: &[f64]| -> Vec<f64> {
            shares.chunks_exact(2).flat_map(|xy| [xy[0] * width as f64, xy[1] * height as f64]).collect()
        };
        // A photo without a file has no object.
        let lines = if file.is_file() { lines::read(file, self.named)? } else { Vec::new() };
        for line in lines {
            let fail = |reason| Error::entry(file, format!("line {}", line.number), reason);
            match &line.shape {
                Shape::Outline(shares) => {
                    let mask = outlines.mask(&[scaled(shares)]).map_err(fail)?;
                    drawn.objects.extend(mask.map(|mask| Object { class: line.class, mask, crowd: false }));
                }
                Shape::Box([x, y, across, down]) => {
                    let (left, right, top, bottom) =
                        (x - across / 2.0, x + across / 2.0, y - down / 2.0, y + down / 2.0);
                    let corners = scaled(&super::outlines::rectangle([left, top], [right, bottom]));
                    drawn.unknown.extend(outlines.mask(&[corners]).map_err(fail)?);
                }
            }
        }
        drawn.paint(width, height, &self.classes).map_err(Error::masks(file))
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        self.files.iter().filter(|file| file.is_file()).try_for_each(|file| mark_file(hash, &self.root, file))
    }
}

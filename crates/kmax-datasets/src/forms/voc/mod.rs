//! Pascal VOC's folders, which CVAT's "segmentation mask" export has too.

mod colours;
mod labelmap;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::{LabelMap, Panoptic};
use sha2::Sha256;

use super::classes::{Classes, numbered, of_objects};
use super::form::Form;
use super::labelled::{Labelled, Labels, Photo, mark_file};
use super::maps::{GROUP, VOID, segments};
use super::names::class_list;
use super::options::{Options, Split};
use super::photos::{Index, items, photos_below, stem};
use super::splits::{ALL, rank, split_of};
use super::survey::{Entries, Survey, ends};
use super::text;
use crate::error::{Error, Result};
use colours::number;
use labelmap::Table;

const CLASSES: &str = "SegmentationClass";
const OBJECTS: &str = "SegmentationObject";
const LABEL_MAP: &str = "labelmap.txt";

/// The colour that Pascal VOC gives to pixels along borders.
const BORDER: [u8; 3] = [224, 224, 192];

/// The form of these folders: with a table of colours they are CVAT's.
pub(super) fn form(survey: &Survey) -> Option<Form> {
    let table = survey.entries.files.iter().any(|name| name == LABEL_MAP);
    survey.has_folder(CLASSES).then_some(if table { Form::CvatMask } else { Form::Voc })
}

/// The labels of a split.
#[derive(Debug)]
struct Voc {
    root: PathBuf,
    names: Vec<String>,
    classes: Classes,
    /// The number of classes that PNGs may name by their places.
    places: u32,
    /// The class of each colour; [`VOID`] for that of borders.
    table: HashMap<u32, u32>,
    /// Whether there are maps of objects.
    objects: bool,
}

/// The splits, by the lists in `ImageSets/Segmentation`.
///
/// # Errors
/// If a list names a photo that is not there, or the table of colours is damaged.
pub(super) fn splits(
    form: Form,
    root: &Path,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Vec<Split>> {
    let (file, table) = table_of(root, options, notes)?;
    let listed = numbered(table.iter().map(|(name, _)| name));
    let classes = of_objects(&file, listed, &options.things, notes)?;
    let mut by_colour: HashMap<u32, u32> = (0..).zip(&table).map(|(id, (_, colour))| (*colour, id)).collect();
    by_colour.entry(number(BORDER)).or_insert(VOID);
    by_colour.entry(0).or_insert(classes.background.unwrap_or(VOID));
    let objects = root.join(OBJECTS).is_dir();
    if !objects {
        notes.push(format!("there is no `{OBJECTS}`: what is connected is taken for an object"));
    }
    let photos = Index::of(&photos_folder(root, options)?)?;
    let mut splits = Vec::new();
    for (split, names) in lists(root, notes)? {
        let (there, absent): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| mask(root, CLASSES, name).is_file());
        if !absent.is_empty() {
            notes.push(format!(
                "`{split}`: {} images without a file in `{CLASSES}` are left out",
                absent.len()
            ));
        }
        let mut found = Vec::with_capacity(there.len());
        for name in &there {
            let photo = photos.find(name)?.ok_or_else(|| {
                let reason = format!(
                    "no photo of this name is in {}; name another folder with `--photos`",
                    photos.folder.display()
                );
                Error::entry(&mask(root, CLASSES, name), name, reason)
            })?;
            found.push(photo.to_owned());
        }
        let items = items(&photos.folder, found);
        let labels = Voc {
            root: root.into(),
            names: there,
            classes: classes.clone(),
            places: table.len() as u32,
            table: by_colour.clone(),
            objects,
        };
        let data = Labelled::new(form, root, classes.categories.clone(), items, labels);
        splits.push(Split { name: split, data: Arc::new(data) });
    }
    Ok(splits)
}

/// The classes with their colours: those that somebody names, those of `labelmap.txt`, those of a list of names (with Pascal VOC's
/// colours by their places), or Pascal VOC's.
fn table_of(root: &Path, options: &Options, notes: &mut Vec<String>) -> Result<(PathBuf, Table)> {
    let named = options.classes.clone().filter(|file| labelmap::has_colours(file));
    let file = named
        .or_else(|| Some(root.join(LABEL_MAP)).filter(|file| file.is_file() && options.classes.is_none()));
    if let Some(file) = file {
        let table = labelmap::read(&file)?;
        return Ok((file, table));
    }
    if let Some((file, listed)) = class_list(root, options)? {
        let table = listed.into_iter().map(|class| class.name);
        return Ok((file, labelmap::by_place(table)));
    }
    // The first class of anybody else's would be taken for an aeroplane.
    let maps = photos_below(&root.join(CLASSES))?;
    if let Some(other) = maps.iter().find(|name| !is_of_voc(stem(name))) {
        let reason = format!(
            "there is no `{LABEL_MAP}`, and {other:?} is not called as the images of Pascal VOC are: name the classes with `--classes` (`name:r,g,b::` \
             a line; or a name a line, the background first)"
        );
        return Err(Error::file(root, reason));
    }
    notes.push(format!("there is no `{LABEL_MAP}`: the classes are the 20 of Pascal VOC"));
    Ok((root.join(LABEL_MAP), labelmap::voc()))
}

/// Whether an image is called as those of Pascal VOC: a year and six digits.
fn is_of_voc(name: &str) -> bool {
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('_').is_some_and(|(year, number)| digits(year, 4) && digits(number, 6))
}

fn photos_folder(root: &Path, options: &Options) -> Result<PathBuf> {
    let usual =
        ["JPEGImages", "images"].map(|name| root.join(name)).into_iter().find(|folder| folder.is_dir());
    options.photos.clone().or(usual).ok_or_else(|| {
        Error::file(root, "there is no folder `JPEGImages`: name the folder of photos with `--photos`")
    })
}

/// The names of each split's images. A list of two splits together is not read where there is one of either.
fn lists(root: &Path, notes: &mut Vec<String>) -> Result<Vec<(String, Vec<String>)>> {
    let folder = root.join("ImageSets/Segmentation");
    let entries = if folder.is_dir() { Entries::of(&folder)? } else { Entries::default() };
    let mut lists: Vec<(String, Vec<String>)> = Vec::new();
    let mut others = Vec::new();
    for name in entries.files.iter().filter(|name| ends(name, &["txt"])) {
        let names = text::lines(&folder.join(name))?;
        let names = names.into_iter().map(|(_, name)| crate::names::with_slashes(&name)).collect();
        match split_of(stem(name)) {
            Some(split) => lists.push((split.to_owned(), names)),
            None => others.push((name.clone(), names)),
        }
    }
    lists.sort_by_key(|(split, _)| rank(split));
    if lists.is_empty() {
        let names = match others.pop() {
            Some((_, names)) if others.is_empty() => names,
            Some((name, _)) => {
                let reason = format!("{name} and {} others name no split", others.len());
                return Err(Error::file(&folder, reason));
            }
            None => photos_below(&root.join(CLASSES))?.iter().map(|name| stem(name).to_owned()).collect(),
        };
        return Ok(vec![(ALL.to_owned(), names)]);
    }
    notes.extend(others.iter().map(|(name, _)| format!("the list {name} names no split: left out")));
    Ok(lists)
}

fn mask(root: &Path, folder: &str, name: &str) -> PathBuf {
    root.join(folder).join(format!("{name}.png"))
}

impl Voc {
    /// The class of each pixel: by its colour; where a colour is none of the table's, by its value, if all are places of classes.
    fn classes_of(&self, file: &Path) -> Result<LabelMap> {
        let read = colours::read(file)?;
        let of_colour = |colour: u32| self.table.get(&colour).copied();
        let Some(at) = read.colours.data().iter().position(|colour| of_colour(*colour).is_none()) else {
            return Ok(read.colours.map(|colour| of_colour(colour).unwrap_or(VOID)));
        };
        let is_place = |value: &u32| *value < self.places || *value == 255;
        match read.values.filter(|values| values.data().iter().all(is_place)) {
            Some(values) => Ok(values.map(|value| if value < self.places { value } else { VOID })),
            None => {
                let (x, y) = (at % read.colours.width(), at / read.colours.width());
                let [_, r, g, b] = read.colours.data()[at].to_be_bytes();
                Err(Error::entry(
                    file,
                    format!("pixel x {x}, y {y}"),
                    format!("the colour {r},{g},{b} is no class's; name a `{LABEL_MAP}` with `--classes`"),
                ))
            }
        }
    }
}

impl Labels for Voc {
    fn read(&self, index: usize, _: &Photo) -> Result<Panoptic> {
        let name = &self.names[index];
        let file = mask(&self.root, CLASSES, name);
        let mut classes = self.classes_of(&file)?;
        if !self.objects {
            return segments(&classes, None, &self.classes.categories).map_err(Error::masks(&file));
        }
        let of_objects = mask(&self.root, OBJECTS, name);
        // Black is no object, and the border none that is known.
        let objects = colours::read(&of_objects)?.colours;
        classes.same_size(&objects).map_err(Error::masks(&of_objects))?;
        for (class, object) in classes.data_mut().iter_mut().zip(objects.data()) {
            if *object == number(BORDER) && self.classes.categories.is_thing(*class) {
                *class = VOID;
            }
        }
        let objects = objects.map(|colour| if colour == 0 { GROUP } else { colour });
        segments(&classes, Some(&objects), &self.classes.categories).map_err(Error::masks(&file))
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        self.names.iter().try_for_each(|name| mark_file(hash, &self.root, &mask(&self.root, CLASSES, name)))
    }
}

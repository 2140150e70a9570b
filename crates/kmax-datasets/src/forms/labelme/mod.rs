//! Labelme: a json an image, beside it or not.

mod entries;
mod shapes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::{Panoptic, Rle, rle::Merge};
use sha2::Sha256;

use super::classes::{Classes, numbered, of_objects};
use super::form::Form;
use super::labelled::{Labelled, Labels, Photo, mark_file};
use super::names::class_list;
use super::options::{Options, Split};
use super::outlines::Outlines;
use super::paint::{Drawn, Object};
use super::photos::{Index, end_of, is_photo, items, stem};
use super::splits::{ALL, rank, split_of};
use super::survey::is_left_over;
use crate::error::{Error, Result};
use crate::{files, json};
use entries::File;

/// The label of what is to be void.
const IGNORE: &str = "__ignore__";

/// The labels of a split.
#[derive(Debug)]
struct Labelme {
    root: PathBuf,
    files: Vec<PathBuf>,
    classes: Classes,
}

/// What was seen in all files.
#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    thin: usize,
    rectangles: usize,
    others: usize,
}

/// The splits: folders of these names, else all jsons together.
///
/// # Errors
/// If a json is damaged, its photo is not there, or labels are not in a list of classes that is there.
pub(super) fn splits(root: &Path, options: &Options, notes: &mut Vec<String>) -> Result<Vec<Split>> {
    let mut seen = Seen::default();
    let mut parts: Vec<(String, Vec<PathBuf>, Vec<String>)> = Vec::new();
    let named = options.photos.as_deref().map(Index::of).transpose()?;
    for name in files::below(root, ".json")? {
        let file = root.join(&name);
        if name.split('/').any(is_left_over) {
            continue;
        }
        let bytes = files::read_list(&file)?;
        // Other jsons may lie among them; what begins like one of labelme must be one.
        if !bytes.windows(8).any(|part| part == b"\"shapes\"") && !bytes.starts_with(&[0xff, 0xfe]) {
            notes.push(format!("{name} is no json of labelme: left out"));
            continue;
        }
        let labels: File = json::parse(&file, &bytes)?;
        seen.add(&labels);
        let photo = photo_of(root, &file, &labels, named.as_ref())?;
        let split = name.split_once('/').and_then(|(folder, _)| split_of(folder)).unwrap_or(ALL);
        let part = match parts.iter().position(|(known, ..)| known == split) {
            Some(part) => part,
            None => {
                parts.push((split.to_owned(), Vec::new(), Vec::new()));
                parts.len() - 1
            }
        };
        parts[part].1.push(file);
        parts[part].2.push(photo);
    }
    parts.sort_by_key(|(split, ..)| rank(split));
    if parts.len() > 1 && parts.last().is_some_and(|(split, ..)| split == ALL) {
        let left = parts.pop().map_or(0, |(_, files, _)| files.len());
        notes.push(format!("{left} jsons outside of the folders of splits are left out"));
    }
    let names = seen.classes(root, options, notes)?;
    let classes = of_objects(root, numbered(names), &options.things, notes)?;
    let split = |(name, files, photos): (String, Vec<PathBuf>, Vec<String>)| {
        let mut once = HashSet::new();
        if let Some(twice) = photos.iter().position(|photo| !once.insert(photo.as_str())) {
            return Err(Error::entry(
                &files[twice],
                "imagePath",
                format!("another json labels {:?} too", photos[twice]),
            ));
        }
        let labels = Labelme { root: root.into(), files, classes: classes.clone() };
        let data =
            Labelled::new(Form::Labelme, root, classes.categories.clone(), items(root, photos), labels);
        Ok(Split { name, data: Arc::new(data) })
    };
    parts.into_iter().map(split).collect()
}

/// The photo of a json, as a path relative to the dataset's folder: the file that it names; that in the folder of photos that somebody
/// names; the photo of the json's own name.
fn photo_of(root: &Path, file: &Path, labels: &File, named: Option<&Index>) -> Result<String> {
    let folder = file.parent().unwrap_or(root);
    let said = crate::names::with_slashes(labels.photo.as_deref().unwrap_or_default());
    let own = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let relative =
        |path: &Path| crate::names::with_slashes(&path.strip_prefix(root).unwrap_or(path).to_string_lossy());
    if let Some(index) = named {
        let found = match index.find(stem(&said))? {
            Some(found) => Some(found),
            None => index.find(&own)?,
        };
        if let Some(photo) = found {
            return Ok(relative(&index.folder.join(photo)));
        }
    }
    let beside = [folder, root].into_iter().filter_map(|base| end_of(base, &said));
    let mut found: Vec<PathBuf> = beside.filter(|path| path.is_file() && is_photo(&said)).collect();
    if found.is_empty() {
        for base in [folder, &folder.join("images"), &folder.join("../images")] {
            if base.is_dir()
                && let Some(photo) = Index::of(base)?.find(&own)?
            {
                found.push(base.join(photo));
            }
        }
    }
    let missing = || {
        let reason = format!(
            "the photo {said:?} is not there (a copy within the json is not read); name its folder with `--photos`"
        );
        Error::entry(file, "imagePath", reason)
    };
    found.first().map(|photo| relative(photo)).ok_or_else(missing)
}

impl Seen {
    fn add(&mut self, labels: &File) {
        for shape in &labels.shapes {
            match shape.kind() {
                _ if shape.is_thin() => self.thin += 1,
                "rectangle" => self.rectangles += 1,
                _ => self.others += 1,
            }
            if !shape.is_thin() && shape.label != IGNORE {
                self.names.insert(shape.label.clone());
            }
        }
    }

    /// The names of the classes: those of a list, else those that were seen, by name.
    fn classes(self, root: &Path, options: &Options, notes: &mut Vec<String>) -> Result<Vec<String>> {
        if self.thin > 0 {
            notes.push(format!("{} points and lines have no area: left out", self.thin));
        }
        if self.rectangles > 0 && self.others == 0 {
            notes.push("all shapes are rectangles: each was taken for the whole area of an object".into());
        }
        let Some((list, names)) = class_list(root, options)? else {
            return Ok(self.names.into_iter().collect());
        };
        let names: Vec<String> =
            names.into_iter().map(|class| class.name).filter(|name| name != IGNORE).collect();
        match self.names.iter().find(|name| !names.contains(name)) {
            Some(name) => Err(Error::file(&list, format!("lacks the class {name:?}, which shapes have"))),
            None => Ok(names),
        }
    }
}

impl Labels for Labelme {
    fn read(&self, index: usize, photo: &Photo) -> Result<Panoptic> {
        let file = &self.files[index];
        let labels: File = json::read(file)?;
        let size = match (labels.width, labels.height) {
            (Some(width), Some(height)) if width > 0 && height > 0 => (width as usize, height as usize),
            _ => photo.size()?,
        };
        let [width, height] = [size.0, size.1];
        // Before anything is drawn: the size is the file's word.
        Rle::empty(width, height).map_err(Error::masks(file))?;
        let (mut drawn, mut outlines) = (Drawn::default(), Outlines::new(width, height));
        let mut groups: HashMap<(u32, String), usize> = HashMap::new();
        for (position, shape) in labels.shapes.iter().enumerate().filter(|(_, shape)| !shape.is_thin()) {
            let fail =
                |reason: String| Error::entry(file, format!("shapes[{position}] ({})", shape.label), reason);
            let Some(mask) = shapes::mask(shape, [width, height], &mut outlines).map_err(fail)? else {
                continue;
            };
            if shape.label == IGNORE {
                drawn.unknown.push(mask);
                continue;
            }
            let class = self.classes.categories.by_name(&shape.label).map(|class| class.id);
            let class =
                class.ok_or_else(|| fail("the class was not there when the dataset was opened".into()))?;
            let Some(group) = shape.group() else {
                drawn.objects.push(Object { class, mask, crowd: false });
                continue;
            };
            match groups.get(&(class, group.clone())) {
                Some(place) => {
                    let object = &mut drawn.objects[*place];
                    object.mask =
                        Rle::merge(&[object.mask.clone(), mask], Merge::Union).map_err(Error::masks(file))?;
                }
                None => {
                    groups.insert((class, group), drawn.objects.len());
                    drawn.objects.push(Object { class, mask, crowd: false });
                }
            }
        }
        drawn.paint(width, height, &self.classes).map_err(Error::masks(file))
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        self.files.iter().try_for_each(|file| mark_file(hash, &self.root, file))
    }
}

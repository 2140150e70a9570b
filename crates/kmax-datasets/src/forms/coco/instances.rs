//! COCO's instance annotations, as the site and the tools write them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::{ListedCategory, Panoptic};
use sha2::{Digest, Sha256};

use super::super::classes::{Classes, of_objects};
use super::super::form::Form;
use super::super::labelled::{Item, Labelled, Labels, Photo};
use super::super::options::{Options, Split};
use super::super::outlines::{Outlines, rectangle};
use super::super::paint::{Drawn, Object};
use super::entries::{Content, Entry};
use super::photos_of;
use crate::coco::{Listed, Segmentation};
use crate::error::{Error, Result};
use crate::names::{Folder, check_name};
use crate::{files, json};

/// The labels of a json.
#[derive(Debug)]
struct Instances {
    json: PathBuf,
    classes: Classes,
    /// Width and height of each image.
    sizes: Vec<(usize, usize)>,
    /// The annotations of each image, with their places in the file.
    entries: Vec<Vec<(usize, Entry)>>,
    digest: [u8; 32],
}

/// A json as it was read, before the classes of all splits are known.
struct Read {
    split: String,
    json: PathBuf,
    content: Content,
    digest: [u8; 32],
}

/// Splits of which each is a json.
///
/// # Errors
/// If a json is damaged, splits contradict each other, or no object has a mask.
pub(in super::super) fn instances(
    jsons: Vec<(String, PathBuf)>,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Vec<Split>> {
    let mut read = Vec::with_capacity(jsons.len());
    for (split, json) in jsons {
        let bytes = files::read_list(&json)?;
        let content: Content = json::parse(&json, &bytes)?;
        read.push(Read { split, json, content, digest: Sha256::digest(&bytes).into() });
    }
    let Some(first) = read.first().map(|read| read.json.clone()) else { return Ok(Vec::new()) };
    check_boxes(&first, &read, notes)?;
    let brushed =
        read.iter().flat_map(|read| &read.content.annotations).filter(|entry| entry.is_brushed()).count();
    if brushed > 0 {
        notes.push(format!("{brushed} masks have `iscrowd`, which CVAT sets for whatever a brush drew: taken for single objects"));
    }
    let listed = without_group(joined(&read)?, &read, notes);
    let classes = of_objects(&first, listed, &options.things, notes)?;
    read.into_iter().map(|read| split(read, &classes, options)).collect()
}

/// Detection labels are refused; in a mixture boxes are counted.
fn check_boxes(first: &Path, read: &[Read], notes: &mut Vec<String>) -> Result<()> {
    let all: usize = read.iter().map(|read| read.content.annotations.len()).sum();
    let boxes = read.iter().flat_map(|read| &read.content.annotations).filter(|entry| entry.is_box()).count();
    if boxes == 0 {
        return Ok(());
    }
    if boxes == all {
        return Err(Error::file(
            first,
            "detection labels: its objects have boxes but no `segmentation`, so there are no masks",
        ));
    }
    notes.push(format!(
        "{boxes} of {all} objects have a box but no mask: void, where nothing else is labelled"
    ));
    Ok(())
}

/// The classes of all splits by id.
fn joined(read: &[Read]) -> Result<Vec<ListedCategory>> {
    let mut all: Vec<ListedCategory> = Vec::new();
    let mut places: HashMap<u32, usize> = HashMap::new();
    for Read { json, content, .. } in read {
        let mut ids = HashSet::new();
        for class in &content.categories {
            if !ids.insert(class.id) {
                return Err(Error::entry(json, "categories", format!("{} occurs twice", class.id)));
            }
            match places.get(&class.id).map(|place| &all[*place].name) {
                Some(name) if *name != class.name => {
                    let reason = format!("is {:?} here and {name:?} in another split", class.name);
                    return Err(Error::entry(json, format!("category {}", class.id), reason));
                }
                Some(_) => {}
                None => {
                    places.insert(class.id, all.len());
                    all.push(class.clone());
                }
            }
        }
    }
    Ok(all)
}

/// The classes without the one that Roboflow adds for the group of all others, which no object has.
fn without_group(listed: Vec<ListedCategory>, read: &[Read], notes: &mut Vec<String>) -> Vec<ListedCategory> {
    let of_none = |class: &&ListedCategory| class.supercategory.as_deref() == Some("none");
    let group = |class: &&ListedCategory| {
        let mut others = listed.iter().filter(|other| other.id != class.id).peekable();
        others.peek().is_some() && others.all(|other| other.supercategory.as_ref() == Some(&class.name))
    };
    let used = |class: &ListedCategory| {
        read.iter().flat_map(|read| &read.content.annotations).any(|entry| entry.category_id == class.id)
    };
    let extra = listed.iter().filter(of_none).filter(group).find(|class| !used(class)).map(|class| class.id);
    if let Some(class) = listed.iter().find(|class| Some(class.id) == extra) {
        notes.push(format!(
            "the class {:?} is the group of all others and has no object: left out",
            class.name
        ));
    }
    listed.into_iter().filter(|class| Some(class.id) != extra).collect()
}

fn split(read: Read, classes: &Classes, options: &Options) -> Result<Split> {
    let Read { split, json, content, digest } = read;
    let fail = |entry: String, reason: String| Error::entry(&json, entry, reason);
    if content.images.is_empty() {
        return Err(fail("images".into(), "the list is empty".into()));
    }
    let mut places = HashMap::with_capacity(content.images.len());
    for (position, image) in content.images.iter().enumerate() {
        let entry = || format!("images[{position}] (id {})", image.id);
        image.check_size().map_err(|reason| fail(entry(), reason))?;
        check_name(&image.file_name).map_err(|reason| fail(entry(), reason))?;
        if places.insert(&image.id, position).is_some() {
            return Err(fail(entry(), "the id occurs twice".into()));
        }
    }
    let mut entries = vec![Vec::new(); content.images.len()];
    for (position, annotation) in content.annotations.into_iter().enumerate() {
        let entry = || format!("annotations[{position}] (image {})", annotation.image_id);
        let Some(&place) = places.get(&annotation.image_id) else {
            let listed = Listed::new(content.images.iter().map(|image| &image.id), "`images`");
            return Err(fail(entry(), listed.lack(&annotation.image_id)));
        };
        if classes.categories.get(annotation.category_id).is_none() {
            return Err(fail(entry(), format!("unknown category {}", annotation.category_id)));
        }
        entries[place].push((position, annotation));
    }
    let photos = photos_of(&json, None, &content.images, options)?;
    let names = content.images.iter().map(|image| image.file_name.as_str());
    let folder = Arc::new(Folder::of(photos, names));
    let sizes = content.images.iter().map(|image| (image.width as usize, image.height as usize)).collect();
    let item =
        |image: crate::coco::ImageEntry| Item { id: image.id, name: image.file_name, folder: folder.clone() };
    let items = content.images.into_iter().map(item).collect();
    let labels = Instances { json: json.clone(), classes: classes.clone(), sizes, entries, digest };
    let data = Labelled::new(Form::CocoInstances, &json, classes.categories.clone(), items, labels);
    Ok(Split { name: split, data: Arc::new(data) })
}

impl Labels for Instances {
    fn read(&self, index: usize, _: &Photo) -> Result<Panoptic> {
        let (width, height) = self.sizes[index];
        let (mut drawn, mut outlines) = (Drawn::default(), Outlines::new(width, height));
        for (position, entry) in &self.entries[index] {
            let fail =
                |reason| Error::entry(&self.json, format!("annotations[{position}].segmentation"), reason);
            let mask = match &entry.segmentation {
                _ if entry.is_box() => {
                    let [x, y, across, down] = entry.bbox;
                    drawn
                        .unknown
                        .extend(outlines.mask(&[rectangle([x, y], [x + across, y + down])]).map_err(fail)?);
                    continue;
                }
                Some(Segmentation::Polygons(polygons)) => outlines.mask(polygons).map_err(fail)?,
                Some(form) => {
                    let mask = form.mask(width, height).map_err(|error| fail(error.to_string()))?;
                    Some(mask.into_owned())
                }
                None => None,
            };
            drawn.objects.extend(mask.map(|mask| Object {
                class: entry.category_id,
                mask,
                crowd: entry.iscrowd && !entry.is_brushed(),
            }));
        }
        drawn.paint(width, height, &self.classes).map_err(Error::masks(&self.json))
    }

    fn classes(&self, index: usize) -> Option<BTreeSet<u32>> {
        let objects = self.entries[index].iter().map(|(_, entry)| entry.category_id);
        Some(objects.chain(self.classes.background).collect())
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        hash.update(self.digest);
        Ok(())
    }
}

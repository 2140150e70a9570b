//! Label Studio's export: JSON and JSON-MIN.

mod brush;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::{Panoptic, Rle};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::classes::{Classes, numbered, of_objects};
use super::form::Form;
use super::labelled::{Labelled, Labels, Photo};
use super::names::class_list;
use super::options::{Options, Split};
use super::outlines::{Outlines, ellipse};
use super::paint::{Drawn, Object};
use super::photos::{Index, is_photo, items, stem};
use crate::error::{Error, Result};
use crate::names::base;
use crate::{files, json};
use tasks::{Brush, Counts, Ellipse, Points, Rectangle, Region, Task, tasks};

/// The labels of an export.
#[derive(Debug)]
struct LabelStudio {
    json: PathBuf,
    tasks: Vec<Task>,
    classes: Classes,
    digest: [u8; 32],
}

/// The split of an export.
///
/// # Errors
/// If it is damaged, or a photo is not found.
pub(super) fn split(name: String, file: &Path, options: &Options, notes: &mut Vec<String>) -> Result<Split> {
    let bytes = files::read_list(file)?;
    let list: Vec<Map<String, Value>> = json::parse(file, &bytes)?;
    let mut counts = Counts::default();
    let tasks = tasks(file, list, &mut counts)?;
    for (count, what) in [
        (counts.without, "tasks that nobody annotated are left out"),
        (counts.several, "tasks have several annotations: that marked as truth counts, else the first"),
        (counts.other, "regions without an area of a label are left out"),
    ] {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    }
    let root = file.parent().unwrap_or(Path::new(""));
    let seen: BTreeSet<&str> =
        tasks.iter().flat_map(|task| &task.regions).map(|region| region.label.as_str()).collect();
    let names: Vec<String> = match class_list(root, options)? {
        Some((list, classes)) => {
            let names: Vec<String> = classes.into_iter().map(|class| class.name).collect();
            if let Some(name) = seen.iter().find(|seen| !names.iter().any(|name| name == *seen)) {
                return Err(Error::file(&list, format!("lacks the class {name:?}, which regions have")));
            }
            names
        }
        None => seen.into_iter().map(str::to_owned).collect(),
    };
    let classes = of_objects(file, numbered(names), &options.things, notes)?;
    let index = Index::of(options.photos.as_deref().unwrap_or(root))?;
    let mut photos = Vec::with_capacity(tasks.len());
    let mut once = HashSet::new();
    for task in &tasks {
        let fail = |reason: String| Error::entry(file, format!("[{}]", task.position), reason);
        let photo = found(&index, &task.photo)?.ok_or_else(|| {
            fail(format!(
                "the photo {:?} is not in {}; name its folder with `--photos`",
                task.photo,
                index.folder.display()
            ))
        })?;
        if !once.insert(photo.clone()) {
            return Err(fail(format!("another task labels the photo {photo:?} too")));
        }
        photos.push(photo);
    }
    let items = items(&index.folder, photos);
    let labels = LabelStudio {
        json: file.into(),
        tasks,
        classes: classes.clone(),
        digest: Sha256::digest(&bytes).into(),
    };
    let data = Labelled::new(Form::LabelStudio, file, classes.categories.clone(), items, labels);
    Ok(Split { name, data: Arc::new(data) })
}

/// What of an address names the file: `/data/local-files/?d=a/b.jpg` is `a/b.jpg`, what asks for a signature is left out.
fn path_of(address: &str) -> &str {
    let path = address.split_once("?d=").map_or(address, |(_, path)| path);
    path.split(['?', '#', '&']).next().unwrap_or(path)
}

/// Whether an address is one of a photo.
fn names_photo(address: &str) -> bool {
    is_photo(path_of(address))
}

/// The photo of an address: by its path, its name, or its name without the eight digits that an upload gets.
fn found(index: &Index, address: &str) -> Result<Option<String>> {
    let path = crate::names::plain(&crate::names::with_slashes(path_of(address)));
    let name = stem(base(&path));
    let uploaded = name
        .split_once('-')
        .filter(|(digits, _)| digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    for name in [Some(stem(&path)), Some(name), uploaded.map(|(_, name)| name)].into_iter().flatten() {
        if let Some(photo) = index.find(name.trim_start_matches('/'))? {
            return Ok(Some(photo.to_owned()));
        }
    }
    Ok(None)
}

/// The mask of a region; none if it covers no pixel.
fn mask(region: &Region, outlines: &mut Outlines) -> std::result::Result<Option<Rle>, String> {
    let (width, height) = region.size;
    let scaled = |x: f64, y: f64| [x / 100.0 * width as f64, y / 100.0 * height as f64];
    let outline = match region.kind {
        "brushlabels" => {
            let Brush { rle } = value(region)?;
            let mask = brush::mask(&rle, width * height)?;
            let rle = Rle::from_mask(width, height, &mask).map_err(|error| error.to_string())?;
            return Ok(Some(rle).filter(|rle| rle.area() > 0));
        }
        "polygonlabels" => {
            let Points { points } = value(region)?;
            points.into_iter().flat_map(|[x, y]| scaled(x, y)).collect()
        }
        "rectanglelabels" => {
            let Rectangle { x, y, width, height, rotation } = value(region)?;
            let ([x, y], [across, down], turn) = (scaled(x, y), scaled(width, height), rotation.to_radians());
            let corner = |right: f64, below: f64| {
                [x + right * turn.cos() - below * turn.sin(), y + right * turn.sin() + below * turn.cos()]
            };
            [corner(0.0, 0.0), corner(across, 0.0), corner(across, down), corner(0.0, down)].concat()
        }
        _ => {
            let Ellipse { x, y, radius_x, radius_y, rotation } = value(region)?;
            ellipse(scaled(x, y), scaled(radius_x, radius_y), rotation.to_radians())
        }
    };
    outlines.mask(&[outline])
}

fn value<T: DeserializeOwned>(region: &Region) -> std::result::Result<T, String> {
    serde_json::from_value(region.value.clone()).map_err(|error| error.to_string())
}

impl Labels for LabelStudio {
    fn read(&self, index: usize, photo: &Photo) -> Result<Panoptic> {
        let task = &self.tasks[index];
        let fail = |region: usize, reason: String| {
            Error::entry(&self.json, format!("[{}]: region {region}", task.position), reason)
        };
        let (width, height) = match task.regions.first() {
            Some(region) => region.size,
            None => photo.size()?,
        };
        Rle::empty(width, height).map_err(Error::masks(&self.json))?;
        let (mut drawn, mut outlines) = (Drawn::default(), Outlines::new(width, height));
        for (position, region) in task.regions.iter().enumerate() {
            if region.size != (width, height) {
                return Err(fail(position, "its image is of another size than that of the first".into()));
            }
            let mask = mask(region, &mut outlines).map_err(|reason| fail(position, reason))?;
            let class =
                self.classes.categories.by_name(&region.label).map(|class| class.id).unwrap_or_default();
            drawn.objects.extend(mask.map(|mask| Object { class, mask, crowd: false }));
        }
        drawn.paint(width, height, &self.classes).map_err(Error::masks(&self.json))
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        hash.update(self.digest);
        Ok(())
    }
}

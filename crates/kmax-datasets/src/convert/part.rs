//! One part of a conversion, for one of several processes, and the parts joined.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kmax_base::{ErrorKind, Progress, Shard};
use kmax_masks::{Categories, Category, Panoptic};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::source::Source;
use super::target::{Part, Target, Writer};
use crate::coco::{ImageEntry, SegmentEntry};
use crate::each::each;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::journal::Journal;
use crate::parts::{self, Line, Listed, Placed, Whole};

/// What names of journals have behind that of the result.
const WORK: &str = "convert";

/// What all parts are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RunLine {
    images: usize,
    to: String,
    split: String,
    categories: Vec<Category>,
}

impl Listed for RunLine {
    const ENTRIES: &'static str = "images";

    fn count(&self) -> usize {
        self.images
    }
}

/// An image that is written.
#[derive(Serialize, Deserialize)]
struct DoneLine {
    position: usize,
    /// The digest of what the source says of it.
    labels: String,
    /// The digest of its own files.
    files: String,
    image: ImageEntry,
    part: Part,
}

impl Placed for DoneLine {
    fn position(&self) -> usize {
        self.position
    }
}

/// What one part did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReport {
    /// The images of the part.
    pub images: usize,
    /// Of these, those that were written before and are as they were.
    pub before: usize,
    /// What was wrong with those that failed, in the order of the list.
    pub failed: Vec<String>,
}

/// What all parts did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The images that are written.
    pub images: usize,
    /// In how many parts.
    pub parts: usize,
    /// What was wrong with those that failed, in the order of the list. If there are any, nothing was joined, as
    /// [`convert`](super::convert) writes nothing that is for all images then either.
    pub failed: Vec<String>,
}

/// As [`convert`](super::convert), for the images of one part: every process of a run gives the same arguments and its own `shard`, and
/// [`join`] ends the work. What a part did stands in a journal beside `out`, `OUT.convert.I-of-N.jsonl`. A part that is begun again goes on:
/// it leaves images whose labels and files are as they were, and tries again those that failed.
///
/// # Errors
/// If `out` has parts of another run, another process does this part, or nothing can be written. An image that is damaged, or does not
/// fit the form, is noted, and the others are written.
pub fn convert_part(
    source: &Source,
    target: Target,
    out: &Path,
    shard: Shard,
    progress: &dyn Progress,
) -> Result<PartReport> {
    let (folder, work) = parts::beside(out, WORK)?;
    let writer = Writer::create(target, source.categories(), source.split(), out)?;
    parts::check_counts(&folder, parts::counts(&parts::names(&folder)?, &work), shard.count())?;
    let file = folder.join(parts::journal_name(&work, shard));
    let (mut journal, lines) = Journal::<Line<RunLine, DoneLine>>::open(&file, &what(source, target)?)?;
    if lines.is_empty() {
        let categories = source.categories().iter().cloned().collect();
        let (to, split) = (target.name().to_owned(), source.split().to_owned());
        journal.add(&Line::Run(RunLine { images: source.len(), to, split, categories }))?;
    }
    let done = parts::done(lines);
    let journal = Mutex::new(journal);
    let images: Vec<usize> = (0..source.len()).filter(|&position| shard.takes(position)).collect();
    let outcomes = each(&images, progress, |_, &position| {
        let line = match image(source, &writer, position, done.get(&position)) {
            Ok(None) => return Ok(Outcome::Before),
            Ok(Some(done)) => Line::Done(done),
            Err(error) if is_of_the_image(&error) => {
                let file = error.path().map(|file| file.display().to_string()).unwrap_or_default();
                Line::Failed { position, file, reason: error.to_string() }
            }
            Err(error) => return Err(error),
        };
        journal.lock().unwrap_or_else(PoisonError::into_inner).add(&line)?;
        Ok(match line {
            Line::Failed { reason, .. } => Outcome::Failed(reason),
            _ => Outcome::Written,
        })
    })?;
    let before = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Before)).count();
    let failed = outcomes.into_iter().filter_map(|outcome| match outcome {
        Outcome::Failed(reason) => Some(reason),
        _ => None,
    });
    Ok(PartReport { images: images.len(), before, failed: failed.collect() })
}

enum Outcome {
    Before,
    Written,
    Failed(String),
}

/// Writes an image, unless it is there as it would be written.
fn image(
    source: &Source,
    writer: &Writer,
    position: usize,
    before: Option<&DoneLine>,
) -> Result<Option<DoneLine>> {
    let (image, panoptic) = source.read(position)?;
    let photo = if writer.refers_to_photos() { source.photo(position)? } else { None };
    let labels = digest(&image, photo.as_deref(), &panoptic);
    let is_there = |done: &&DoneLine| done.labels == labels && is_whole(writer, done);
    if before.filter(is_there).is_some() {
        return Ok(None);
    }
    let part = writer.write(&image, || Ok(photo), &panoptic)?;
    let files = writer.digest(&image, &part)?;
    Ok(Some(DoneLine { position, labels, files, image, part }))
}

fn is_whole(writer: &Writer, done: &DoneLine) -> bool {
    writer.digest(&done.image, &done.part).is_ok_and(|files| files == done.files)
}

/// Whether other images may well be written.
fn is_of_the_image(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::Incompatible
    )
}

/// Everything of an image that its results depend on.
fn digest(image: &ImageEntry, photo: Option<&Path>, panoptic: &Panoptic) -> String {
    let segments: Vec<SegmentEntry> = panoptic.segments.iter().map(SegmentEntry::from).collect();
    let photo = photo.map(|photo| photo.to_string_lossy());
    let mut all = Sha256::new();
    all.update(json!([image, photo, segments]).to_string());
    let map: Vec<u8> = panoptic.map.data().iter().flat_map(|id| id.to_le_bytes()).collect();
    all.update(map);
    hex(&all.finalize())
}

/// What parts must have in common: the list of images by name and id, and the form.
fn what(source: &Source, target: Target) -> Result<String> {
    let mut names = Sha256::new();
    for index in 0..source.len() {
        let (id, name) = source.called(index)?;
        names.update(format!("{id}\t{name}\n"));
    }
    let categories: Vec<&Category> = source.categories().iter().collect();
    let categories = hex(&Sha256::digest(json!(categories).to_string()));
    let what = json!({
        "to": target.name(),
        "split": source.split(),
        "images": source.len(),
        "names": &hex(&names.finalize())[..16],
        "categories": &categories[..16],
        "kmax": env!("CARGO_PKG_VERSION"),
    });
    Ok(what.to_string())
}

/// Ends the work that [`convert_part`] did in parts: `out` becomes what one process would have written, byte for byte. None if there is
/// no part.
///
/// # Errors
/// If a part was not begun or not ended, files are not as they were written, or two images have one file. The message says which parts are
/// to be run again.
pub fn join(out: &Path) -> Result<Option<Joined>> {
    let Ok((folder, work)) = parts::beside(out, WORK) else { return Ok(None) };
    if !folder.is_dir() {
        return Ok(None);
    }
    let Some(whole) = Whole::<RunLine, DoneLine>::read(&folder, &work)? else { return Ok(None) };
    let categories = Categories::new(whole.run.categories.clone()).map_err(Error::masks(out))?;
    let target = Target::named(&whole.run.to)
        .ok_or_else(|| Error::file(out, format!("its parts are of the unknown form {:?}", whole.run.to)))?;
    let writer = Writer::create(target, &categories, &whole.run.split, out)?;
    let mut taken = HashSet::<PathBuf>::new();
    for done in whole.entries.values().flatten() {
        if let Some(file) = writer.files(&done.image)?.into_iter().find(|file| !taken.insert(file.clone())) {
            let reason = format!("image {} was written over another one of the same name", done.image.id);
            return Err(Error::file(&file, reason));
        }
    }
    whole.check(out, |done| is_whole(&writer, done))?;
    let failed: Vec<String> = whole.failed().into_iter().map(str::to_owned).collect();
    let (images, parts) = (whole.entries.len() - failed.len(), whole.parts);
    if failed.is_empty() {
        writer.finish(whole.into_done().map(|done| (done.image, done.part)).collect())?;
    }
    Ok(Some(Joined { images, parts, failed }))
}

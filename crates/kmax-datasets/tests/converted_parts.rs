//! A conversion in parts, some of them stopped and begun again, is that of one process.

use kmax_base::{ErrorKind, Progress, Shard};
use kmax_datasets::coco::{CocoPanoptic, ImageEntry, PanopticWriter};
use kmax_datasets::convert::{Joined, PartReport, Source, Target, convert, convert_part, join};
use kmax_datasets::{Categories, Error, LabelMap, Panoptic, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const IMAGES: usize = 11;
const PARTS: usize = 3;

/// Images with Cityscapes' classes, which every form takes; every third photo is not there.
fn dataset(folder: &Path) -> Result<()> {
    let writer = PanopticWriter::create(folder.join("in.json"))?;
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for at in 0..IMAGES {
        let (width, height) = (5 + at % 3, 4);
        let name = format!("town/{at:02}.jpg");
        let image = ImageEntry {
            id: (100 + at as i64).into(),
            file_name: name.clone(),
            width: width as u32,
            height: height as u32,
        };
        let ids = (0..width * height).map(|pixel| ((pixel * 7 + at) / 3 % 5) as u32).collect();
        let map = LabelMap::new(width, height, ids).expect("a map");
        let mut panoptic = Panoptic::from_map(map, |id| ([0, 0, 11, 13, 8][id as usize], id == 3));
        for segment in &mut panoptic.segments {
            segment.score = Some(0.1 * segment.id as f32 + 1.2e-6);
        }
        annotations.push(writer.write(&image, &panoptic)?);
        images.push(image);
        if at % 3 > 0 {
            fs::create_dir_all(folder.join("photos/town")).expect("made");
            fs::write(folder.join("photos").join(name), b"").expect("written");
        }
    }
    writer.finish(images, annotations, &Categories::cityscapes())
}

fn source(folder: &Path) -> Result<Source> {
    let data = CocoPanoptic::open(folder.join("in.json"), folder.join("photos"), folder.join("in"))?;
    Ok(Source::annotated(Arc::new(data)))
}

fn shard(number: usize) -> Shard {
    Shard::new(number, PARTS).expect("a part")
}

/// The place of a result in a folder: the json or the folder.
fn out(folder: &Path, target: Target) -> PathBuf {
    use Target::{CocoInstances, CocoPanoptic, CocoResults, CvatCoco, LabelStudio};
    let is_json = [CocoPanoptic, CocoInstances, CocoResults, LabelStudio, CvatCoco].contains(&target);
    folder.join(if is_json { "out.json" } else { "out" })
}

/// Every file below a folder but journals, with its bytes, or with where it leads.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, below: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            let name = format!("{below}/{}", path.file_name().expect("a name").to_string_lossy());
            if path.is_symlink() {
                let to = fs::read_link(&path).expect("a link");
                found.insert(name, to.to_string_lossy().into_owned().into_bytes());
            } else if path.is_dir() {
                walk(&path, &name, found);
            } else if !name.ends_with(".jsonl") {
                found.insert(name, fs::read(&path).expect("read"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

/// Stops after some images.
struct Few(AtomicUsize);

impl Progress for Few {
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) >= 2
    }
}

#[test]
fn parts_of_which_one_was_stopped_become_what_one_process_writes() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    dataset(folder)?;
    let source = source(folder)?;
    for target in Target::ALL {
        let place = |name: &str| {
            let place = folder.join(name).join(target.name());
            fs::create_dir_all(&place).expect("made");
            place
        };
        let (whole, parts) = (place("whole"), place("parts"));
        assert_eq!(convert(&source, target, &out(&whole, target), &())?, IMAGES);

        let out = out(&parts, target);
        assert_eq!(join(&out)?, None);
        let stopped = convert_part(&source, target, &out, shard(2), &Few(AtomicUsize::new(0)));
        assert_eq!(stopped.map_err(|error| error.kind()), Err(ErrorKind::Cancelled));
        let early = join(&out).expect_err("parts lack").to_string();
        assert!(early.contains("part 1-of-3 was not begun"), "{early}");
        for number in 1..=PARTS {
            let report = convert_part(&source, target, &out, shard(number), &())?;
            let images = if number == 3 { 3 } else { 4 };
            let before = if number == 2 { 2 } else { 0 };
            assert_eq!(report, PartReport { images, before, failed: vec![] }, "{}", target.name());
        }
        let joined = Some(Joined { images: IMAGES, parts: PARTS, failed: vec![] });
        assert_eq!(join(&out)?, joined, "{}", target.name());
        assert!(tree(&whole) == tree(&parts), "{}", target.name());
        // Nothing is left to do, and joining again changes nothing.
        assert_eq!(convert_part(&source, target, &out, shard(1), &())?.before, 4, "{}", target.name());
        assert_eq!(join(&out)?, joined);
    }
    Ok(())
}

#[test]
fn what_failed_is_told_and_tried_again_and_what_changed_is_written_anew() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    dataset(folder)?;
    let source = source(folder)?;
    let out = folder.join("out");
    let part = |number| convert_part(&source, Target::Semantic, &out, shard(number), &());
    let labels = folder.join("in/town/04.png");
    let sound = fs::read(&labels).expect("read");
    fs::write(&labels, b"no picture").expect("written");
    for number in 1..=PARTS {
        let report = part(number)?;
        let failed: Vec<_> = report.failed.iter().map(|reason| reason.contains("04.png")).collect();
        assert_eq!(failed, if number == 2 { vec![true] } else { vec![] });
    }
    let joined = join(&out)?.expect("parts");
    assert_eq!((joined.images, joined.failed.len()), (IMAGES - 1, 1));

    // It is tried again; and a result that is gone is made again when the part is.
    fs::write(&labels, &sound).expect("written");
    assert_eq!(part(2)?, PartReport { images: 4, before: 3, failed: vec![] });
    fs::remove_file(out.join("04.png")).expect("removed");
    let lacking = join(&out).expect_err("a file is gone").to_string();
    assert!(lacking.contains("the results of 1 of 11 images are not there: run again 2-of-3"), "{lacking}");
    assert_eq!(part(2)?.before, 3);
    assert_eq!(join(&out)?.map(|joined| joined.images), Some(IMAGES));
    // Labels of the same name and size that say something else.
    let other = fs::read(folder.join("in/town/07.png")).expect("read");
    fs::write(folder.join("in/town/01.png"), other).expect("written");
    assert_eq!(part(2)?.before, 3);

    // Another form, and another number of parts.
    let other = convert_part(&source, Target::TwoChannel, &out, shard(2), &()).expect_err("another form");
    assert!(other.to_string().contains("to was semantic, now two-channel"), "{other}");
    let four = Shard::new(1, 4).expect("a part");
    let other = convert_part(&source, Target::Semantic, &out, four, &()).expect_err("another number");
    assert!(other.to_string().contains("holds parts of 3, not of 4"), "{other}");
    let nameless = convert_part(&source, Target::Semantic, Path::new("/"), four, &()).expect_err("no name");
    assert!(matches!(nameless, Error::File { .. }), "{nameless}");
    Ok(())
}

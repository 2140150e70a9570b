//! What is fuzzed: one function a reader, which takes any bytes. `cargo fuzz` calls them with what its coverage leads it to
//! (`fuzz_targets`), `cargo xtask attack` with changed files, by a seed.
//!
//! A reader gives an error or a value, and a value is used as its callers use it.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use kmax_datasets::coco::{CocoInstances, CocoPanoptic};
use kmax_masks::{Categories, LabelMap, Panoptic, Rle, codec};
use kmax_model::Config;
use kmax_tiles::Tiling;
use kmax_transforms::{Bands, Reading, RgbImage, decode_picture, read_picture};
use serde_json::Value;

/// A reader by name, with examples to begin with.
pub type Reader = (&'static str, fn(&[u8]), Vec<Vec<u8>>);

/// All of them; the examples are files of the folder that the attack makes.
pub fn all(seeds: &Path) -> Vec<Reader> {
    let files = |names: &[&str]| names.iter().filter_map(|name| fs::read(seeds.join(name)).ok()).collect();
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    vec![
        ("rle", rle as fn(&[u8]), texts(&["30 40 Yb0`01O1O2N", "4 3 0 5 2 5", "65535 65535 oooo3PPPP9"])),
        ("polygon", polygon, texts(&["40 30 1 1 20 1 20 20 1 20", "4 3 -1e5 -1e5 1e5 1e5 0 0.5"])),
        ("coco_panoptic", coco_panoptic, files(&["data/panoptic.json"])),
        ("coco_instances", coco_instances, files(&["objects.json"])),
        ("panoptic_png", panoptic_png, files(&["data/1.png", "kept/panoptic/image0.png"])),
        (
            "photo",
            photo,
            files(&["photo.png", "photo.jpg", "photo.webp", "photo.bmp", "photo.ppm", "photo.gif"]),
        ),
        ("tiff", photo, files(&["photo.tif"])),
        ("bands", bands, files(&["photo.png", "photo.tif"])),
        ("tiles", tiles, texts(&["\x40\x30\x20\x08abcdefghijklmnop", "\x7f\x7f\x10\x05zyxwv"])),
        ("config", config, files(&["model/config.json"])),
    ]
}

/// Numbers with spaces between, as far as they are some.
fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect()
}

/// Masks that are decoded have fewer pixels.
const DECODED: usize = 1 << 22;

/// Height, width, and run lengths: as a text of COCO's, and as numbers.
pub fn rle(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.splitn(3, ' ');
    let mut side = || words.next().and_then(|word| word.parse::<u32>().ok());
    let (Some(height), Some(width)) = (side(), side()) else { return };
    let rest = words.next().unwrap_or_default();
    let parsed = [Rle::from_text([height, width], rest), Rle::new([height, width], numbers(rest))];
    for mask in parsed.into_iter().flatten() {
        let again = Rle::from_text(mask.size(), &mask.to_text()).expect("its own text");
        assert_eq!(again, mask);
        assert!(mask.area() <= u64::from(height) * u64::from(width));
        assert_eq!(mask.intersection(&mask).expect("of one size"), mask.area());
        let _ = (mask.bbox(), mask.iou(&again, true));
        if mask.height() * mask.width() <= DECODED {
            assert_eq!(mask.decode().iter().filter(|inside| **inside).count() as u64, mask.area());
        }
    }
}

/// Width, height, and corners.
pub fn polygon(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let values: Vec<f64> = numbers(&text);
    let [width, height, vertices @ ..] = &values[..] else { return };
    let (width, height) = (*width as usize % 2048, *height as usize % 2048);
    let halves = vertices.split_at(vertices.len() / 4 * 2);
    for mask in
        [Rle::from_polygon(width, height, vertices), Rle::from_polygons(width, height, &[halves.0, halves.1])]
    {
        mask.into_iter().for_each(|mask| assert!(mask.area() <= (width * height) as u64));
    }
}

/// A place for readers that take files by their names.
struct Place {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        // In memory, where there is such a folder.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a temporary folder");
        Self { file: folder.path().join("fuzzed.json"), _folder: folder }
    }
}

fn with_file(bytes: &[u8], read: impl FnOnce(&Path)) {
    thread_local!(static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) });
    PLACE.with_borrow_mut(|place| {
        let place = place.get_or_insert_with(Place::new);
        fs::write(&place.file, bytes).expect("written");
        read(&place.file);
    });
}

/// A json of COCO's panoptic form. Its PNGs are not there.
pub fn coco_panoptic(bytes: &[u8]) {
    with_file(bytes, |file| {
        let folder = file.with_extension("");
        if let Ok(dataset) = CocoPanoptic::open(file, &folder, &folder) {
            for index in 0..dataset.len().min(8) {
                let _ = (dataset.image_path(index), dataset.png_path(index));
            }
        }
    });
}

/// A json of COCO's instance form, with the masks of its annotations.
pub fn coco_instances(bytes: &[u8]) {
    with_file(bytes, |file| {
        let _ = CocoInstances::open(file);
    });
}

/// A PNG of segments' ids, of classes, and of two channels.
pub fn panoptic_png(bytes: &[u8]) {
    let map: Option<LabelMap> = codec::decode_panoptic(bytes).ok();
    if let Some(map) =
        map.filter(|map| map.data().len() <= DECODED && map.data().iter().all(|id| *id < 1 << 24))
    {
        let again = codec::encode_panoptic(&map).and_then(|png| codec::decode_panoptic(&png));
        assert_eq!(again.expect("its own PNG"), map);
    }
    let _ =
        (codec::decode_labels(bytes), codec::decode_two_channel(bytes), codec::decode_three_channel(bytes));
}

/// A photo of any format, within 512 MB.
pub fn photo(bytes: &[u8]) {
    let _ = decode_picture(bytes, Path::new("fuzzed"), &Reading::default().with_memory(512 << 20, 11, 0));
}

/// A photo by rows, which are those that it has as a whole.
pub fn bands(bytes: &[u8]) {
    let reading = Reading::default().with_memory(256 << 20, 11, 0);
    with_file(bytes, |file| {
        let Ok(mut bands) = Bands::open(file, &reading) else { return };
        let (width, height) = (bands.width(), bands.height());
        if u64::from(width) * u64::from(height) > DECODED as u64 {
            return;
        }
        let mut together = Vec::new();
        loop {
            match bands.read(33) {
                Ok(band) if band.height() == 0 => break,
                Ok(band) => together.extend_from_slice(band.as_raw()),
                Err(_) => return,
            }
        }
        if let Ok(whole) = read_picture(file, &reading) {
            assert_eq!(whole.image.dimensions(), (width, height));
            assert!(*whole.image.as_raw() == together, "rows differ from the whole");
        }
    });
}

/// Width, height, size and overlap of tiles, and then what the tiles are said to show: boxes of things and stuff.
pub fn tiles(bytes: &[u8]) {
    let [width, height, size, overlap, said @ ..] = bytes else { return };
    let (width, height) = (u32::from(*width) + 1, u32::from(*height) + 1);
    let tiling = Tiling { size: u32::from(*size), overlap: u32::from(*overlap) };
    let mut said = said.iter().map(|byte| usize::from(*byte));
    let categories = Categories::coco_panoptic();
    let tile = |image: &RgbImage| -> kmax_tiles::Result<Panoptic> {
        let [across, down] = [image.width(), image.height()].map(|side| side as usize);
        let mut map = LabelMap::filled(across, down, 0)?;
        for id in 1..=said.next().unwrap_or(0) % 6 {
            let mut next = |most: usize| said.next().unwrap_or(0) % most;
            let (left, top) = (next(across), next(down));
            for y in top..(top + next(40)).min(down) {
                let right = (left + 20).min(across);
                map.data_mut()[y * across..][left..right].fill(id as u32);
            }
        }
        // Even ones are people, odd ones grass.
        Ok(Panoptic::from_map(map, |id| (if id.is_multiple_of(2) { 1 } else { 193 }, false)))
    };
    let mut image = Bands::from(RgbImage::new(width, height));
    if let Ok(joined) = kmax_tiles::panoptic(&mut image, tiling, &categories, &(), tile) {
        assert_eq!((joined.map.width(), joined.map.height()), (width as usize, height as usize));
        joined.validate(&categories).expect("a panoptic result");
        let grass = joined.segments.iter().filter(|segment| segment.category_id == 193).count();
        assert!(grass <= 1 || !tiling.cuts(width, height), "stuff is one segment");
    }
}

/// A model's `config.json`, with every limit of it. Nothing is built.
pub fn config(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let _ = Config::from_json(value, Value::Null);
}

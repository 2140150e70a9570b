//! Damaged datasets of every form: opening one and reading its labels ends in labels or in an error, never in a panic, and never in a
//! map that is larger than its photo.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use kmax_datasets::Annotated;
use kmax_datasets::forms::{Form, Opened, Options, held_out, open};
use kmax_masks::{LabelMap, codec};
use proptest::prelude::*;

const SIZE: (u32, u32) = (6, 4);

/// Files of a dataset: their paths and bytes.
type Files = Vec<(String, Vec<u8>)>;

fn encoded(image: &RgbImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

fn photo() -> Vec<u8> {
    encoded(&RgbImage::from_pixel(SIZE.0, SIZE.1, Rgb([90, 120, 30])), image::ImageFormat::Png)
}

/// The left half is `left`, the right half is `right`.
fn halves<T: Copy>(left: T, right: T) -> Vec<T> {
    (0..SIZE.0 * SIZE.1).map(|pixel| if pixel % SIZE.0 < SIZE.0 / 2 { left } else { right }).collect()
}

fn values(left: u32, right: u32) -> Vec<u8> {
    let map = LabelMap::new(SIZE.0 as usize, SIZE.1 as usize, halves(left, right)).expect("a map");
    codec::encode_labels(&map).expect("encoded")
}

fn colours(left: [u8; 3], right: [u8; 3]) -> Vec<u8> {
    let image = RgbImage::from_raw(SIZE.0, SIZE.1, halves(left, right).concat()).expect("a picture");
    encoded(&image, image::ImageFormat::Png)
}

/// A small sound dataset of a form.
fn sound(form: Form) -> Files {
    let file = |name: &str, bytes: Vec<u8>| (name.to_owned(), bytes);
    let text = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    let [black, red, green] = [[0; 3], [128, 0, 0], [0, 128, 0]];
    match form {
        Form::CocoPanoptic => vec![
            text("panoptic_val.json", include_str!("mutated_forms/panoptic.json")),
            file("panoptic_val/a.png", colours([1, 0, 0], [2, 0, 0])),
            file("images/a.png", photo()),
        ],
        Form::CocoInstances => vec![
            text("instances_val.json", include_str!("mutated_forms/instances.json")),
            file("images/a.png", photo()),
        ],
        Form::Semantic => vec![
            text("classes.txt", "cat\nsky\n"),
            file("images/a.png", photo()),
            file("masks/a.png", values(0, 1)),
        ],
        Form::BinaryMasks => vec![
            file("a/images/a.png", photo()),
            file("a/masks/1.png", values(255, 0)),
            file("a/masks/2.png", values(0, 255)),
        ],
        Form::Cityscapes => {
            let map = LabelMap::new(SIZE.0 as usize, SIZE.1 as usize, halves(7, 26_001)).expect("a map");
            let name = "bern/bern_000001_000019";
            vec![
                file(&format!("leftImg8bit/val/{name}_leftImg8bit.png"), photo()),
                file(
                    &format!("gtFine/val/{name}_gtFine_instanceIds.png"),
                    codec::encode_labels_16(&map).expect("encoded"),
                ),
                file(&format!("gtFine/val/{name}_gtFine_labelIds.png"), values(7, 26)),
            ]
        }
        Form::Ade20k => vec![
            file("images/validation/a.png", photo()),
            file("annotations/validation/a.png", values(1, 13)),
        ],
        Form::Yolo => vec![
            text("data.yaml", "path: .\ntrain: images/train\nnames: {0: cup, 1: spoon}\n"),
            text("labels/train/a.txt", "0 0 0 0.5 0 0.5 1 0 1\n1 0.75 0.5 0.5 1\n"),
            file("images/train/a.png", photo()),
        ],
        Form::Labelme => {
            vec![text("a.json", include_str!("mutated_forms/labelme.json")), file("a.png", photo())]
        }
        Form::LabelStudio => vec![
            text("export.json", include_str!("mutated_forms/label_studio.json")),
            file("images/a.png", photo()),
        ],
        Form::CvatMask => vec![
            text("labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\nnut:128,0,0::\n"),
            text("ImageSets/Segmentation/default.txt", "a\n"),
            file("JPEGImages/a.png", photo()),
            file("SegmentationClass/a.png", colours(red, black)),
            file("SegmentationObject/a.png", colours(red, black)),
        ],
        Form::Voc => vec![
            text("ImageSets/Segmentation/val.txt", "2007_000001\n"),
            file("JPEGImages/2007_000001.png", photo()),
            file("SegmentationClass/2007_000001.png", colours(red, green)),
            file("SegmentationObject/2007_000001.png", colours(green, red)),
        ],
        other => panic!("{}: a form without a dataset here", other.name()),
    }
}

/// What is done to the bytes of a file.
#[derive(Clone, Debug)]
enum Damage {
    Cut(usize),
    Set(usize, u8),
    Insert(usize, usize),
    Twice(usize, usize),
    Remove,
}

/// Words that parsers of these files trip over.
const WORDS: [&str; 12] = [
    "-1",
    "1e308",
    "NaN",
    "null",
    "[[[[",
    "{}",
    "\"\"",
    "18446744073709551616",
    "\n",
    "\u{feff}",
    "../../x",
    "\0",
];

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        1 => at.clone().prop_map(Damage::Cut),
        4 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        4 => (at.clone(), 0..WORDS.len()).prop_map(|(at, word)| Damage::Insert(at, word)),
        2 => (at, 1..40usize).prop_map(|(at, length)| Damage::Twice(at, length)),
        1 => Just(Damage::Remove),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Option<Vec<u8>> {
    let place = |at: usize| at % (bytes.len() + 1);
    match damage {
        Damage::Cut(at) => bytes.truncate(place(*at)),
        Damage::Set(at, byte) => {
            let at = place(*at);
            if let Some(found) = bytes.get_mut(at) {
                *found = *byte;
            }
        }
        Damage::Insert(at, word) => {
            let at = place(*at);
            bytes.splice(at..at, WORDS[*word].bytes());
        }
        Damage::Twice(at, length) => {
            let at = place(*at);
            let again = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, again);
        }
        Damage::Remove => return None,
    }
    Some(bytes)
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let file: PathBuf = root.join(name);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    std::fs::write(file, bytes).expect("written");
}

/// Reads whatever can be read of a dataset, and gives how many images had sound labels.
fn read(opened: &Opened) -> usize {
    let mut sound = 0;
    for split in &opened.splits {
        let data: &dyn Annotated = &*split.data;
        let _ = (data.digest(), held_out(&split.data, 0.5));
        for index in 0..data.len() {
            let _ = (data.id(index), data.image_path(index), data.classes(index));
            if let Ok(panoptic) = data.panoptic(index) {
                panoptic.validate(data.categories()).expect("labels that are given are sound");
            }
            if let Ok(sample) = data.sample(index) {
                let size = (sample.image.width() as usize, sample.image.height() as usize);
                assert_eq!((sample.panoptic.map.width(), sample.panoptic.map.height()), size);
                sound += 1;
            }
        }
    }
    sound
}

#[test]
fn the_sound_datasets_are_read() {
    for form in Form::ALL {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in sound(form) {
            write(folder.path(), &name, &bytes);
        }
        let opened = open(folder.path(), &Options::default());
        let opened = opened.unwrap_or_else(|error| panic!("{}: {error}", form.name()));
        assert_eq!((opened.form, read(&opened)), (form, 1), "{}", form.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn damage_ends_in_labels_or_in_an_error(
        form in prop::sample::select(Form::ALL.to_vec()),
        damages in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..4),
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut files: Vec<_> = sound(form).into_iter().map(|(name, bytes)| (name, Some(bytes))).collect();
        for (file, damage) in damages {
            let count = files.len();
            let (_, bytes) = &mut files[file.index(count)];
            *bytes = bytes.take().and_then(|bytes| damaged(bytes, &damage));
        }
        for (name, bytes) in files {
            if let Some(bytes) = bytes {
                write(folder.path(), &name, &bytes);
            }
        }
        for named in [None, Some(form)] {
            match open(folder.path(), &Options { form: named, ..Options::default() }) {
                Ok(opened) => { read(&opened); }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}

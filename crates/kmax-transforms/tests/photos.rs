//! Pictures made by other programs, against what Pillow sees in them: `photos/make.py` made both.

use std::path::{Path, PathBuf};

use kmax_transforms::{Error, Picture, Reading, RgbImage, decode_picture, read_picture};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/photos")
}

/// A line of `expected.tsv`.
struct Case {
    file: PathBuf,
    seen: RgbImage,
    tolerance: u8,
    note: String,
}

fn cases() -> Vec<Case> {
    let list = std::fs::read_to_string(folder().join("expected.tsv")).expect("the list");
    let case = |line: &str| {
        let [file, seen, tolerance, note] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let ppm = std::fs::read(folder().join("seen").join(seen)).expect("a reference");
        Case {
            file: folder().join(file),
            seen: parsed(&ppm),
            tolerance: tolerance.parse().expect("a number"),
            note: note.into(),
        }
    };
    list.lines().map(case).collect()
}

/// A PPM, without the code under test.
fn parsed(ppm: &[u8]) -> RgbImage {
    let mut lines = ppm.splitn(4, |byte| *byte == b'\n').skip(1);
    let size = String::from_utf8(lines.next().expect("a size").to_vec()).expect("text");
    let (width, height) = size.split_once(' ').expect("two numbers");
    let values = lines.nth(1).expect("values").to_vec();
    RgbImage::from_raw(width.parse().expect("a width"), height.parse().expect("a height"), values)
        .expect("pixels")
}

/// Whether this build has a decoder for it.
fn is_built(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let features =
        [("jxl", cfg!(feature = "jxl")), ("heic", cfg!(feature = "heif")), ("avif", cfg!(feature = "heif"))];
    !features.contains(&(ending, false))
}

#[test]
fn pictures_look_as_pillow_sees_them() {
    let mut wrong = Vec::new();
    for Case { file, seen, tolerance, note } in cases() {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let found = read_picture(&file, &Reading::default());
        if !is_built(&file) {
            assert!(matches!(found, Err(Error::Unread { .. })), "{name}");
            continue;
        }
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let told = found.note.unwrap_or_default();
        if told.is_empty() != note.is_empty() || !told.contains(&note) {
            wrong.push(format!("{name}: the note is {told:?}"));
        }
        if found.image.dimensions() != seen.dimensions() {
            wrong.push(format!("{name}: {:?} and not {:?}", found.image.dimensions(), seen.dimensions()));
            continue;
        }
        let pairs = found.image.as_raw().iter().zip(seen.as_raw());
        let most = pairs.map(|(found, seen)| found.abs_diff(*seen)).max().unwrap_or(0);
        if most > tolerance {
            wrong.push(format!("{name}: {most} levels off, {tolerance} are allowed"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every file, cut at every byte: an error, a note, or all the pixels.
#[test]
fn no_cut_file_is_silently_another_picture() {
    let mut wrong = Vec::new();
    for Case { file, .. } in cases().into_iter().filter(|case| is_built(&case.file)) {
        let data = std::fs::read(&file).expect("read");
        let read = |data: &[u8]| decode_picture(data, &file, &Reading::default());
        let whole: Picture = read(&data).expect("whole");
        for end in 0..data.len() {
            if let Ok(Picture { image, note, .. }) = read(&data[..end])
                && image != whole.image
                && note.as_ref().is_none_or(|note| whole.note.as_ref() == Some(note))
            {
                let name = file.file_name().expect("a name");
                wrong.push(format!("{}: silent at {end} of {}", name.to_string_lossy(), data.len()));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every file with bytes that are others: whatever comes of it, it is no panic.
#[test]
fn no_changed_byte_is_a_panic() {
    for Case { file, .. } in cases().into_iter().filter(|case| is_built(&case.file)) {
        let data = std::fs::read(&file).expect("read");
        // A conversion is much to prepare for so few pixels, and so are the codecs of libheif.
        let managed = ["profile", "wide", "dim", "srgb", ".heic", ".avif"]
            .iter()
            .any(|part| file.to_string_lossy().contains(part));
        for at in (0..data.len()).step_by(if managed { 61 } else { 3 }) {
            // Sizes in headers may become large ones; those are asked about, and refused.
            let reading = Reading::default().with_memory(1 << 24, 0, 0);
            let mut changed = data.clone();
            changed[at] ^= 0xff;
            drop(decode_picture(&changed, &file, &reading));
            changed[at] = data[at].wrapping_add(1);
            drop(decode_picture(&changed, &file, &reading));
        }
    }
}

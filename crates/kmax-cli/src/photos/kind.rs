//! What the files of a folder are, by their names.

use std::path::Path;

/// Endings of the files in a folder that are taken for photos. What they really are, their contents say.
const ENDINGS: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "tif", "tiff", "gif", "bmp", "dib", "pbm", "pgm",
    "ppm", "pnm",
];
/// Endings of formats that take a feature, if this build has it.
const JPEG_XL: &[&str] = if cfg!(feature = "jxl") { &["jxl"] } else { &[] };
const HEIF: &[&str] = if cfg!(feature = "heif") { &["heic", "heif", "hif", "avif"] } else { &[] };
/// Endings of our own results, which are not.
const RESULTS: [&str; 4] = [".overlay.png", ".panoptic.png", ".semantic.png", ".steps.gif"];

/// What a file of a folder is, by its name.
pub(super) enum Kind {
    Photo,
    /// Something else, with its ending.
    Other(String),
    /// Nothing that anybody put there as a photo: hidden files (macOS leaves `._NAME.jpg` beside each), and our own results.
    Nothing,
}

pub(super) fn kind(file: &Path) -> Kind {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    // Windows shows its own hidden ones to other systems.
    let hidden = name.starts_with('.') || ["thumbs.db", "desktop.ini"].contains(&name.as_str());
    if hidden || RESULTS.iter().any(|result| name.ends_with(result)) || is_step(&name) {
        Kind::Nothing
    } else if [ENDINGS, JPEG_XL, HEIF].iter().any(|endings| endings.contains(&ending.as_str())) {
        Kind::Photo
    } else {
        Kind::Other(ending)
    }
}

/// Whether it is the picture of a k-means step: NAME.stepK.png.
fn is_step(name: &str) -> bool {
    let number = name.strip_suffix(".png").and_then(|name| name.rsplit_once(".step"));
    number.is_some_and(|(_, number)| number.parse::<u8>().is_ok())
}

/// What a folder has beside photos.
#[derive(Default)]
pub(super) struct LeftOut {
    /// Of files of other kinds.
    pub endings: Vec<String>,
    /// What is named like a photo and is none: links to nothing, pipes, devices.
    pub no_files: usize,
}

/// How much was left out, and of which endings.
pub(super) fn told(left_out: &LeftOut) -> Option<String> {
    let no_files = match left_out.no_files {
        0 => None,
        1 => Some("1 link to nothing, pipe or device left out".to_owned()),
        count => Some(format!("{count} links to nothing, pipes or devices left out")),
    };
    let told: Vec<String> = told_endings(&left_out.endings).into_iter().chain(no_files).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn told_endings(left_out: &[String]) -> Option<String> {
    let ending = |ending: &String| if ending.is_empty() { "no ending".into() } else { format!(".{ending}") };
    let mut endings: Vec<String> = left_out.iter().map(ending).collect();
    endings.sort_unstable();
    endings.dedup();
    let more = if endings.len() > SHOWN { ", …" } else { "" };
    let endings = endings[..endings.len().min(SHOWN)].join(", ");
    match left_out.len() {
        0 => None,
        1 => Some(format!("1 file of another kind left out ({endings})")),
        count => Some(format!("{count} files of other kinds left out ({endings}{more})")),
    }
}

/// The most endings that are named.
const SHOWN: usize = 8;

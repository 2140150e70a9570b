//! Which photos, and what their results are called.

use crate::exit::{Code, Failure, Outcome};
use kmax::ImageError;
use kmax_base::read::decode;
use kmax_masks::ImageId;
use kmax_store::{Depth, Place, Stamp, Url};
use kmax_transforms::{FORMATS, MAX_PIXELS, Picture, Reading, decode_picture, read_picture};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A photo to segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The photo; for standard input, what it is called.
    pub file: PathBuf,
    /// Where it is, if that is an object store.
    pub url: Option<Url>,
    /// What the store said of its contents: the same until the end.
    pub stamp: OnceLock<Stamp>,
    /// Whether it is standard input.
    pub stdin: bool,
    /// What its results are called, without an ending.
    pub name: String,
    /// Its id in lists.
    pub id: ImageId,
    /// Something to tell about the name.
    pub note: Option<String>,
    /// Why it cannot be taken at all.
    pub refused: Option<String>,
}

impl Input {
    /// Whether it is a file of this machine, which may be read again and in parts.
    pub fn is_file(&self) -> bool {
        !self.stdin && self.url.is_none()
    }

    /// The bytes of a photo in a store.
    ///
    /// # Errors
    /// Also if they are others than they were: results belong to one photo.
    pub fn fetch(&self) -> kmax_store::Result<Option<Vec<u8>>> {
        let Some(url) = &self.url else { return Ok(None) };
        let (data, stamp) = kmax_store::read(url, MOST)?;
        if *self.stamp.get_or_init(|| stamp.clone()) != stamp {
            let (url, reason) = (url.to_string(), "it was replaced meanwhile".to_owned());
            return Err(kmax_store::Error::Read { url, reason, of_the_store: false });
        }
        Ok(Some(data))
    }

    /// Reads the photo.
    pub fn read(&self, reading: &Reading) -> Result<Picture, ImageError> {
        if !self.stdin {
            return read_picture(&self.file, reading);
        }
        let mut data = Vec::new();
        match std::io::stdin().lock().take(MOST).read_to_end(&mut data) {
            Ok(_) => decode_picture(&data, &self.file, reading),
            Err(source) => Err(ImageError::Read { file: self.file.clone(), source }),
        }
    }
}

/// The most that is read from standard input, which may have no end: as much as the largest photo has uncompressed.
const MOST: u64 = 4 * MAX_PIXELS;
/// What standard input is called, and its results.
const STDIN: &str = "stdin";
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

/// A photo that was named, and its id if that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub file: PathBuf,
    pub id: Option<ImageId>,
    url: Option<Url>,
    stamp: Option<Stamp>,
}

impl Named {
    /// What a path or a URL names.
    fn read(path: &Path) -> Outcome<Self> {
        Ok(match Place::read(path)? {
            Place::Local(file) => file.into(),
            Place::Store(url) => Self { url: Some(url.clone()), ..PathBuf::from(url.to_string()).into() },
        })
    }
}

impl From<PathBuf> for Named {
    fn from(file: PathBuf) -> Self {
        Self { file, id: None, url: None, stamp: None }
    }
}

/// The files named, the photos in the folders named, by name, and those of a list; with what is to be said about files that are no
/// photos.
pub fn list(named: &[PathBuf], listed: Option<&Path>) -> Outcome<(Vec<Named>, Option<String>)> {
    let (mut files, left_out) = of_arguments(named)?;
    if let Some(list) = listed {
        files.extend(read_list(list)?);
    }
    if files.is_empty() {
        return Err(Failure::new(Code::Input, "there is no photo to segment"));
    }
    Ok((files, left_out))
}

/// Refuses two photos under one id: of those in a list some have one, and others are counted.
pub fn check_ids(inputs: &[Input]) -> Outcome {
    let mut taken = HashMap::with_capacity(inputs.len());
    for input in inputs.iter().filter(|input| input.refused.is_none()) {
        if let Some(other) = taken.insert(&input.id, &input.file) {
            let message = format!(
                "{} and {} both have the id {}: give an id to every photo of the list, or to none",
                other.display(),
                input.file.display(),
                input.id
            );
            return Err(Failure::new(Code::Input, message));
        }
    }
    Ok(())
}

/// Reads a list: a path a line, or a line of JSON each. Paths are those of the folder that the program runs in.
fn read_list(list: &Path) -> Outcome<Vec<Named>> {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(alias = "file_name", alias = "path", alias = "image")]
        file: PathBuf,
        #[serde(default)]
        id: Option<ImageId>,
    }
    let fail = |reason: String| Failure::new(Code::Input, format!("{}: {reason}", list.display()));
    let text = match Place::read(list)? {
        Place::Local(file) => kmax_base::read::read_text(&file, MOST_LIST),
        Place::Store(url) => decode(&kmax_store::read(&url, MOST_LIST)?.0).map(|text| text.into_owned()),
    };
    let text = text.map_err(|error| fail(error.to_string()))?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            if line.len() > LONGEST_LINE || line.contains('\0') {
                let length = line.len();
                return Err(fail(format!("line {}: is no path and no JSON: {length} bytes", at + 1)));
            }
            if !line.starts_with('{') {
                return Named::read(Path::new(line));
            }
            let entry: Entry =
                serde_json::from_str(line).map_err(|error| fail(format!("line {}: {error}", at + 1)))?;
            Ok(Named { id: entry.id, ..Named::read(&entry.file)? })
        })
        .collect()
}

/// The largest list that is read: ten million paths of a hundred bytes.
const MOST_LIST: u64 = 1 << 30;

/// The longest line of a list: a path has 4096 bytes at most, and JSON may write each in six.
const LONGEST_LINE: usize = 1 << 15;

fn of_arguments(named: &[PathBuf]) -> Outcome<(Vec<Named>, Option<String>)> {
    let mut files = Vec::new();
    let mut left_out = LeftOut::default();
    for path in named {
        let named = Named::read(path)?;
        if let Some(url) = &named.url {
            let found = of_store(url, &mut left_out)?;
            files.extend(found.unwrap_or_else(|| vec![named]));
            continue;
        }
        let path = &named.file;
        if path.as_os_str() == "-" || !path.is_dir() {
            files.push(named);
            continue;
        }
        let fail = |e: std::io::Error| Failure::new(Code::Input, format!("{}: {e}", path.display()));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(fail)? {
            let file = entry.map_err(fail)?.path();
            if file.is_dir() {
                continue;
            }
            match kind(&file) {
                Kind::Photo if file.is_file() => found.push(file),
                Kind::Photo => left_out.no_files += 1,
                Kind::Other(ending) => left_out.endings.push(ending),
                Kind::Nothing => {}
            }
        }
        if found.is_empty() {
            return Err(no_photo(&path.display(), &left_out));
        }
        found.sort_unstable();
        files.extend(found.into_iter().map(Named::from));
    }
    Ok((files, told(&left_out)))
}

/// The photos below a URL, as in a folder; none if nothing is below it, as below a photo itself.
fn of_store(url: &Url, left_out: &mut LeftOut) -> Outcome<Option<Vec<Named>>> {
    let objects = kmax_store::list(url, Depth::Folder)?;
    if objects.is_empty() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for object in objects {
        match kind(Path::new(&object.name)) {
            Kind::Photo => {
                let file = PathBuf::from(object.url.to_string());
                found.push(Named { file, id: None, url: Some(object.url), stamp: Some(object.stamp) });
            }
            Kind::Other(ending) => left_out.endings.push(ending),
            Kind::Nothing => {}
        }
    }
    if found.is_empty() { Err(no_photo(url, left_out)) } else { Ok(Some(found)) }
}

fn no_photo(folder: &dyn std::fmt::Display, left_out: &LeftOut) -> Failure {
    let others = told(left_out).map(|others| format!("; {others}")).unwrap_or_default();
    Failure::new(Code::Input, format!("{folder}: no photo ({FORMATS}) in this folder{others}"))
}

/// What a file of a folder is, by its name.
enum Kind {
    Photo,
    /// Something else, with its ending.
    Other(String),
    /// Nothing that anybody put there as a photo: hidden files (macOS leaves `._NAME.jpg` beside each), and our own results.
    Nothing,
}

fn kind(file: &Path) -> Kind {
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
struct LeftOut {
    /// Of files of other kinds.
    endings: Vec<String>,
    /// What is named like a photo and is none: links to nothing, pipes, devices.
    no_files: usize,
}

/// How much was left out, and of which endings.
fn told(left_out: &LeftOut) -> Option<String> {
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

/// Image ids by file name.
pub type Ids = HashMap<String, ImageId>;

/// Reads the image ids of a COCO json: an object with `images`, or such a list alone.
pub fn read_ids(file: &Path) -> Outcome<Ids> {
    #[derive(Deserialize)]
    struct Image {
        id: ImageId,
        file_name: String,
    }
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a list of images with `id` and `file_name`, or an object with `images`"
    )]
    enum File {
        Object { images: Vec<Image> },
        List(Vec<Image>),
    }
    let fail = |e: &dyn std::fmt::Display| Failure::new(Code::Input, format!("{}: {e}", file.display()));
    let (File::Object { images } | File::List(images)) = kmax_datasets::read_json(file)?;
    // Photos are found by their name alone, wherever they lie now.
    let name = |path: &str| Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut ids = Ids::with_capacity(images.len());
    let mut taken = HashSet::with_capacity(images.len());
    for image in images {
        if !taken.insert(image.id.clone()) {
            return Err(fail(&format!("two images have the id {}", image.id)));
        }
        if ids.insert(name(&image.file_name), image.id).is_some() {
            return Err(fail(&format!("two images are called {}", name(&image.file_name))));
        }
    }
    Ok(ids)
}

/// Gives each photo a name of its own and an id. With `ids`, the second photo of a name is refused.
pub fn named(files: Vec<Named>, ids: Option<&Ids>) -> Vec<Input> {
    // Letters of either case are one on many file systems.
    let files = files.into_iter().map(|mut named| {
        let stdin = named.file.as_os_str() == "-";
        if stdin {
            named.file = STDIN.into();
        }
        (named, stdin)
    });
    let files: Vec<(Named, bool)> = files.collect();
    let stem = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stems: HashSet<String> = files.iter().map(|(named, _)| stem(&named.file).to_lowercase()).collect();
    let mut taken: HashMap<String, PathBuf> = HashMap::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut used: HashSet<ImageId> = HashSet::new();
    let mut inputs = Vec::with_capacity(files.len());
    for (at, (Named { file, id: said, url, stamp }, stdin)) in files.into_iter().enumerate() {
        let stem = stem(&file);
        let (mut name, mut note) = (stem.clone(), None);
        if let Some(other) = taken.get(&name.to_lowercase()) {
            let other = other.display().to_string();
            let free = |name: &String| {
                let name = name.to_lowercase();
                !taken.contains_key(&name) && !stems.contains(&name)
            };
            // Beyond the last one that was given: a list may name one photo a million times.
            let next = numbers.entry(stem.to_lowercase()).or_insert(2);
            name = (*next..).map(|n| format!("{stem}-{n}")).find(free).unwrap_or(name);
            *next += 1;
            note = Some(format!(
                "results of {} are called {name}, as {other} has the name {stem}",
                file.display()
            ));
        }
        taken.insert(name.to_lowercase(), file.clone());
        let file_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = match said {
            Some(id) => Some(Some(id)),
            None => ids.map(|ids| ids.get(&file_name).cloned()),
        };
        let refused = match &known {
            Some(None) => Some("no image of that name in the list of ids"),
            Some(Some(id)) if !used.insert(id.clone()) => Some("its id went to another photo of that name"),
            _ => None,
        };
        let refused = refused.map(|reason| format!("{}: {reason}", file.display()));
        let id = known.flatten().unwrap_or(ImageId::Number(at as i64 + 1));
        let stamp = stamp.map(OnceLock::from).unwrap_or_default();
        inputs.push(Input { file, url, stamp, stdin, name, id, note, refused });
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_photos_share_a_name() {
        let files = ["a.jpg", "b/a.png", "A.webp", "a-2.jpg", "c.jpg"].map(PathBuf::from);
        let inputs = named(files.map(Named::from).to_vec(), None);
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(names, ["a", "a-3", "A-4", "a-2", "c"]);
        assert!(
            inputs[1].note.as_ref().is_some_and(|note| note.contains("b/a.png") && note.contains("a.jpg"))
        );
        assert_eq!((inputs[0].note.as_ref(), &inputs[4].id), (None, &5.into()));
        // In a second, and not in an hour.
        let inputs = named(vec![Named::from(PathBuf::from("a.jpg")); 200_000], None);
        assert_eq!(inputs[199_999].name, "a-200000");
    }

    #[test]
    fn ids_are_found_by_file_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("ids.json");
        let list = r#"[{"id": 7, "file_name": "val/a.jpg"}, {"id": "x", "file_name": "b.jpg"}]"#;
        for text in [list.to_owned(), format!(r#"{{"images": {list}, "annotations": []}}"#)] {
            std::fs::write(&file, text).expect("written");
            let ids = read_ids(&file).expect("ids");
            let inputs = named(
                ["p/a.jpg", "b.jpg", "c.jpg"].map(|name| PathBuf::from(name).into()).to_vec(),
                Some(&ids),
            );
            assert_eq!((&inputs[0].id, &inputs[1].id), (&7.into(), &"x".into()));
            assert!(inputs[0].refused.is_none() && inputs[2].refused.is_some());
        }
        for text in
            ["{}", "[{\"id\": 1}]", "[", r#"[{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "b/a"}]"#]
        {
            std::fs::write(&file, text).expect("written");
            let failure = read_ids(&file).expect_err(text);
            assert!(
                failure.code == Code::Input && failure.message.contains("ids.json"),
                "{}",
                failure.message
            );
        }
    }

    #[test]
    fn folders_give_their_photos() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in [
            "b.JPG",
            "a.webp",
            "notes.txt",
            "a.overlay.png",
            "a.panoptic.png",
            "c.png",
            "._c.png",
            ".DS_Store",
            "Thumbs.db",
            "a.MOV",
            "b.mov",
            "README",
        ] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        std::fs::create_dir(folder.path().join("__MACOSX")).expect("made");
        let (files, left_out) = list(&[folder.path().into(), "x/y.jpg".into()], None).expect("files");
        assert_eq!(left_out.as_deref(), Some("4 files of other kinds left out (.mov, .txt, no ending)"));
        let names: Vec<_> = files.iter().filter_map(|named| named.file.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.webp", "b.JPG", "c.png", "y.jpg"]);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nothing", folder.path().join("d.jpg")).expect("linked");
            std::os::unix::fs::symlink("/dev/null", folder.path().join("e.jpg")).expect("linked");
            let (files, left_out) = list(&[folder.path().into()], None).expect("files");
            let left_out = left_out.unwrap_or_default();
            assert!(
                files.len() == 3 && left_out.ends_with("; 2 links to nothing, pipes or devices left out"),
                "{left_out}"
            );
        }
        let empty = tempfile::tempdir().expect("a temporary folder");
        assert!(list(&[empty.path().into()], None).is_err_and(|failure| failure.code == Code::Input));
        std::fs::write(empty.path().join("film.mov"), "").expect("written");
        let refused =
            list(&[empty.path().into()], None).err().map(|failure| failure.message).unwrap_or_default();
        assert!(refused.ends_with("; 1 file of another kind left out (.mov)"), "{refused}");
        assert!(matches!(list(&["a.jpg".into()], None), Ok((files, None)) if files.len() == 1));
    }
}

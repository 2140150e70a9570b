//! The photos of folders, of object stores and of lists.

use super::Named;
use super::kind::{Kind, LeftOut, kind, told};
use crate::exit::{Code, Failure, Outcome};
use kmax_base::read::decode;
use kmax_masks::ImageId;
use kmax_store::{Depth, Place, Url};
use kmax_transforms::FORMATS;
use serde::Deserialize;
use std::path::{Path, PathBuf};

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

#[cfg(test)]
mod tests {
    use super::*;

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

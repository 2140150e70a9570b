//! The files that are written for images, and the paths by which they refer to photos.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::coco::ImageEntry;
use crate::error::{Error, Result};
use crate::files;
use crate::names::{check_name, with_slashes};

/// Files under the names of images, each of which one image has.
#[derive(Default)]
pub(super) struct Names {
    taken: Mutex<HashSet<PathBuf>>,
}

impl Names {
    /// The file of an image in a folder; the folders of its name are made.
    ///
    /// # Errors
    /// If the image's name leaves the folder, another image has the same file, or a folder cannot be made.
    pub fn file(&self, folder: &Path, image: &ImageEntry, ending: &str) -> Result<PathBuf> {
        let file = named(folder, image)?.with_extension(ending);
        if !self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone()) {
            let reason = format!("image {} would be written over another one of the same name", image.id);
            return Err(Error::file(&file, reason));
        }
        if let Some(folder) = file.parent() {
            files::create_folder(folder)?;
        }
        Ok(file)
    }
}

/// The name of an image in a folder.
///
/// # Errors
/// If it leaves the folder.
pub(super) fn named(folder: &Path, image: &ImageEntry) -> Result<PathBuf> {
    check_name(&image.file_name)
        .map_err(|reason| Error::entry(folder, format!("image {}", image.id), reason))?;
    Ok(folder.join(with_slashes(&image.file_name)))
}

/// A path from a folder to a file, with `/`; the file's whole path where there is none, as between two drives of Windows.
///
/// # Errors
/// If one of them is not there.
pub(super) fn relative(folder: &Path, file: &Path) -> Result<String> {
    // Links make `..` go astray.
    let from = folder.canonicalize().map_err(Error::read(folder))?;
    let to = file.canonicalize().map_err(Error::read(file))?;
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return Ok(to.to_string_lossy().into_owned());
    }
    let up = from.components().skip(common).map(|_| "..".into());
    let down = to.components().skip(common).map(|part| part.as_os_str().to_string_lossy());
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}

/// The last part of a photo's folder and the photo's name below it, of an image's name that may have folders itself.
pub(super) fn with_folder(photo: &Path, name: &str) -> String {
    let name = with_slashes(name);
    let depth = Path::new(&name).components().filter(|part| matches!(part, Component::Normal(_))).count();
    let folder = photo.ancestors().nth(depth).and_then(Path::file_name);
    folder.map_or(name.clone(), |folder| format!("{}/{name}", folder.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str) -> ImageEntry {
        ImageEntry { id: 1.into(), file_name: name.into(), width: 1, height: 1 }
    }

    #[test]
    fn each_image_has_its_own_file() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let names = Names::default();
        let out = folder.path();
        assert_eq!(names.file(out, &image("a\\b.c.jpg"), "txt")?, out.join("a/b.c.txt"));
        assert!(out.join("a").is_dir());
        let failed = names.file(out, &image("a/b.c.png"), "txt").expect_err("the same file");
        assert!(failed.to_string().contains("another one of the same name"), "{failed}");
        assert!(names.file(out, &image("../b.png"), "txt").is_err());
        Ok(())
    }

    #[test]
    fn paths_lead_from_folder_to_file() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        files::create_folder(&folder.path().join("out/deep"))?;
        files::create_folder(&folder.path().join("photos"))?;
        let photo = folder.path().join("photos/a b.jpg");
        files::write(&photo, b"")?;
        assert_eq!(relative(&folder.path().join("out/deep"), &photo)?, "../../photos/a b.jpg");
        assert_eq!(relative(&folder.path().join("photos"), &photo)?, "a b.jpg");
        assert!(relative(folder.path(), &folder.path().join("none")).is_err());
        assert_eq!(with_folder(&photo, "a b.jpg"), "photos/a b.jpg");
        assert_eq!(with_folder(Path::new("/data/train/city/a.png"), "city/a.png"), "train/city/a.png");
        assert_eq!(with_folder(Path::new("a.png"), "a.png"), "a.png");
        Ok(())
    }
}

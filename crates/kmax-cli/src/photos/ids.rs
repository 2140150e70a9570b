//! Image ids: those of a COCO json, and that no two photos have one.

use super::Input;
use crate::exit::{Code, Failure, Outcome};
use kmax_masks::ImageId;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::super::named;
    use super::*;
    use std::path::PathBuf;

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
}

//! Cityscapes as the site distributes it.

use std::path::Path;
use std::sync::Arc;

use kmax_masks::{Categories, Panoptic};
use sha2::Sha256;

use super::form::Form;
use super::labelled::{Item, Labelled, Labels, Photo, mark_file};
use super::options::{Options, Split};
use super::splits::SPLITS;
use super::survey::Survey;
use crate::cityscapes::Cityscapes;
use crate::error::Result;
use crate::names::Folder;

/// The labels of a split.
#[derive(Debug)]
struct Instances(Cityscapes);

/// Whether a folder holds `gtFine`, or is it.
pub(super) fn is_there(survey: &Survey) -> bool {
    let may_be = survey.has_folder("gtFine") || survey.root.file_name().is_some_and(|name| name == "gtFine");
    may_be && SPLITS.iter().any(|split| Cityscapes::open(&survey.root, split).is_ok())
}

/// The splits. The labels of `test` are not public: its files hold void.
///
/// # Errors
/// If the classes do not fit `things`.
pub(super) fn splits(root: &Path, options: &Options, notes: &mut Vec<String>) -> Result<Vec<Split>> {
    if options.things.is_said() {
        notes.push("Cityscapes says itself which classes are things: `--things` was not looked at".into());
    }
    let mut splits = Vec::new();
    for name in SPLITS {
        let Ok(data) = Cityscapes::open(root, name) else { continue };
        if name == "test" {
            notes.push("the labels of `test` are not public: left out".into());
            continue;
        }
        let usual = data.images().first().map(|image| data.image_path(image));
        // Three folders up: the file, its city, its split.
        let photos = options.photos.clone().or_else(|| Some(usual?.ancestors().nth(2)?.to_path_buf()));
        let folder = Arc::new(Folder::new(photos.unwrap_or_default()));
        let item = |image: &crate::cityscapes::CityscapesImage| Item {
            id: image.id.as_str().into(),
            name: format!("{}/{}_leftImg8bit.png", image.city, image.id),
            folder: folder.clone(),
        };
        let items = data.images().iter().map(item).collect();
        let data = Labelled::new(Form::Cityscapes, root, Categories::cityscapes(), items, Instances(data));
        splits.push(Split { name: name.into(), data: Arc::new(data) });
    }
    Ok(splits)
}

impl Labels for Instances {
    fn read(&self, index: usize, _: &Photo) -> Result<Panoptic> {
        self.0.panoptic(&self.0.images()[index])
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        let images = self.0.images().iter();
        images
            .map(|image| self.0.instance_path(image))
            .try_for_each(|file| mark_file(hash, Path::new(""), &file))
    }
}

#[cfg(test)]
mod tests {
    use kmax_masks::{LabelMap, codec};

    use super::super::testing::{Set, drawn, splits};
    use super::*;

    #[test]
    fn the_layout_of_the_site_is_opened() -> Result<()> {
        let map = LabelMap::new(4, 1, vec![7, 26_001, 26_002, 0]).expect("a map");
        let png = codec::encode_labels_16(&map).expect("encoded");
        let mut set = Set::new();
        for split in ["train", "val", "test"] {
            let name = format!("gtFine/{split}/bern/bern_000001_000019_gtFine");
            set = set.bytes(&format!("{name}_instanceIds.png"), &png).values(
                &format!("{name}_labelIds.png"),
                4,
                &[7, 26, 26, 0],
            );
            set = set.photo(&format!("leftImg8bit/{split}/bern/bern_000001_000019_leftImg8bit.png"), 4, 1);
        }
        let opened = set.open()?;
        assert_eq!((opened.form, splits(&opened)), (Form::Cityscapes, vec![("train", 1), ("val", 1)]));
        let data = &opened.splits[1].data;
        assert_eq!(drawn(&**data, 0), "rcc.");
        assert_eq!(data.panoptic(0)?.segments.len(), 3);
        assert_eq!(data.sample(0)?.image_id, "bern_000001_000019".into());
        assert_eq!(data.digest()?.len(), 64);
        Ok(())
    }
}

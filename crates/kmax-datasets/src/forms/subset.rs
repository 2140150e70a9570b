//! A part of the images of a dataset, set aside.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use kmax_masks::{Categories, ImageId, Panoptic};
use kmax_transforms::Sample;
use sha2::{Digest, Sha256};

use crate::annotated::Annotated;
use crate::error::{Error, Result};
use crate::hex::hex;

/// Some images of a dataset.
#[derive(Debug)]
struct Subset {
    of: Arc<dyn Annotated>,
    places: Vec<usize>,
}

/// The images in two parts: those to train on, and a share of all (0 to 1) to measure on, at least one image and never all.
///
/// Which images are set aside follows from the names of their files alone: it is the same in each run, on each machine, and
/// whatever order they are listed in. Adding images moves few of the others.
///
/// # Errors
/// If there are less than two images, the share is no number from 0 to 1, or two files could be meant by a name.
pub fn held_out(all: &Arc<dyn Annotated>, share: f64) -> Result<(Arc<dyn Annotated>, Arc<dyn Annotated>)> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::setting("share", format!("{share}, expected a number from 0 to 1")));
    }
    let count = all.len();
    if count < 2 {
        let reason =
            format!("of {count} images none can be set aside; name the images to measure on yourself");
        return Err(Error::setting("share", reason));
    }
    let mut ranked = Vec::with_capacity(count);
    for place in 0..count {
        let file = all.image_path(place)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Files of one name are told apart by what the dataset calls them.
        ranked.push((Sha256::digest(&name), all.id(place)?.to_string(), place));
    }
    ranked.sort_unstable();
    let aside = ((share * count as f64).round() as usize).clamp(1, count - 1);
    let part = |ranked: &[(_, _, usize)]| -> Arc<dyn Annotated> {
        let mut places: Vec<usize> = ranked.iter().map(|(_, _, place)| *place).collect();
        places.sort_unstable();
        Arc::new(Subset { of: all.clone(), places })
    };
    Ok((part(&ranked[aside..]), part(&ranked[..aside])))
}

impl Subset {
    fn place(&self, index: usize) -> Result<usize> {
        let past =
            || Error::setting("index", format!("{index}, but there are {} images only", self.places.len()));
        self.places.get(index).copied().ok_or_else(past)
    }
}

impl Annotated for Subset {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn categories(&self) -> &Categories {
        self.of.categories()
    }

    fn id(&self, index: usize) -> Result<ImageId> {
        self.of.id(self.place(index)?)
    }

    fn image_path(&self, index: usize) -> Result<PathBuf> {
        self.of.image_path(self.place(index)?)
    }

    fn panoptic(&self, index: usize) -> Result<Panoptic> {
        self.of.panoptic(self.place(index)?)
    }

    fn classes(&self, index: usize) -> Result<BTreeSet<u32>> {
        self.of.classes(self.place(index)?)
    }

    fn digest(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(self.of.digest()?);
        for place in &self.places {
            hash.update(format!("\n{}", self.of.id(*place)?));
        }
        Ok(hex(&hash.finalize()))
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        self.of.sample(self.place(index)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Set;
    use super::*;

    /// Images of these files, in this order.
    fn dataset(names: &[&str]) -> (Set, Arc<dyn Annotated>) {
        let image = |(id, name): (usize, &&str)| {
            format!(r#"{{"id": {id}, "file_name": "{name}", "width": 2, "height": 1}}"#)
        };
        let images: Vec<String> = names.iter().enumerate().map(image).collect();
        let json = format!(
            r#"{{"images": [{}], "categories": [{{"id": 1, "name": "a"}}], "annotations":
            [{{"image_id": 0, "category_id": 1, "segmentation": [[0, 0, 1, 0, 1, 1, 0, 1]]}}]}}"#,
            images.join(",")
        );
        let set = Set::new().text("x.json", &json).photo(names[0], 2, 1);
        let data = set.open().expect("opened").splits[0].data.clone();
        (set, data)
    }

    fn names(data: &Arc<dyn Annotated>) -> Vec<String> {
        let name = |place| {
            data.image_path(place).expect("a path").file_name().expect("a name").to_string_lossy().into()
        };
        let mut names: Vec<String> = (0..data.len()).map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn the_same_images_are_set_aside_in_every_order_and_place() -> Result<()> {
        let files: Vec<String> = (0..20).map(|n| format!("{n}.png")).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let (_set, all) = dataset(&files);
        let (train, val) = held_out(&all, 0.1)?;
        assert_eq!((train.len(), val.len()), (18, 2));
        // By the digests of the names: `printf %s N.png | sha256sum | sort`.
        assert_eq!(names(&val), ["0.png", "6.png"]);
        let moved: Vec<String> = files.iter().rev().map(|name| format!("b/{name}")).collect();
        let moved: Vec<&str> = moved.iter().map(String::as_str).collect();
        let (_other, other) = dataset(&moved);
        assert_eq!(names(&held_out(&other, 0.1)?.1), names(&val));
        let both = [names(&train), names(&val)].concat();
        assert_eq!(both.len(), both.iter().collect::<std::collections::HashSet<_>>().len());
        assert_ne!(train.digest()?, val.digest()?);
        assert_eq!(train.sample(3).is_ok(), train.image_path(3)?.is_file());
        assert!(val.id(2).is_err());
        Ok(())
    }

    #[test]
    fn at_least_one_image_is_on_each_side() -> Result<()> {
        let (_set, all) = dataset(&["a.png", "b.png", "c.png"]);
        for (share, aside) in [(0.0, 1), (0.1, 1), (0.6, 2), (1.0, 2)] {
            assert_eq!(held_out(&all, share)?.1.len(), aside, "{share}");
        }
        assert!(held_out(&all, f64::NAN).is_err() && held_out(&all, 1.5).is_err());
        let (_set, one) = dataset(&["a.png"]);
        assert!(held_out(&one, 0.1).is_err());
        Ok(())
    }
}

//! Which images are learnt from and which are measured on, where nobody says.

use std::path::Path;
use std::sync::Arc;

use super::options::{Opened, Split};
use super::splits::ALL;
use super::subset::held_out;
use crate::annotated::Annotated;
use crate::error::{Error, Result};

/// The share of the images that is set aside to measure on if nobody says.
pub const HELD_OUT: f64 = 0.1;

/// The names of splits that are there to measure on, the first that there is.
const MEASURED: [&str; 2] = ["val", "test"];

/// The two parts of a dataset.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Images to learn from.
    pub train: Arc<dyn Annotated>,
    /// Images to measure on.
    pub val: Arc<dyn Annotated>,
    /// What was chosen, a line each.
    pub notes: Vec<String>,
}

impl Parts {
    /// All images, of which a share (0 to 1) is set [aside](held_out).
    ///
    /// # Errors
    /// As [`held_out`].
    pub fn with_held_out(all: &Arc<dyn Annotated>, share: f64) -> Result<Self> {
        let (train, val) = held_out(all, share)?;
        let note = format!(
            "no split to measure on: {} of {} images are set aside for it, the same in each run",
            val.len(),
            all.len()
        );
        Ok(Self { train, val, notes: vec![note] })
    }
}

impl Opened {
    /// What is learnt from and what is measured on: the splits of these names; unnamed, `train`, and `val` or else `test`. Of a
    /// dataset without a split to measure on, or with the images of one split in both, the share is held out.
    ///
    /// # Errors
    /// If there is no split of a name, or no image can be held out. `path` is the dataset in the message.
    pub fn parts(&self, path: &Path, train: Option<&str>, val: Option<&str>, share: f64) -> Result<Parts> {
        let learnt = match (train, &self.splits[..]) {
            (Some(name), _) => self.named(path, name)?,
            (None, [only]) => &only.data,
            (None, _) => self.named(path, "train")?,
        };
        let measured = match val {
            Some(name) => Some(self.named(path, name)?),
            None if self.splits.len() > 1 => MEASURED.into_iter().find_map(|name| self.split(name)),
            None => None,
        };
        let Some(measured) = measured else { return Parts::with_held_out(learnt, share) };
        // Ultralytics wants a split to measure on, so that tools name the only one twice.
        if val.is_none() && same_images(&**learnt, &**measured)? {
            let mut parts = Parts::with_held_out(learnt, share)?;
            parts.notes.insert(0, "the validation split has the images of the training split".into());
            return Ok(parts);
        }
        Ok(Parts { train: learnt.clone(), val: measured.clone(), notes: Vec::new() })
    }

    /// What a model is measured on: the split of this name; unnamed, a split that is there for it, and else what
    /// [`Self::parts`] holds out of the images, which is what a run over the same dataset did not learn from. The notes say
    /// what was chosen.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn measured(&self, path: &Path, name: Option<&str>, share: f64) -> Result<(Split, Vec<String>)> {
        let split = |name: &str, data: &Arc<dyn Annotated>| Split { name: name.into(), data: data.clone() };
        if let Some(name) = name {
            return Ok((split(name, self.named(path, name)?), Vec::new()));
        }
        // There is nothing to learn from, so that nothing was learnt from it either.
        if self.split("train").is_none()
            && let Some((name, data)) = MEASURED.into_iter().find_map(|name| Some((name, self.split(name)?)))
        {
            return Ok((split(name, data), Vec::new()));
        }
        let parts = self.parts(path, None, None, share)?;
        let whole = self.splits.iter().find(|split| Arc::ptr_eq(&split.data, &parts.val));
        let name = whole.map_or(ALL, |split| split.name.as_str());
        Ok((split(name, &parts.val), parts.notes))
    }

    fn named(&self, path: &Path, name: &str) -> Result<&Arc<dyn Annotated>> {
        self.split(name).ok_or_else(|| {
            let names: Vec<_> = self.splits.iter().map(|split| split.name.as_str()).collect();
            Error::file(path, format!("has no split {name:?}; there are {}", names.join(", ")))
        })
    }
}

fn same_images(train: &dyn Annotated, val: &dyn Annotated) -> Result<bool> {
    if train.len() != val.len() {
        return Ok(false);
    }
    for index in 0..train.len() {
        if train.image_path(index)? != val.image_path(index)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Set, message};
    use super::*;

    /// A folder of class maps with a split of two images for each name.
    fn opened(splits: &[&str]) -> (Set, Opened) {
        let set = splits.iter().fold(Set::new().text("classes.txt", "a\nb\n"), |set, split| {
            let image = |set: Set, name: &str| {
                set.photo(&format!("images/{split}/{name}.png"), 2, 1).values(
                    &format!("labels/{split}/{name}.png"),
                    2,
                    &[0, 1],
                )
            };
            image(image(set, &format!("{split}1")), &format!("{split}2"))
        });
        let opened = set.open().expect("opened");
        (set, opened)
    }

    #[test]
    fn what_is_measured_is_said_and_is_what_a_run_does_not_learn_from() -> Result<()> {
        for (splits, name, count, note) in [
            (&["train", "val", "test"][..], "val", 2, None),
            (&["train", "test"], "test", 2, None),
            (&["test", "val"], "val", 2, None),
            (&["test"], "test", 2, None),
            (&["train"], ALL, 1, Some("1 of 2 images are set aside")),
        ] {
            let (set, opened) = opened(splits);
            let (split, notes) = opened.measured(set.path(), None, HELD_OUT)?;
            assert_eq!((split.name.as_str(), split.data.len()), (name, count), "{splits:?}");
            assert_eq!(notes.len(), usize::from(note.is_some()));
            assert!(note.is_none_or(|note| notes[0].contains(note)), "{notes:?}");
            if splits.contains(&"train") {
                let parts = opened.parts(set.path(), None, None, HELD_OUT)?;
                assert_eq!(parts.val.digest()?, split.data.digest()?);
            }
        }
        Ok(())
    }

    #[test]
    fn a_split_that_is_not_there_is_told_with_those_that_are() {
        let (set, opened) = opened(&["train", "val"]);
        let told = message(opened.measured(set.path(), Some("text"), HELD_OUT).map(|_| ()));
        assert!(told.contains("no split \"text\"; there are train, val"), "{told}");
        let (split, _) = opened.measured(set.path(), Some("train"), HELD_OUT).expect("there");
        assert_eq!(split.name, "train");
    }
}

//! The datasets of the paper.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::categories::Categories;
use crate::error::{Error, Result};

/// A benchmark dataset: its classes and its conventions, wherever its files lie and whatever form they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dataset {
    /// COCO panoptic, 133 classes.
    Coco,
    /// Cityscapes, 19 classes.
    Cityscapes,
    /// ADE20K, 150 classes.
    Ade20k,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Coco, Self::Cityscapes, Self::Ade20k];

    /// The name in lower case, as it stands in the names of models: `coco`, `cityscapes`, `ade20k`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coco => "coco",
            Self::Cityscapes => "cityscapes",
            Self::Ade20k => "ade20k",
        }
    }

    /// The classes of its panoptic segmentation, under its own ids and in its own order.
    pub fn categories(self) -> Categories {
        match self {
            Self::Coco => Categories::coco_panoptic(),
            Self::Cityscapes => Categories::cityscapes(),
            Self::Ade20k => Categories::ade20k(),
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dataset {
    type Err = Error;

    /// The dataset of a [name](Self::name).
    ///
    /// # Errors
    /// [`Error::UnknownDataset`] for another text.
    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|dataset| dataset.name() == name);
        known.ok_or_else(|| Error::UnknownDataset(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_again() {
        for (dataset, classes) in Dataset::ALL.into_iter().zip([133, 19, 150]) {
            assert_eq!(dataset.to_string().parse::<Dataset>().unwrap(), dataset);
            assert_eq!(serde_json::to_value(dataset).unwrap(), dataset.name());
            assert_eq!(dataset.categories().len(), classes);
        }
        let error = "voc".parse::<Dataset>().unwrap_err().to_string();
        assert!(error.contains("voc") && error.contains("cityscapes"), "{error}");
    }
}

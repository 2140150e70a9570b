//! The order of the class logits.

use kmax_masks::Categories;
use serde::{Deserialize, Serialize};

/// How a head orders the classes of its dataset. On COCO both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassOrder {
    /// Things in the dataset's order, then stuff (deeplab2).
    ThingsFirst,
    /// The dataset's order (PyTorch).
    #[default]
    Contiguous,
}

impl ClassOrder {
    /// For each class of the head, its place in the dataset's order.
    pub fn rows(self, dataset: &Categories) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..dataset.len()).collect();
        if self == Self::ThingsFirst {
            rows.sort_by_key(|row| !dataset.as_slice()[*row].isthing);
        }
        rows
    }

    /// The classes of `dataset` in the order of the head.
    pub fn arrange(self, dataset: Categories) -> Categories {
        if self == Self::Contiguous {
            return dataset;
        }
        let mut classes: Vec<_> = dataset.clone().into();
        classes.sort_by_key(|class| !class.isthing);
        // Ids stay what they were, hence stay different.
        Categories::new(classes).unwrap_or(dataset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_first_and_keep_their_order() {
        let dataset = Categories::cityscapes();
        let arranged = ClassOrder::ThingsFirst.arrange(dataset.clone());
        assert_eq!(arranged.id_of(0), Some(11));
        assert_eq!(arranged.id_of(8), Some(0));
        for (place, row) in ClassOrder::ThingsFirst.rows(&dataset).into_iter().enumerate() {
            assert_eq!(arranged.id_of(place), dataset.id_of(row));
        }
        assert_eq!(ClassOrder::Contiguous.arrange(dataset.clone()), dataset);
        let coco = Categories::coco_panoptic();
        assert_eq!(ClassOrder::ThingsFirst.arrange(coco.clone()), coco);
    }
}

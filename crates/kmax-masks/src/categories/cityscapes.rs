//! Cityscapes' labels under their regular ids, with the train ids of the 19 that are evaluated.

use super::{Categories, Category};

/// The train id of labels that are not evaluated.
pub const IGNORED: u8 = 255;

/// One line of `labels.py` of cityscapesScripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The regular id, 0..33.
    pub id: u8,
    /// The id for training and the panoptic files, 0..18, or [`IGNORED`].
    pub train_id: u8,
    /// Its name.
    pub name: &'static str,
    /// Its category: void, flat, construction, object, nature, sky, human or vehicle.
    pub category: &'static str,
    /// Whether single instances are told apart.
    pub has_instances: bool,
    /// Red, green, blue.
    pub color: [u8; 3],
}

impl Label {
    /// Whether the official evaluation leaves it out.
    pub fn ignored(&self) -> bool {
        self.train_id == IGNORED
    }
}

const fn label(
    id: u8,
    train_id: u8,
    name: &'static str,
    category: &'static str,
    has_instances: bool,
    color: [u8; 3],
) -> Label {
    Label { id, train_id, name, category, has_instances, color }
}

/// The 34 labels; the position is the regular id. (The licence plate has no id of its own in the files.)
#[rustfmt::skip]
pub const LABELS: [Label; 34] = [
    label(0, IGNORED, "unlabeled", "void", false, [0, 0, 0]),
    label(1, IGNORED, "ego vehicle", "void", false, [0, 0, 0]),
    label(2, IGNORED, "rectification border", "void", false, [0, 0, 0]),
    label(3, IGNORED, "out of roi", "void", false, [0, 0, 0]),
    label(4, IGNORED, "static", "void", false, [0, 0, 0]),
    label(5, IGNORED, "dynamic", "void", false, [111, 74, 0]),
    label(6, IGNORED, "ground", "void", false, [81, 0, 81]),
    label(7, 0, "road", "flat", false, [128, 64, 128]),
    label(8, 1, "sidewalk", "flat", false, [244, 35, 232]),
    label(9, IGNORED, "parking", "flat", false, [250, 170, 160]),
    label(10, IGNORED, "rail track", "flat", false, [230, 150, 140]),
    label(11, 2, "building", "construction", false, [70, 70, 70]),
    label(12, 3, "wall", "construction", false, [102, 102, 156]),
    label(13, 4, "fence", "construction", false, [190, 153, 153]),
    label(14, IGNORED, "guard rail", "construction", false, [180, 165, 180]),
    label(15, IGNORED, "bridge", "construction", false, [150, 100, 100]),
    label(16, IGNORED, "tunnel", "construction", false, [150, 120, 90]),
    label(17, 5, "pole", "object", false, [153, 153, 153]),
    label(18, IGNORED, "polegroup", "object", false, [153, 153, 153]),
    label(19, 6, "traffic light", "object", false, [250, 170, 30]),
    label(20, 7, "traffic sign", "object", false, [220, 220, 0]),
    label(21, 8, "vegetation", "nature", false, [107, 142, 35]),
    label(22, 9, "terrain", "nature", false, [152, 251, 152]),
    label(23, 10, "sky", "sky", false, [70, 130, 180]),
    label(24, 11, "person", "human", true, [220, 20, 60]),
    label(25, 12, "rider", "human", true, [255, 0, 0]),
    label(26, 13, "car", "vehicle", true, [0, 0, 142]),
    label(27, 14, "truck", "vehicle", true, [0, 0, 70]),
    label(28, 15, "bus", "vehicle", true, [0, 60, 100]),
    label(29, IGNORED, "caravan", "vehicle", true, [0, 0, 90]),
    label(30, IGNORED, "trailer", "vehicle", true, [0, 0, 110]),
    label(31, 16, "train", "vehicle", true, [0, 80, 100]),
    label(32, 17, "motorcycle", "vehicle", true, [0, 0, 230]),
    label(33, 18, "bicycle", "vehicle", true, [119, 11, 32]),
];

/// The train id of each regular id, [`IGNORED`] for what is not evaluated.
pub fn train_id(id: u32) -> Option<u8> {
    LABELS.get(usize::try_from(id).ok()?).map(|label| label.train_id)
}

/// The label with this train id (0..18).
pub fn by_train_id(train_id: u32) -> Option<&'static Label> {
    LABELS.iter().find(|label| !label.ignored() && u32::from(label.train_id) == train_id)
}

fn category(id: u8, label: &Label) -> Category {
    Category {
        id: id.into(),
        name: label.name.to_owned(),
        isthing: label.has_instances,
        color: label.color,
        supercategory: Some(label.category.to_owned()),
    }
}

pub(super) fn train_categories() -> Categories {
    let kept = LABELS.iter().filter(|label| !label.ignored());
    Categories::from_distinct(kept.map(|label| category(label.train_id, label)).collect())
}

pub(super) fn label_categories() -> Categories {
    Categories::from_distinct(LABELS.iter().map(|label| category(label.id, label)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ids_and_train_ids_count_up() {
        assert!(LABELS.iter().enumerate().all(|(position, label)| usize::from(label.id) == position));
        let trained: Vec<u8> =
            LABELS.iter().map(|label| label.train_id).filter(|&id| id != IGNORED).collect();
        assert_eq!(trained, (0..19).collect::<Vec<u8>>());
        assert_eq!((train_id(26), train_id(29), train_id(34)), (Some(13), Some(IGNORED), None));
        assert_eq!(by_train_id(18).unwrap().name, "bicycle");
        assert!(by_train_id(255).is_none());
    }
}

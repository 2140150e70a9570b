//! The numbers in Cityscapes' `instanceIds` maps and the panoptic maps made from them.

use crate::categories::cityscapes::{IGNORED, LABELS};
use crate::error::{Error, Result};
use crate::label_map::LabelMap;
use crate::panoptic::Panoptic;

/// Ids from here on are `label * 1000 + instance`.
pub const INSTANCE_BASE: u32 = 1000;

/// The regular id and, for a single instance, its number. Stuff, void and groups hold the plain regular id.
pub fn split(instance_id: u32) -> (u32, Option<u32>) {
    if instance_id < INSTANCE_BASE {
        (instance_id, None)
    } else {
        (instance_id / INSTANCE_BASE, Some(instance_id % INSTANCE_BASE))
    }
}

/// The map of regular ids of an `instanceIds` map.
pub fn labels(instance_ids: &LabelMap) -> LabelMap {
    instance_ids.map(|id| split(id).0)
}

/// What the official converter makes of an `instanceIds` map: the segment ids are its values, the classes are
/// train ids, groups of things are crowds and everything that is not evaluated is void.
///
/// # Errors
/// If a value has no label.
pub fn panoptic(instance_ids: &LabelMap) -> Result<Panoptic> {
    for (id, _) in instance_ids.extents() {
        if split(id).0 as usize >= LABELS.len() {
            return Err(Error::Range { what: "instance id", value: id.into(), max: 33_999 });
        }
    }
    let label = |id: u32| &LABELS[split(id).0 as usize];
    let map = instance_ids.map(|id| if label(id).train_id == IGNORED { 0 } else { id });
    Ok(Panoptic::from_map(map, |id| {
        (label(id).train_id.into(), label(id).has_instances && split(id).1.is_none())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_crowds_and_the_ignored_is_void() {
        let map = LabelMap::new(6, 1, vec![7, 24, 24_003, 3, 29_001, 26_000]).unwrap();
        assert_eq!(labels(&map).data(), [7, 24, 24, 3, 29, 26]);
        let panoptic = panoptic(&map).unwrap();
        assert_eq!(panoptic.map.data(), [7, 24, 24_003, 0, 0, 26_000]);
        let listed: Vec<_> = panoptic.segments.iter().map(|s| (s.id, s.category_id, s.iscrowd)).collect();
        assert_eq!(listed, [(7, 0, false), (24, 11, true), (24_003, 11, false), (26_000, 13, false)]);
    }

    #[test]
    fn unknown_labels_are_refused() {
        for id in [34, 255, 34_000, u32::MAX] {
            assert!(panoptic(&LabelMap::new(1, 1, vec![id]).unwrap()).is_err());
        }
    }
}

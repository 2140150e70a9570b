//! deeplab2's panoptic labels (class times divisor plus instance) and what it derives from them.

use std::collections::HashMap;

use kmax_masks::{Categories, LabelMap, Panoptic};

use crate::error::{Error, Result};

/// How a dataset's labels are encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// A label is `class * divisor + instance`: 256 for COCO, 1000 for Cityscapes and ADE20K.
    pub divisor: u32,
    /// The class of void: 0 for COCO and ADE20K, 255 for Cityscapes.
    pub ignore: u32,
    /// The classes whose instances are told apart.
    pub things: Vec<u32>,
    /// The number of classes, void included where it is one of them.
    pub classes: u32,
}

/// The divisor of [`Encoding::of`], where the classes leave room for it.
const DIVISOR: u32 = 1 << 16;

impl Encoding {
    /// An encoding of any dataset: a class is its place in the list plus 1, and void is 0.
    ///
    /// Instances are told apart by 65536, or by as much as fits 32 bits if there are as many classes. What is trained on
    /// does not depend on that number; with deeplab2's 256 and 1000 an image of more instances could not be encoded.
    pub fn of(categories: &Categories) -> Self {
        let classes = u32::try_from(categories.len()).unwrap_or(u32::MAX).saturating_add(1);
        let things = (1..classes).zip(categories).filter(|(_, category)| category.isthing);
        Self {
            divisor: (u32::MAX / classes).min(DIVISOR),
            ignore: 0,
            things: things.map(|(class, _)| class).collect(),
            classes,
        }
    }

    /// Checks that every label fits 32 bits.
    ///
    /// # Errors
    /// [`Error::Setting`] otherwise, or if the divisor is 0.
    pub fn check(&self) -> Result<()> {
        let classes = u64::from(self.classes).max(u64::from(self.ignore) + 1);
        if self.divisor == 0 || classes * u64::from(self.divisor) > 1 << 32 {
            let reason = format!("{} does not leave {classes} classes room in 32 bits", self.divisor);
            return Err(Error::setting("divisor", reason));
        }
        Ok(())
    }

    /// The label of void pixels.
    pub fn void(&self) -> u32 {
        self.ignore * self.divisor
    }

    pub(crate) fn is_thing(&self, class: u32) -> bool {
        self.things.contains(&class)
    }

    /// The label map of an image's segments, as deeplab2's data converters number them: instances of things from
    /// 1 on in the order of the list, crowds and stuff 0. `class` gives the encoding's class of a category id.
    ///
    /// # Errors
    /// If there are more instances of things than the divisor can tell apart.
    pub fn encode(&self, panoptic: &Panoptic, class: impl Fn(u32) -> Option<u32>) -> Result<LabelMap> {
        let mut labels = HashMap::with_capacity(panoptic.segments.len());
        let mut instances: HashMap<u32, u32> = HashMap::new();
        for segment in &panoptic.segments {
            let Some(class) = class(segment.category_id) else { continue };
            let mut instance = 0;
            if self.is_thing(class) && !segment.iscrowd {
                let count = instances.entry(class).or_default();
                *count += 1;
                instance = *count;
            }
            if instance >= self.divisor {
                let reason = format!("class {class} has more instances than {} can tell apart", self.divisor);
                return Err(Error::setting("divisor", reason));
            }
            labels.insert(segment.id, class * self.divisor + instance);
        }
        Ok(panoptic.map.map(|id| labels.get(&id).copied().unwrap_or(self.void())))
    }
}

/// What deeplab2 trains on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroundTruth {
    /// The class of each pixel, that of crowds included.
    pub semantic: LabelMap,
    /// The labels, with crowds replaced by void.
    pub panoptic: LabelMap,
    /// Whether a pixel shows a crowd, row by row.
    pub crowd: Vec<bool>,
    /// The thing at each pixel (an index into [`Self::thing_classes`]), if there is one.
    pub thing: Vec<Option<usize>>,
    /// The class of each thing, in the order in which they are first seen.
    pub thing_classes: Vec<u32>,
}

impl GroundTruth {
    /// What a label map holds.
    ///
    /// # Errors
    /// If the encoding's divisor is 0.
    pub fn new(labels: &LabelMap, encoding: &Encoding) -> Result<Self> {
        let divisor = encoding.divisor;
        if divisor == 0 {
            return Err(Error::setting("divisor", "must be at least 1"));
        }
        let crowd = |label: u32| label.is_multiple_of(divisor) && encoding.is_thing(label / divisor);
        let panoptic = labels.map(|label| if crowd(label) { encoding.void() } else { label });
        let mut things: HashMap<u32, usize> = HashMap::new();
        let mut thing_classes = Vec::new();
        let thing = panoptic.data().iter().map(|&label| {
            if label.is_multiple_of(divisor) || label / divisor == encoding.ignore {
                return None;
            }
            Some(*things.entry(label).or_insert_with(|| {
                thing_classes.push(label / divisor);
                thing_classes.len() - 1
            }))
        });
        let thing = thing.collect();
        Ok(Self {
            semantic: labels.map(|label| label / divisor),
            crowd: labels.data().iter().map(|&label| crowd(label)).collect(),
            panoptic,
            thing,
            thing_classes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::Segment;

    #[test]
    fn any_dataset_has_an_encoding() -> Result<()> {
        let coco = Encoding::of(&Categories::coco_panoptic());
        let things: Vec<u32> = (1..=80).collect();
        assert_eq!((coco.divisor, coco.ignore, coco.classes, &coco.things), (65_536, 0, 134, &things));
        coco.check()?;
        let class = |id| kmax_masks::Category {
            id,
            name: id.to_string(),
            isthing: true,
            color: [0; 3],
            supercategory: None,
        };
        let many = Encoding::of(&Categories::new((0..70_000).map(class).collect()).expect("distinct"));
        assert_eq!((many.classes, many.divisor), (70_001, 61_355));
        many.check()?;
        for (divisor, ignore) in [(0, 0), (61_356, 0), (256, u32::MAX)] {
            assert!(Encoding { divisor, ignore, ..many.clone() }.check().is_err());
        }
        Ok(())
    }

    #[test]
    fn instances_are_numbered_and_crowds_are_void() -> Result<()> {
        let encoding = Encoding { divisor: 256, ignore: 0, things: vec![1, 2], classes: 4 };
        let map = LabelMap::new(6, 1, vec![10, 20, 30, 40, 50, 0]).expect("6 x 1");
        let segment = |id, category_id, iscrowd| Segment {
            id,
            category_id,
            score: None,
            area: 1,
            bbox: [0; 4],
            iscrowd,
        };
        let segments = vec![
            segment(10, 1, false),
            segment(20, 1, false),
            segment(30, 2, true),
            segment(40, 3, false),
            segment(50, 9, false),
        ];
        let labels = encoding.encode(&Panoptic::new(map, segments), |id| (id < 4).then_some(id))?;
        assert_eq!(labels.data(), [257, 258, 512, 768, 0, 0]);
        let truth = GroundTruth::new(&labels, &encoding)?;
        assert_eq!(truth.semantic.data(), [1, 1, 2, 3, 0, 0]);
        assert_eq!(truth.panoptic.data(), [257, 258, 0, 768, 0, 0]);
        assert_eq!(truth.crowd, [false, false, true, false, false, false]);
        assert_eq!(truth.thing, [Some(0), Some(1), None, None, None, None]);
        assert_eq!(truth.thing_classes, [1, 1]);
        Ok(())
    }
}

//! From segments to deeplab2's labels and back.

use kmax_masks::{Categories, Panoptic, Segment};

use crate::deeplab2::copy_paste::{Pair, labels_in_order};
use crate::deeplab2::labels::Encoding;
use crate::deeplab2::train::Deeplab2Train;
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::example::TrainingExample;
use crate::planar::Planar;
use crate::sample::Sample;

/// The example that deeplab2 makes of an image and, for copy-paste, a second one. All pixels count as image, its padding too.
pub(super) fn apply(
    transform: &Deeplab2Train,
    target: &Sample,
    second: Option<&Sample>,
    categories: &Categories,
    draw: Draw,
) -> Result<TrainingExample> {
    let encoding = &transform.encoding;
    if *encoding != (Encoding { divisor: encoding.divisor, ..Encoding::of(categories) }) {
        let reason = "is not that of the dataset's classes, which `Encoding::of` makes";
        return Err(Error::setting("encoding", reason));
    }
    encoding.check()?;
    let pair = |sample: &Sample| encode(sample, encoding, categories);
    let second = second.map(pair).transpose()?;
    let made = transform.apply(&pair(target)?, second.as_ref(), draw)?;
    let image = made.image.data;
    let panoptic = segments(Panoptic::new(made.labels, Vec::new()), encoding, categories)?;
    let real = vec![true; panoptic.map.data().len()];
    Ok(TrainingExample::new(image, panoptic, real, target.image_id.clone()))
}

fn encode(sample: &Sample, encoding: &Encoding, categories: &Categories) -> Result<Pair> {
    let class = |id| categories.index_of(id).map(|index| index as u32 + 1);
    let labels = encoding.encode(&sample.panoptic, class)?;
    Ok(Pair { image: Planar::from_rgb(&sample.image), labels })
}

/// The segments of a map of labels, whose ids are the labels: what `GroundTruth` finds in the map. The instances of things come
/// first, in the order in which they are first seen, then stuff and crowds by class.
fn segments(mut panoptic: Panoptic, encoding: &Encoding, categories: &Categories) -> Result<Panoptic> {
    for label in labels_in_order(&panoptic.map).into_iter().filter(|label| *label != encoding.void()) {
        let class = label / encoding.divisor;
        let category = class.checked_sub(1).and_then(|index| categories.id_of(index as usize));
        let no_class = || Error::setting("labels", format!("{label} is of no class"));
        panoptic.segments.push(Segment {
            id: label,
            category_id: category.ok_or_else(no_class)?,
            score: None,
            area: 0,
            bbox: [0; 4],
            iscrowd: encoding.is_thing(class) && label.is_multiple_of(encoding.divisor),
        });
    }
    panoptic.segments.sort_by_key(|segment| {
        let instance = !segment.id.is_multiple_of(encoding.divisor);
        (segment.iscrowd, !instance, if instance { 0 } else { segment.id })
    });
    panoptic.measure();
    Ok(panoptic)
}

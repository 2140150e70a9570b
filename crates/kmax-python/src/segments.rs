//! `segments_info`: lists of segments as Python has them.

use crate::failure::{Failure, Outcome};
use kmax_masks::{Categories, LabelMap, Panoptic, Segment};
use pyo3::prelude::*;
use std::collections::HashMap;

/// A segment as panopticapi lists it. What else an entry has is not looked at.
#[derive(FromPyObject)]
pub struct SegmentInfo {
    #[pyo3(item)]
    id: u32,
    #[pyo3(item)]
    category_id: u32,
    #[pyo3(item, default)]
    iscrowd: i64,
    #[pyo3(item, default)]
    area: Option<f64>,
}

/// A segment for Python: id, category, score, area, box.
pub type Found = (u32, u32, Option<f32>, u64, [u32; 4]);

/// The segments of a result.
pub fn found(panoptic: &Panoptic) -> Vec<Found> {
    panoptic.segments.iter().map(|s| (s.id, s.category_id, s.score, s.area, s.bbox)).collect()
}

/// A map with its list. An area that is not said is that of the map.
pub fn panoptic(map: LabelMap, infos: Vec<SegmentInfo>) -> Outcome<Panoptic> {
    let is_said = infos.iter().all(|info| info.area.is_some());
    let extents: HashMap<_, _> = if is_said { HashMap::new() } else { map.extents().into_iter().collect() };
    let segment = |info: SegmentInfo| {
        let area = match info.area {
            // Up to 2^53 a float holds every whole number.
            Some(area) if (0.0..=9e15).contains(&area) && area.fract() == 0.0 => area as u64,
            Some(area) => {
                return Err(Failure::argument(format!("segment {}: an area of {area} pixels", info.id)));
            }
            None => extents.get(&info.id).map_or(0, |extent| extent.area),
        };
        let SegmentInfo { id, category_id, iscrowd, .. } = info;
        Ok(Segment { id, category_id, score: None, area, bbox: [0; 4], iscrowd: iscrowd != 0 })
    };
    let segments = infos.into_iter().map(segment).collect::<Outcome<_>>()?;
    Ok(Panoptic::new(map, segments))
}

/// Categories from the JSON of a list as in COCO's files.
pub fn categories(json: &str) -> Outcome<Categories> {
    serde_json::from_str(json).map_err(|error| Failure::argument(format!("categories: {error}")))
}

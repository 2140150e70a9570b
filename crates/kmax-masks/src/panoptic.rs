//! A segmentation of a whole image: which segment each pixel belongs to, and what each segment is.

use std::collections::{HashMap, HashSet};

use crate::categories::Categories;
use crate::error::{Error, Result};
use crate::label_map::LabelMap;
use crate::outline::{Polygon, polygons};
use crate::rle::Rle;

/// One segment of an image: an entry of COCO's `segments_info`.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// The id in the map, not 0.
    pub id: u32,
    /// The class.
    pub category_id: u32,
    /// The confidence in 0..1, where one is known.
    pub score: Option<f32>,
    /// Pixels. Of a ground truth this is what the file says, which is not always what its map holds.
    pub area: u64,
    /// The box `[x, y, width, height]` in pixels.
    pub bbox: [u32; 4],
    /// Whether it stands for a group that cannot be told apart.
    pub iscrowd: bool,
}

/// A map of segment ids (0 is void) and the list of its segments.
#[derive(Clone, Debug, PartialEq)]
pub struct Panoptic {
    /// The segment id of each pixel.
    pub map: LabelMap,
    /// What the segments are.
    pub segments: Vec<Segment>,
}

impl Panoptic {
    /// A map and the segments that somebody else listed, as they are; [`Self::validate`] checks them.
    pub fn new(map: LabelMap, segments: Vec<Segment>) -> Self {
        Self { map, segments }
    }

    /// The segments of a map by rising id, with areas and boxes taken from it. `category` gives the class of an
    /// id and whether it is a crowd.
    pub fn from_map(map: LabelMap, mut category: impl FnMut(u32) -> (u32, bool)) -> Self {
        let segments = map
            .extents()
            .into_iter()
            .filter(|&(id, _)| id != 0)
            .map(|(id, extent)| {
                let (category_id, iscrowd) = category(id);
                Segment { id, category_id, score: None, area: extent.area, bbox: extent.bbox, iscrowd }
            })
            .collect();
        Self { map, segments }
    }

    /// Sets every area and box to what the map holds; a segment without pixels gets zeros.
    pub fn measure(&mut self) {
        let extents: HashMap<_, _> = self.map.extents().into_iter().collect();
        for segment in &mut self.segments {
            let extent = extents.get(&segment.id);
            segment.area = extent.map_or(0, |extent| extent.area);
            segment.bbox = extent.map_or([0; 4], |extent| extent.bbox);
        }
    }

    /// The segment with this id.
    pub fn segment(&self, id: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.id == id)
    }

    /// The pixels of a segment, row by row: one `bool` for each pixel of the map.
    pub fn mask(&self, id: u32) -> Vec<bool> {
        self.map.data().iter().map(|other| *other == id).collect()
    }

    /// A run-length code for each segment, in their order; empty for a segment without pixels.
    pub fn rles(&self) -> Vec<Rle> {
        let mut found: HashMap<u32, Rle> = Rle::encode_all(&self.map).into_iter().collect();
        let code = |segment: &Segment| {
            found.remove(&segment.id).unwrap_or_else(|| Rle::encode(&self.map, segment.id))
        };
        self.segments.iter().map(code).collect()
    }

    /// The outlines of a segment.
    pub fn polygons(&self, id: u32) -> Vec<Polygon> {
        polygons(&self.map, id)
    }

    /// Checks what the official evaluation asks of a prediction: ids unique and in the map, every id of the map
    /// but 0 in the list, categories known.
    ///
    /// # Errors
    /// The first segment that breaks one of these.
    pub fn validate(&self, categories: &Categories) -> Result<()> {
        let present: HashSet<u32> = self.map.extents().into_iter().map(|(id, _)| id).collect();
        let mut listed = HashSet::with_capacity(self.segments.len());
        for segment in &self.segments {
            if !listed.insert(segment.id) {
                return Err(Error::Duplicate { what: "segment", id: segment.id });
            }
            if !present.contains(&segment.id) {
                return Err(Error::Segment { id: segment.id, present: "segment list", absent: "map" });
            }
            if categories.get(segment.category_id).is_none() {
                return Err(Error::UnknownCategory { id: segment.category_id });
            }
        }
        match present.iter().filter(|&&id| id != 0 && !listed.contains(&id)).min() {
            Some(&id) => Err(Error::Segment { id, present: "map", absent: "segment list" }),
            None => Ok(()),
        }
    }

    /// The class of each pixel, `void` where no listed segment is.
    pub fn semantic(&self, void: u32) -> LabelMap {
        let classes: HashMap<u32, u32> =
            self.segments.iter().map(|segment| (segment.id, segment.category_id)).collect();
        self.map.map(|id| classes.get(&id).copied().unwrap_or(void))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Panoptic {
        let map = LabelMap::new(3, 2, vec![5, 5, 0, 5, 9, 9]).unwrap();
        Panoptic::from_map(map, |id| (if id == 5 { 1 } else { 184 }, false))
    }

    #[test]
    fn segments_come_from_the_map() {
        let panoptic = sample();
        assert_eq!(panoptic.segments.len(), 2);
        assert_eq!(panoptic.segment(5).unwrap().area, 3);
        assert_eq!(panoptic.segment(9).unwrap().bbox, [1, 1, 2, 1]);
        assert_eq!(panoptic.semantic(255).data(), [1, 1, 255, 1, 184, 184]);
        panoptic.validate(&Categories::coco_panoptic()).unwrap();
    }

    #[test]
    fn validation_names_the_segment() {
        let categories = Categories::coco_panoptic();
        let mut missing = sample();
        missing.segments.pop();
        assert!(matches!(missing.validate(&categories), Err(Error::Segment { id: 9, present: "map", .. })));
        let mut twice = sample();
        twice.segments[1].id = 5;
        assert!(matches!(twice.validate(&categories), Err(Error::Duplicate { id: 5, .. })));
        let mut unknown = sample();
        unknown.segments[0].category_id = 12;
        assert!(matches!(unknown.validate(&categories), Err(Error::UnknownCategory { id: 12 })));
        let mut extra = sample();
        extra.segments[0].id = 6;
        assert!(matches!(extra.validate(&categories), Err(Error::Segment { id: 6, absent: "map", .. })));
    }

    #[test]
    fn measuring_replaces_what_a_file_said() {
        let mut panoptic = sample();
        panoptic.segments[0].area = 1000;
        panoptic.segments[0].bbox = [0; 4];
        panoptic.measure();
        assert_eq!(panoptic, sample());
    }
}

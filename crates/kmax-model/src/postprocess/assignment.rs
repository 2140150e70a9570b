//! Which query each pixel went to.

use super::{Convention, Frame, PostprocessConfig};
use crate::error::Result;
use kmax_masks::{Categories, LabelMap, Panoptic, Segment};
use std::collections::HashMap;

/// A query with its class and scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    /// Index of the query.
    pub query: usize,
    /// Index of its class.
    pub class: usize,
    /// Probability of the class.
    pub class_score: f32,
    /// Mean probability of the mask where it is above the threshold; 0 where it is nowhere.
    pub mask_score: f32,
}

impl Mask {
    /// The confidence that results carry.
    pub fn score(&self) -> f32 {
        self.class_score * self.mask_score
    }
}

/// Which query each pixel went to, before segments are made of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// 0 where no query was sure enough, else 1 + the position in `masks`.
    pub map: LabelMap,
    /// The queries; from the most to the least confident if the method is maskwise.
    pub masks: Vec<Mask>,
}

impl Assignment {
    /// Makes segments: one of each thing, one of all masks of a stuff class; numbered from 1 on in the order of the
    /// masks. In deeplab2's convention small ones become void. The map is then brought to the image's size.
    ///
    /// # Errors
    /// If the frame is not the one that the assignment was made in.
    pub fn into_panoptic(
        self,
        frame: &Frame,
        config: &PostprocessConfig,
        categories: &Categories,
    ) -> Result<Panoptic> {
        Ok(self.into_segments(frame, config, categories)?.0)
    }

    /// As [`Self::into_panoptic`], and for each segment the queries whose masks it is made of.
    pub(crate) fn into_segments(
        self,
        frame: &Frame,
        config: &PostprocessConfig,
        categories: &Categories,
    ) -> Result<(Panoptic, Vec<Vec<usize>>)> {
        let extents = self.map.extents();
        let mut areas = vec![0u64; self.masks.len() + 1];
        for (id, extent) in &extents {
            if let Some(area) = areas.get_mut(*id as usize) {
                *area = extent.area;
            }
        }
        let areas = &areas[1..];
        let category = |mask: &Mask| &categories.as_slice()[mask.class];
        let mut stuff: HashMap<usize, Merged> = HashMap::new();
        for (mask, area) in
            self.masks.iter().zip(areas).filter(|(mask, area)| **area > 0 && !category(mask).isthing)
        {
            stuff.entry(mask.class).or_default().area += area;
        }
        let limited = config.convention == Convention::Deeplab2;
        let limit = |limit: u32| if limited { u64::from(limit) } else { 0 };
        let mut segments: Vec<Segment> = Vec::new();
        let mut queries: Vec<Vec<usize>> = Vec::new();
        // The segment of each position in the map.
        let mut ids = vec![0u32; self.masks.len() + 1];
        for (at, (mask, area)) in self.masks.iter().zip(areas).enumerate().filter(|(_, (_, area))| **area > 0)
        {
            let category = category(mask);
            let merged = stuff.get_mut(&mask.class);
            let (whole, least) = match &merged {
                Some(merged) => (merged.area, limit(config.stuff_area_limit)),
                None => (*area, limit(config.thing_area_limit)),
            };
            if whole < least {
                continue;
            }
            if let Some(Merged { id: Some(id), .. }) = merged {
                ids[at + 1] = *id;
                queries[*id as usize - 1].push(mask.query);
                continue;
            }
            let id = segments.len() as u32 + 1;
            ids[at + 1] = id;
            if let Some(merged) = merged {
                merged.id = Some(id);
            }
            queries.push(vec![mask.query]);
            let score = Some(mask.score());
            segments.push(Segment {
                id,
                category_id: category.id,
                score,
                area: 0,
                bbox: [0; 4],
                iscrowd: false,
            });
        }
        let mut map = self.map;
        map.data_mut().iter_mut().for_each(|at| *at = ids.get(*at as usize).copied().unwrap_or(0));
        let mut panoptic = Panoptic::new(frame.in_image(map, config.convention)?, segments);
        panoptic.measure();
        // A segment may shrink to nothing, or have lain in the padding alone.
        panoptic.segments.retain(|segment| segment.area > 0);
        let of = |segment: &Segment| std::mem::take(&mut queries[segment.id as usize - 1]);
        let queries = panoptic.segments.iter().map(of).collect();
        Ok((panoptic, queries))
    }
}

/// All masks of a stuff class.
#[derive(Debug, Clone, Copy, Default)]
struct Merged {
    area: u64,
    id: Option<u32>,
}

//! What tiles found: each thing of a tile is a part until it is known what it is a part of.

use kmax_masks::{Categories, LabelMap, Panoptic, Segment};
use std::collections::HashMap;

/// The number of a part. 0 is void, so the first has 1.
pub(crate) type Id = u32;

/// A thing as one tile sees it, or as all do whose parts were joined with it; or a stuff class as all do.
#[derive(Debug, Clone, Copy)]
struct Part {
    category: u32,
    /// How much speaks for that class: the sum of scores, or pixels where there are none.
    weight: f64,
    thing: bool,
    /// Whether one tile alone sees it, and most of what that sees lies where other tiles look more deeply.
    ///
    /// What two tiles see is believed whatever their cores have of it: more of it may be in tiles still to come, and what was painted
    /// stays as it is.
    doubtful: bool,
    /// The pixels that tiles see of it, together.
    pixels: u64,
    /// The sum of its score over those.
    certainty: Option<f64>,
}

/// All parts of an image, and which are one.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    list: Vec<Part>,
    /// Of each part one of the same thing that came before, or itself.
    of: Vec<Id>,
    stuff: HashMap<u32, Id>,
}

impl Parts {
    /// The part that a segment of a tile is, of so many pixels, and so many in the tile's core.
    pub fn add(&mut self, segment: &Segment, categories: &Categories, pixels: u64, own: u64) -> Id {
        let category = segment.category_id;
        let thing = categories.is_thing(category);
        let id = match self.stuff.get(&category) {
            Some(id) => *id,
            None => {
                let doubtful = own * 2 < pixels;
                self.list.push(Part { category, weight: 0.0, thing, doubtful, pixels: 0, certainty: None });
                let id = self.list.len() as Id;
                self.of.push(id);
                if !thing {
                    self.stuff.insert(category, id);
                }
                id
            }
        };
        let part = &mut self.list[id as usize - 1];
        part.pixels += pixels;
        part.weight += f64::from(segment.score.unwrap_or(1.0)) * pixels as f64;
        if let Some(score) = segment.score {
            part.certainty = Some(part.certainty.unwrap_or(0.0) + f64::from(score) * pixels as f64);
        }
        id
    }

    /// Whether two parts are things, and then whether they are of one class.
    pub fn compare(&self, one: Id, other: Id) -> Option<bool> {
        let (one, other) = (self.get(one)?, self.get(other)?);
        (one.thing && other.thing).then_some(one.category == other.category)
    }

    /// Says that two parts are of one thing. Of two classes it has the one that more speaks for.
    pub fn join(&mut self, one: Id, other: Id) {
        let (one, other) = (self.first(one), self.first(other));
        if one == other {
            return;
        }
        let (first, second) = (one.min(other), one.max(other));
        self.of[second as usize - 1] = first;
        let part = self.list[second as usize - 1];
        let whole = &mut self.list[first as usize - 1];
        whole.doubtful = false;
        whole.pixels += part.pixels;
        if whole.category == part.category {
            whole.weight += part.weight;
        } else if whole.weight < part.weight {
            (whole.category, whole.weight) = (part.category, part.weight);
        }
        whole.certainty = match (whole.certainty, part.certainty) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
    }

    /// The first part of the same thing.
    pub fn first(&self, mut id: Id) -> Id {
        while let Some(before) = self.of.get((id as usize).wrapping_sub(1))
            && *before != id
        {
            id = *before;
        }
        id
    }

    /// Whether it is a thing that is to be seen.
    pub fn is_shown(&self, id: Id) -> bool {
        self.whole(id).is_some_and(|part| part.thing && !part.doubtful)
    }

    /// Whether it is a thing that is taken for a mistake.
    pub fn is_dropped(&self, id: Id) -> bool {
        self.whole(id).is_some_and(|part| part.thing && part.doubtful)
    }

    fn get(&self, id: Id) -> Option<&Part> {
        self.list.get((id as usize).wrapping_sub(1))
    }

    /// The part with all that was joined to it; `None` for void.
    fn whole(&self, id: Id) -> Option<&Part> {
        self.get(self.first(id))
    }

    /// From a map of parts to one of segments, whose ids rise with their first pixels.
    pub fn segments(self, mut map: LabelMap) -> Panoptic {
        let mut numbers = vec![0; self.list.len() + 1];
        let mut firsts = Vec::new();
        // Neighbours mostly are of one part.
        let mut last = (0, 0);
        for pixel in map.data_mut() {
            if last.0 != *pixel {
                let first = self.first(*pixel);
                let number = &mut numbers[first as usize];
                if first != 0 && *number == 0 {
                    firsts.push(first);
                    *number = firsts.len() as u32;
                }
                last = (*pixel, *number);
            }
            *pixel = last.1;
        }
        let category = |id: u32| self.get(firsts[id as usize - 1]).map_or(0, |part| part.category);
        let mut panoptic = Panoptic::from_map(map, |id| (category(id), false));
        for segment in &mut panoptic.segments {
            let whole = self.get(firsts[segment.id as usize - 1]);
            segment.score = whole.and_then(|part| Some((part.certainty? / part.pixels as f64) as f32));
        }
        panoptic
    }
}

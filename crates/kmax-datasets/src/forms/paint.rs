//! Objects that may overlap become segments that do not.
//!
//! Stuff lies behind crowds, and crowds behind things. Within each of these the smaller object lies in front, and of two of one
//! size the later in the file. Stuff of a class is one segment. What is behind others at every pixel is no segment.

use kmax_masks::{LabelMap, Panoptic, Rle};

use super::classes::Classes;

/// An outlined object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub class: u32,
    pub mask: Rle,
    /// Whether it is a group that cannot be told apart.
    pub crowd: bool,
}

/// What is drawn at a place.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub objects: Vec<Object>,
    /// Where something is that has no mask: void, unless something else is there.
    pub unknown: Vec<Rle>,
}

/// The id of pixels whose class is not known, while painting: no other reaches it.
const UNKNOWN: u32 = u32::MAX;

impl Drawn {
    /// The segments. Pixels that nothing labels are background.
    ///
    /// # Errors
    /// If a mask has another size, or the map would be too large.
    pub fn paint(mut self, width: usize, height: usize, classes: &Classes) -> kmax_masks::Result<Panoptic> {
        let mut map = LabelMap::filled(width, height, 0)?;
        for mask in &self.unknown {
            mask.paint(&mut map, UNKNOWN)?;
        }
        let thing = |object: &Object| classes.categories.is_thing(object.class);
        // Stuff before things; of things, crowds before others.
        let layer = |object: &Object| (thing(object), thing(object) && !object.crowd);
        // The sort is stable, so the later of two equal ones is painted last.
        self.objects.sort_by_cached_key(|object| (layer(object), std::cmp::Reverse(object.mask.area())));
        // Class and crowd of each id, from 1.
        let mut segments: Vec<(u32, bool)> = Vec::new();
        for object in &self.objects {
            let stuff = !thing(object);
            let earlier = segments.iter().position(|(class, _)| stuff && *class == object.class);
            let place = earlier.unwrap_or_else(|| {
                segments.push((object.class, object.crowd && !stuff));
                segments.len() - 1
            });
            object.mask.paint(&mut map, place as u32 + 1)?;
        }
        let rest = match classes.background {
            Some(class) => {
                let drawn = segments.iter().position(|(other, _)| *other == class);
                drawn.unwrap_or_else(|| {
                    segments.push((class, false));
                    segments.len() - 1
                }) as u32
                    + 1
            }
            None => 0,
        };
        for id in map.data_mut() {
            match *id {
                0 => *id = rest,
                UNKNOWN => *id = 0,
                _ => {}
            }
        }
        let of = |id: u32| segments.get(id as usize - 1).copied().unwrap_or_default();
        Ok(Panoptic::from_map(map, of))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::classes::{numbered, of_objects};
    use super::*;
    use crate::things::Things;

    fn classes(names: &[&str], things: &Things) -> Classes {
        let names = numbered(names.iter().copied());
        of_objects(Path::new("a"), names, things, &mut Vec::new()).expect("classes")
    }

    fn object(class: u32, pixels: &[usize]) -> Object {
        let mask: Vec<bool> = (0..6).map(|at| pixels.contains(&at)).collect();
        Object { class, mask: Rle::from_mask(6, 1, &mask).expect("a mask"), crowd: false }
    }

    /// The class of each pixel (9 for void) and the number of segments.
    fn painted(drawn: Drawn, classes: &Classes) -> (Vec<u32>, usize) {
        let panoptic = drawn.paint(6, 1, classes).expect("painted");
        panoptic.validate(&classes.categories).expect("valid");
        (panoptic.semantic(9).into_data(), panoptic.segments.len())
    }

    #[test]
    fn smaller_things_lie_in_front_and_the_rest_is_background() {
        let classes = classes(&["cat", "dog"], &Things::default());
        let (small, large) = (object(0, &[1, 2]), object(1, &[0, 1, 2, 3]));
        for objects in [vec![small.clone(), large.clone()], vec![large.clone(), small.clone()]] {
            let drawn = Drawn { objects, unknown: Vec::new() };
            assert_eq!(painted(drawn, &classes), (vec![1, 0, 0, 1, 2, 2], 3));
        }
        // Of two of one size the later one; what is hidden is no segment; a crowd lies behind.
        let crowd = Object { crowd: true, ..object(0, &[0, 1]) };
        let objects = vec![crowd, object(0, &[3, 4]), object(1, &[3, 4]), object(1, &[1, 2, 3, 4])];
        let panoptic = Drawn { objects, unknown: Vec::new() }.paint(6, 1, &classes).expect("painted");
        assert_eq!(panoptic.semantic(9).data(), [0, 1, 1, 1, 1, 2]);
        assert_eq!(panoptic.segments.iter().filter(|segment| segment.iscrowd).count(), 1);
        assert_eq!(panoptic.segments.len(), 4);
    }

    #[test]
    fn stuff_is_one_segment_and_what_is_unknown_is_void() {
        let classes = classes(&["sky", "dog"], &Things::named(["dog"]));
        let objects = vec![object(1, &[0, 1, 2]), object(0, &[0]), object(0, &[4])];
        let (pixels, count) = painted(Drawn { objects, unknown: Vec::new() }, &classes);
        assert_eq!((pixels, count), (vec![1, 1, 1, 9, 0, 9], 2));
        let classes = self::classes(&["dog"], &Things::default());
        let unknown = vec![object(0, &[1, 2]).mask];
        let drawn = Drawn { objects: vec![object(0, &[2, 3])], unknown };
        assert_eq!(painted(drawn, &classes).0, [1, 9, 0, 0, 1, 1]);
    }
}

//! Segments of a map of classes.

use std::collections::HashMap;

use kmax_masks::{Categories, LabelMap, Panoptic};

/// The class of pixels that have none.
pub(super) const VOID: u32 = u32::MAX;

/// The object of pixels of a thing that belong to no object in particular.
pub(super) const GROUP: u32 = 0;

/// Segments of a map of classes, [`VOID`] where there is none. Stuff of a class is one segment. Things are told apart by a map of
/// objects, in which [`GROUP`] is a crowd; without one, what is connected is an object, corners included.
///
/// # Errors
/// If the maps differ in size.
pub(super) fn segments(
    classes: &LabelMap,
    objects: Option<&LabelMap>,
    categories: &Categories,
) -> kmax_masks::Result<Panoptic> {
    let owned;
    let objects = match objects {
        Some(objects) => objects,
        None => {
            owned = components(classes, categories)?;
            &owned
        }
    };
    classes.same_size(objects)?;
    let mut ids: HashMap<(u32, u32), u32> = HashMap::new();
    let mut found: Vec<(u32, bool)> = Vec::new();
    let mut id = |(&class, &object): (&u32, &u32)| {
        if class == VOID {
            return 0;
        }
        let thing = categories.is_thing(class);
        let key = (class, if thing { object } else { GROUP });
        *ids.entry(key).or_insert_with(|| {
            found.push((class, thing && object == GROUP));
            found.len() as u32
        })
    };
    let data: Vec<u32> = classes.data().iter().zip(objects.data()).map(&mut id).collect();
    let map = LabelMap::new(classes.width(), classes.height(), data)?;
    Ok(Panoptic::from_map(map, |id| found.get(id as usize - 1).copied().unwrap_or_default()))
}

/// Numbers from 1 for the connected parts of things, 0 elsewhere.
fn components(classes: &LabelMap, categories: &Categories) -> kmax_masks::Result<LabelMap> {
    let (width, height, data) = (classes.width(), classes.height(), classes.data());
    let mut parts = LabelMap::filled(width, height, 0)?;
    let of = parts.data_mut();
    let (mut count, mut open) = (0, Vec::new());
    for start in 0..data.len() {
        if of[start] != 0 || !categories.is_thing(data[start]) {
            continue;
        }
        count += 1;
        of[start] = count;
        open.push(start);
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            for beside_y in y.saturating_sub(1)..(y + 2).min(height) {
                for beside_x in x.saturating_sub(1)..(x + 2).min(width) {
                    let other = beside_y * width + beside_x;
                    if of[other] == 0 && data[other] == data[at] {
                        of[other] = count;
                        open.push(other);
                    }
                }
            }
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::classes::{numbered, of_objects};
    use super::*;
    use crate::things::Things;

    #[test]
    fn things_are_told_apart_and_stuff_is_not() {
        let names = numbered(["sky", "dog"]);
        let classes =
            of_objects(Path::new("a"), names, &Things::named(["dog"]), &mut Vec::new()).expect("classes");
        #[rustfmt::skip]
        let map = LabelMap::new(5, 2, vec![
            1, 0, 1, 1, VOID,
            0, 1, 0, 0, 1,
        ]).expect("a map");
        let panoptic = segments(&map, None, &classes.categories).expect("segments");
        // Corners connect: the sky is one in any case.
        assert_eq!(panoptic.map.data(), [1, 2, 1, 1, 0, 2, 1, 2, 2, 1]);
        let objects = LabelMap::new(5, 2, vec![7, 7, 8, 8, 8, 7, 7, 7, 7, GROUP]).expect("a map");
        let panoptic = segments(&map, Some(&objects), &classes.categories).expect("segments");
        assert_eq!(panoptic.map.data(), [1, 2, 3, 3, 0, 2, 1, 2, 2, 4]);
        assert_eq!(
            panoptic.segments.iter().map(|s| s.iscrowd).collect::<Vec<_>>(),
            [false, false, false, true]
        );
    }
}

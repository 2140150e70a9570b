//! Copy-paste: segments of a second image laid over a first one of the same size, as the PyTorch implementation chooses them.

use std::collections::{HashMap, HashSet};

use kmax_masks::Panoptic;
use rand_chacha::ChaCha8Rng;

use crate::draw::{below, shuffle};

/// The segments of an image that are laid over another: every thing, of the stuff as much as is drawn, and no crowd.
pub(crate) fn choose(
    segments: &Panoptic,
    is_thing: impl Fn(u32) -> bool,
    random: &mut ChaCha8Rng,
) -> HashSet<u32> {
    let mut listed: Vec<_> = segments.segments.iter().filter(|segment| !segment.iscrowd).collect();
    shuffle(&mut listed, random);
    let keep = below(random, listed.len() + 1);
    let chosen = listed.iter().enumerate().filter(|(place, s)| *place < keep || is_thing(s.category_id));
    chosen.map(|(_, segment)| segment.id).collect()
}

/// Lays the chosen segments of `other` over `own`, of the same size, under ids that `own` does not have; its remaining
/// segments come first. `lay` is called for each pixel that changes hands, counted row by row.
pub(crate) fn paste(own: &mut Panoptic, other: &Panoptic, chosen: &HashSet<u32>, mut lay: impl FnMut(usize)) {
    // Also ids that the map holds and nobody lists, which would come to life as parts of a segment.
    let mut taken: HashSet<u32> = own.map.data().chunk_by(|a, b| a == b).map(|run| run[0]).collect();
    taken.extend(own.segments.iter().map(|segment| segment.id));
    let free = (1..=u32::MAX).filter(|id| !taken.contains(id));
    let listed = other.segments.iter().filter(|segment| chosen.contains(&segment.id));
    let pasted: Vec<_> = listed.zip(free).collect();
    let new_id: HashMap<u32, u32> = pasted.iter().map(|(segment, id)| (segment.id, *id)).collect();

    let over = other.map.map(|id| new_id.get(&id).copied().unwrap_or(0));
    for (at, (id, over)) in own.map.data_mut().iter_mut().zip(over.data()).enumerate() {
        if *over != 0 {
            *id = *over;
            lay(at);
        }
    }
    own.segments.extend(pasted.into_iter().map(|(segment, id)| {
        let mut segment = segment.clone();
        segment.id = id;
        segment
    }));
    own.measure();
    own.segments.retain(|segment| segment.area > 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
    use kmax_masks::LabelMap;

    fn panoptic(ids: [u32; 6]) -> Panoptic {
        let map = LabelMap::new(6, 1, ids.to_vec()).expect("6 x 1");
        Panoptic::from_map(map, |id| (id % 10, id > 100))
    }

    #[test]
    fn ids_meet_none_of_the_images_own() {
        let mut own = panoptic([1, 1, 3, 3, 9, 9]);
        // An id without an entry is void, and stays so.
        own.segments.retain(|segment| segment.id != 9);
        let mut laid = Vec::new();
        paste(&mut own, &panoptic([3, 3, 3, 1, 0, 5]), &HashSet::from([3, 5]), |at| laid.push(at));
        assert_eq!(own.map.data(), [2, 2, 2, 3, 9, 4]);
        assert_eq!(laid, [0, 1, 2, 5]);
        let listed: Vec<_> = own.segments.iter().map(|s| (s.id, s.category_id, s.area)).collect();
        assert_eq!(listed, [(3, 3, 1), (2, 3, 3), (4, 5, 1)]);
    }

    #[test]
    fn things_are_always_chosen_and_crowds_never() {
        let source = panoptic([1, 2, 3, 4, 101, 0]);
        let chosen = (0..200).map(|index| {
            let draw = Draw { seed: 1, epoch: 0, index, copy: 0 };
            choose(&source, |class| class == 1, &mut draw.generator(0))
        });
        let mut sets: Vec<Vec<u32>> = chosen
            .map(|set| {
                let mut ids: Vec<u32> = set.into_iter().collect();
                ids.sort_unstable();
                ids
            })
            .collect();
        assert!(sets.iter().all(|ids| ids.contains(&1) && !ids.contains(&101) && !ids.contains(&0)));
        sets.sort();
        sets.dedup();
        assert_eq!(sets.len(), 8, "every choice of stuff");
    }
}

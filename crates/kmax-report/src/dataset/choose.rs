//! Which images are shown.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::Labels;

/// So many times as many images as wanted are shown at most, where classes are many.
const STRETCH: usize = 4;

/// Places of images that show every class and are spread over the dataset: `wanted` ones, or as many more as the classes need, up to
/// four times as many. Equal labels give equal places.
pub fn choose(images: &[Option<&Labels>], wanted: usize) -> Vec<usize> {
    let mut chosen = cover(images, wanted * STRETCH);
    let filled = |index: &usize| images[*index].is_some_and(|labels| !labels.segments.is_empty());
    let mut others: Vec<usize> =
        (0..images.len()).filter(filled).filter(|index| !chosen.contains(index)).collect();
    let missing = wanted.saturating_sub(chosen.len()).min(others.len());
    // The middle of each of as many stretches.
    let middle = |nth: usize| others[(2 * nth + 1) * others.len() / (2 * missing)];
    chosen.extend((0..missing).map(middle).collect::<Vec<_>>());
    if chosen.is_empty() {
        // Images without segments are better than none.
        others = (0..images.len()).filter(|index| images[*index].is_some()).take(wanted).collect();
        chosen.extend(others);
    }
    chosen.into_iter().collect()
}

/// Images that show every class, the rarest first; of those that show it the one with the most classes that were not seen yet, and of
/// these the one that has most of it.
fn cover(images: &[Option<&Labels>], most: usize) -> BTreeSet<usize> {
    let mut places: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
    for (index, labels) in images.iter().enumerate() {
        for (class, _) in labels.iter().flat_map(|labels| &labels.segments) {
            places.entry(*class).or_default().insert(index);
        }
    }
    let mut rarest: Vec<(&u32, &BTreeSet<usize>)> = places.iter().collect();
    rarest.sort_by_key(|(class, places)| (places.len(), **class));
    let (mut chosen, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let classes =
        |index: usize| images[index].iter().flat_map(|labels| &labels.segments).map(|segment| segment.0);
    for (class, places) in rarest {
        if seen.contains(class) || chosen.len() >= most {
            continue;
        }
        let worth = |index: &usize| {
            let new: BTreeSet<u32> = classes(*index).filter(|class| !seen.contains(class)).collect();
            let area = images[*index].map_or(0, |labels| labels.area(*class));
            (new.len(), area, std::cmp::Reverse(*index))
        };
        if let Some(&best) = places.iter().max_by_key(|index| worth(index)) {
            seen.extend(classes(best));
            chosen.insert(best);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(classes: &[u32]) -> Labels {
        Labels { width: 10, height: 10, segments: classes.iter().map(|&class| (class, 5)).collect() }
    }

    fn chosen(images: &[Labels], wanted: usize) -> Vec<usize> {
        choose(&images.iter().map(Some).collect::<Vec<_>>(), wanted)
    }

    #[test]
    fn every_class_is_shown_and_the_rest_is_spread() {
        let mut images: Vec<Labels> = (0..100).map(|_| image(&[1, 2])).collect();
        images[77] = image(&[9]);
        images[3] = image(&[]);
        let places = chosen(&images, 5);
        assert_eq!(places.len(), 5);
        assert!(places.contains(&77) && !places.contains(&3));
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
        let near = |wanted: usize| places.iter().any(|&place| place.abs_diff(wanted) < 4);
        assert!(near(17) && near(50) && near(83), "{places:?}");
    }

    #[test]
    fn many_classes_need_more_images_up_to_a_bound() {
        let images: Vec<Labels> = (0..60).map(|class| image(&[class])).collect();
        assert_eq!(chosen(&images, 20).len(), 60);
        assert_eq!(chosen(&images, 5).len(), 20);
        assert!(chosen(&images, 0).is_empty());
    }

    #[test]
    fn a_rich_image_saves_others_and_a_large_segment_is_preferred() {
        let mut images = [image(&[1]), image(&[2]), image(&[1, 2, 3]), image(&[4]), image(&[4])];
        images[4].segments[0].1 = 50;
        assert_eq!(cover(&images.iter().map(Some).collect::<Vec<_>>(), 9), BTreeSet::from([2, 4]));
    }

    #[test]
    fn unreadable_images_are_not_chosen_and_empty_ones_only_if_all_are() {
        let (one, empty) = (image(&[1]), image(&[]));
        assert_eq!(choose(&[None, Some(&empty), Some(&one)], 3), [2]);
        assert_eq!(choose(&[None, Some(&empty)], 3), [1]);
        assert!(choose(&[None], 3).is_empty() && choose(&[], 3).is_empty());
    }
}

use super::*;
use image::Rgb;
use proptest::prelude::*;
use std::collections::HashSet;

/// Ids of segments as colours; even ones are people (1), odd ones grass (193), 0 is void.
fn category(id: u32) -> (u32, bool) {
    (if id.is_multiple_of(2) { 1 } else { 193 }, false)
}

fn picture(map: &LabelMap) -> RgbImage {
    RgbImage::from_fn(map.width() as u32, map.height() as u32, |x, y| {
        let [red, green, blue, _] = map.get(x as usize, y as usize).unwrap_or(0).to_le_bytes();
        Rgb([red, green, blue])
    })
}

fn ids(image: &RgbImage) -> LabelMap {
    let ids = image.pixels().map(|Rgb([red, green, blue])| u32::from_le_bytes([*red, *green, *blue, 0]));
    LabelMap::new(image.width() as usize, image.height() as usize, ids.collect()).expect("as many")
}

/// The segments that `seen` lets through of those in the picture.
fn found(image: &RgbImage, seen: impl Fn(u32) -> bool) -> Panoptic {
    Panoptic::from_map(ids(image).map(|id| if seen(id) { id } else { 0 }), category)
}

fn run(map: &LabelMap, tiling: Tiling, tile: impl FnMut(&RgbImage) -> Result<Panoptic>) -> Panoptic {
    let joined = panoptic(&mut Bands::from(picture(map)), tiling, &Categories::coco_panoptic(), &(), tile);
    let joined = joined.expect("joined");
    joined.validate(&Categories::coco_panoptic()).expect("valid");
    joined
}

/// The same, with ids by first pixels.
fn renumbered(map: &LabelMap) -> LabelMap {
    let mut numbers = vec![0];
    map.map(|id| match numbers.iter().position(|known| *known == id) {
        Some(number) => number as u32,
        None => {
            numbers.push(id);
            numbers.len() as u32 - 1
        }
    })
}

fn with_boxes(width: usize, height: usize, background: u32, boxes: &[(u32, [usize; 4])]) -> LabelMap {
    let mut map = LabelMap::filled(width, height, background).expect("small");
    for (id, [left, top, right, bottom]) in boxes {
        for y in *top..(*bottom).min(height) {
            map.data_mut()[y * width + left.min(&width)..y * width + right.min(&width)].fill(*id);
        }
    }
    map
}

proptest! {
    /// Tiles that see what is there give what is there.
    #[test]
    fn what_all_see_is_one(
        (width, height) in (20usize..150, 20usize..150),
        size in 32u32..70,
        background in prop_oneof![Just(0u32), Just(1)],
        boxes in prop::collection::vec((0usize..150, 0usize..150, 6usize..90, 6usize..90), 0..12),
    ) {
        let boxes: Vec<_> = boxes
            .into_iter()
            .zip(1..)
            .map(|((x, y, w, h), k)| (2 * k, [x, y, x + w, y + h]))
            .collect();
        let map = with_boxes(width, height, background, &boxes);
        let joined = run(&map, Tiling { size, overlap: size / 3 }, |image| Ok(found(image, |_| true)));
        // A thing may be in two pieces that no tile sees both of, as what it has of a tile may end in what others have of it.
        let expected = renumbered(&map);
        for (a, b) in expected.data().iter().zip(joined.map.data()) {
            prop_assert_eq!(*a == 0, *b == 0);
        }
        let pairs: HashSet<(u32, u32)> =
            expected.data().iter().copied().zip(joined.map.data().iter().copied()).collect();
        let segments: HashSet<u32> = joined.map.data().iter().copied().collect();
        prop_assert_eq!(pairs.len(), segments.len(), "a segment has pixels of two things");
        if boxes.len() < 2 {
            // One tile's result stays as it is, ids and all.
            let one = width <= size as usize && height <= size as usize;
            prop_assert_eq!(joined.map, if one { map } else { expected });
        }
    }

    /// Whatever tiles say, a thing of one tile alone is whole or not there, unless another thing hides it.
    #[test]
    fn nothing_is_cut_in_two(seen in prop::collection::vec(any::<bool>(), 30), x in 0usize..120, y in 0usize..120) {
        let map = with_boxes(150, 140, 1, &[(2, [x, y, x + 14, y + 12])]);
        let mut tile = 0;
        let tiling = Tiling { size: 60, overlap: 20 };
        let joined = run(&map, tiling, |image| {
            tile += 1;
            // What a tile sees the rim of only, it does not see.
            let whole = ids(image).data().iter().filter(|id| **id == 2).count() == 14 * 12;
            Ok(found(image, |id| id != 2 || (whole && seen[tile % seen.len()])))
        });
        let area = joined.segments.iter().find(|s| s.category_id == 1).map_or(0, |s| s.area);
        prop_assert!(area == 0 || area == 14 * 12, "{area} pixels");
    }
}

#[test]
fn one_tile_gives_its_result_as_it_is() {
    let map = with_boxes(40, 30, 5, &[(8, [3, 3, 20, 20])]);
    let joined = run(&map, Tiling::of(40), |image| Ok(found(image, |_| true)));
    assert_eq!(joined, Panoptic::from_map(map, category));
}

#[test]
fn scores_are_means_by_pixels() {
    // Grass everywhere, surer from tile to tile.
    let map = with_boxes(100, 20, 1, &[]);
    let mut score = 0.0;
    let tiling = Tiling { size: 60, overlap: 20 };
    let joined = run(&map, tiling, |image| {
        let mut found = found(image, |_| true);
        score += 0.4;
        found.segments[0].score = Some(score);
        Ok(found)
    });
    let [grass] = &joined.segments[..] else { panic!("{:?}", joined.segments) };
    assert_eq!((grass.id, grass.category_id, grass.area), (1, 193, 2_000));
    assert!(grass.score.is_some_and(|score| (score - 0.6).abs() < 1e-6), "{:?}", grass.score);
}

#[test]
fn what_two_tiles_see_at_their_rims_has_their_score() {
    // In the overlap of two tiles, below which two others look more deeply and see nothing.
    let map = with_boxes(100, 100, 1, &[(2, [42, 52, 58, 58])]);
    let (mut tile, tiling) = (0, Tiling { size: 60, overlap: 20 });
    let joined = run(&map, tiling, |image| {
        tile += 1;
        let mut found = found(image, |id| id != 2 || tile < 3);
        found.segments.iter_mut().for_each(|segment| segment.score = Some(0.25));
        Ok(found)
    });
    let thing = joined.segments.iter().find(|segment| segment.category_id == 1);
    assert_eq!(thing.map(|thing| (thing.area, thing.score)), Some((16 * 6, Some(0.25))));
}

#[test]
fn neighbours_of_one_class_stay_apart() {
    // Two people side by side on a border, and a third across it.
    let map = with_boxes(100, 60, 0, &[(2, [30, 5, 50, 25]), (4, [50, 5, 70, 25]), (6, [20, 30, 90, 50])]);
    let joined = run(&map, Tiling { size: 60, overlap: 20 }, |image| Ok(found(image, |_| true)));
    assert_eq!(joined.segments.len(), 3);
    assert_eq!(joined.map, renumbered(&map));
}

#[test]
fn a_thing_is_painted_before_all_of_it_was_seen() {
    // Thin at first: when the top is painted, most of what was seen of it lies in cores of tiles that were not looked at.
    let map = with_boxes(34, 112, 0, &[(2, [24, 21, 34, 74]), (4, [25, 5, 34, 62])]);
    let joined = run(&map, Tiling { size: 36, overlap: 12 }, |image| Ok(found(image, |_| true)));
    assert_eq!(joined.map, renumbered(&map));
}

#[test]
fn classes_come_from_the_nearest_tile() {
    let map = with_boxes(130, 90, 3, &[(8, [3, 3, 70, 80])]);
    let tiling = Tiling { size: 50, overlap: 16 };
    let joined = semantic(&mut Bands::from(picture(&map)), tiling, &(), |image| Ok::<_, Error>(ids(image)));
    assert_eq!(joined.expect("joined"), map);
}

#[test]
fn what_is_wrong_is_said() {
    let map = with_boxes(100, 100, 1, &[]);
    let tiling = Tiling { size: 60, overlap: 20 };
    let fail = |progress: &dyn Progress, tiling, tile: fn(&RgbImage) -> Result<Panoptic>| {
        let joined =
            panoptic(&mut Bands::from(picture(&map)), tiling, &Categories::coco_panoptic(), progress, tile);
        joined.expect_err("refused").to_string()
    };
    let good: fn(&RgbImage) -> Result<Panoptic> = |image| Ok(found(image, |_| true));
    assert!(fail(&(), Tiling { size: 60, overlap: 21 }, good).contains("overlap by 20 at most"));
    let other: fn(&RgbImage) -> Result<Panoptic> = |_| Ok(found(&RgbImage::new(3, 4), |_| true));
    assert_eq!(fail(&(), tiling, other), "a tile of 60 x 60 pixels was given a map of 3 x 4");
    let unlisted: fn(&RgbImage) -> Result<Panoptic> = |image| Ok(Panoptic::new(ids(image), Vec::new()));
    assert!(fail(&(), tiling, unlisted).ends_with("its list has no segment 1"));
    struct Stopped;
    impl Progress for Stopped {
        fn cancelled(&self) -> bool {
            true
        }
    }
    assert_eq!(fail(&Stopped, tiling, good), "stopped after 0 of 4 tiles");
    let none =
        panoptic(&mut Bands::from(RgbImage::new(0, 0)), tiling, &Categories::coco_panoptic(), &(), good);
    assert!(none.is_err());
}

#[test]
fn tiles_that_disagree_about_a_class_agree_in_the_end() {
    let map = with_boxes(100, 40, 0, &[(2, [20, 10, 64, 30])]);
    let mut tile = 0;
    let joined = run(&map, Tiling { size: 60, overlap: 20 }, |image| {
        tile += 1;
        let mut found = found(image, |_| true);
        // The second one has less of it, and takes it for a car.
        found.segments[0].category_id = if tile == 1 { 1 } else { 3 };
        Ok(found)
    });
    let [thing] = &joined.segments[..] else { panic!("{:?}", joined.segments) };
    assert_eq!((thing.category_id, thing.area), (1, 44 * 20));
}

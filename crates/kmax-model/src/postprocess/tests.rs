//! Small scenes whose result can be read off.

use super::*;
use crate::error::Result;
use kmax_kernels::Alignment;
use kmax_masks::{Categories, Category};

/// A thing, stuff, a thing.
fn categories() -> Categories {
    let category = |(id, isthing)| Category {
        id,
        name: format!("class {id}"),
        isthing,
        color: [0; 3],
        supercategory: None,
    };
    Categories::new([(10, true), (20, false), (30, true)].map(category).to_vec()).expect("distinct ids")
}

/// Logits of masks that hold the pixels of a picture where it shows their letter; `queries` gives the class of each
/// letter (`a`, `b`, …) and how sure it is, from 0 to 1.
fn scene(rows: &[&str], queries: &[(usize, f32)]) -> QueryLogits {
    let size = [rows.len(), rows[0].len()];
    let held = |query: usize| {
        rows.iter().flat_map(move |row| row.bytes().map(move |b| usize::from(b) == query + 97))
    };
    let class_logits = queries.iter().flat_map(|&(class, score)| {
        // The rest of the probability is void's.
        (0..4).map(move |at| match at {
            at if at == class => score.ln(),
            3 => (1.0 - score).ln(),
            _ => -50.0,
        })
    });
    QueryLogits {
        queries: queries.len(),
        classes: 3,
        class_logits: class_logits.collect(),
        mask_logits: (0..queries.len())
            .flat_map(|q| held(q).map(|inside| if inside { 10.0 } else { 0.0 }))
            .collect(),
        mask_size: size,
        alignment: Alignment::Corners,
    }
}

fn config() -> PostprocessConfig {
    PostprocessConfig { thing_area_limit: 0, stuff_area_limit: 0, ..PostprocessConfig::coco() }
}

/// Category and area of each segment.
type Areas = Vec<(u32, u64)>;

fn found(predictions: &QueryLogits, frame: &Frame, config: &PostprocessConfig) -> Result<(Vec<u32>, Areas)> {
    let panoptic = panoptic(predictions, frame, config, &categories())?;
    panoptic.validate(&categories())?;
    let segments = panoptic.segments.iter().map(|s| (s.category_id, s.area)).collect();
    Ok((panoptic.map.into_data(), segments))
}

#[test]
fn things_stay_apart_and_stuff_is_one() -> Result<()> {
    let predictions = scene(&["aabb", "ccdd", "...."], &[(0, 0.9), (0, 0.95), (1, 0.8), (1, 0.9)]);
    let frame = Frame::whole([3, 4]);
    for config in [config(), config().pytorch()] {
        let (map, segments) = found(&predictions, &frame, &config)?;
        // By falling confidence: b, then a or d, then c, which joins d.
        assert_eq!(segments, [(10, 2), (10, 2), (20, 4)]);
        assert_eq!(map, [2, 2, 1, 1, 3, 3, 3, 3, 0, 0, 0, 0]);
    }
    Ok(())
}

#[test]
fn area_limits_count_the_whole_class_of_stuff() -> Result<()> {
    let predictions = scene(&["aab", "ccd", "cce"], &[(0, 0.9), (0, 0.9), (1, 0.9), (1, 0.9), (2, 0.9)]);
    let frame = Frame::whole([3, 3]);
    let limited = PostprocessConfig { thing_area_limit: 2, stuff_area_limit: 5, ..config() };
    assert_eq!(found(&predictions, &frame, &limited)?.1, [(10, 2), (20, 5)]);
    let limited = PostprocessConfig { thing_area_limit: 3, stuff_area_limit: 6, ..config() };
    assert_eq!(found(&predictions, &frame, &limited)?, (vec![0; 9], vec![]));
    Ok(())
}

#[test]
fn a_class_at_its_threshold_passes_in_one_convention_only() -> Result<()> {
    let predictions = scene(&["aa"], &[(0, 0.5)]);
    let frame = Frame::whole([1, 2]);
    // One class and void, equally likely: exactly one half.
    let exact = PostprocessConfig { class_threshold_thing: 0.5, ..config() };
    assert_eq!(found(&predictions, &frame, &exact)?.1.len(), 1);
    assert_eq!(found(&predictions, &frame, &exact.pytorch())?.1.len(), 0);
    Ok(())
}

#[test]
fn who_comes_first_keeps_shared_pixels_and_who_lost_too_many_is_dropped() -> Result<()> {
    // Five pixels; all queries are equally likely where several claim one.
    let mut predictions = scene(&["aaaaa"], &[(0, 0.9), (0, 0.8)]);
    for shared in 1..=3 {
        predictions.mask_logits[5..5 + shared].fill(10.0);
        predictions.mask_logits[5 + shared..].fill(0.0);
        // The second claims the shared pixels alone, none of which is left.
        let frame = Frame::whole([1, 5]);
        assert_eq!(found(&predictions, &frame, &config())?.1, [(10, 5)], "{shared}");
    }
    // Now it also claims a pixel of its own: 1 of 2 is left, which must be more than the threshold.
    let mut predictions = scene(&["aaaa."], &[(0, 0.9), (0, 0.8)]);
    predictions.mask_logits[5 + 3..].fill(10.0);
    let with = |overlap_threshold| PostprocessConfig { overlap_threshold, ..config() };
    let frame = Frame::whole([1, 5]);
    assert_eq!(found(&predictions, &frame, &with(0.5))?.0, [1, 1, 1, 1, 0]);
    assert_eq!(found(&predictions, &frame, &with(0.49))?.0, [1, 1, 1, 1, 2]);
    Ok(())
}

#[test]
fn instances_keep_shared_pixels_each() -> Result<()> {
    let mut predictions = scene(&["aaaa.", "....."], &[(0, 0.9), (2, 0.8), (1, 0.9)]);
    predictions.mask_logits[10 + 3..10 + 5].fill(10.0);
    let frame = Frame::whole([2, 5]);
    let found = instances(&predictions, &frame, &config(), &categories(), Scope::Things)?;
    let areas: Vec<_> = found.iter().map(|instance| (instance.category_id, instance.mask.area())).collect();
    assert_eq!(areas[..2], [(10, 4), (30, 2)]);
    assert!(found[0].mask.decode()[3] && found[1].mask.decode()[3] && found[1].mask.decode()[4]);
    // The third query is nowhere the most probable one.
    let all = instances(&predictions, &frame, &config(), &categories(), Scope::All)?;
    assert!(all.iter().all(|instance| instance.category_id != 20 || instance.score < 1e-6));
    Ok(())
}

#[test]
fn padding_is_cut_off_and_a_segment_in_it_alone_is_gone() -> Result<()> {
    let predictions = scene(&["aaab", "aaab", "cccc"], &[(0, 0.9), (2, 0.9), (1, 0.9)]);
    let frame = Frame { input: [3, 4], content: [2, 3], image: [4, 6] };
    let (map, segments) = found(&predictions, &frame, &config())?;
    assert_eq!((map, segments), (vec![1; 24], vec![(10, 24)]));
    Ok(())
}

#[test]
fn every_task_takes_photos_of_any_shape() -> Result<()> {
    let predictions = scene(&["aab", "ccd"], &[(0, 0.9), (2, 0.9), (1, 0.9), (1, 0.7)]);
    for image in [[1, 1], [1, 900], [900, 1], [33, 34]] {
        let frame = Frame { input: [8, 8], content: [8, 8], image };
        for config in
            [config(), config().pytorch(), PostprocessConfig { method: Method::Pixelwise, ..config() }]
        {
            let panoptic = panoptic(&predictions, &frame, &config, &categories())?;
            let semantic = semantic(&predictions, &frame, &config, &categories())?;
            assert_eq!([panoptic.map.height(), panoptic.map.width()], image);
            assert_eq!([semantic.height(), semantic.width()], image);
            for instance in instances(&predictions, &frame, &config, &categories(), Scope::Things)? {
                assert_eq!(instance.mask.size().map(|side| side as usize), image);
            }
        }
    }
    Ok(())
}

#[test]
fn what_contradicts_itself_is_refused() {
    let good = scene(&["ab"], &[(0, 0.9), (1, 0.9)]);
    let frame = Frame::whole([1, 2]);
    let fails = |predictions: &QueryLogits, frame: &Frame, categories: &Categories| {
        panoptic(predictions, frame, &config(), categories).is_err()
            && semantic(predictions, frame, &config(), categories).is_err()
            && instances(predictions, frame, &config(), categories, Scope::All).is_err()
    };
    assert!(fails(&QueryLogits { classes: 2, ..good.clone() }, &frame, &categories()));
    assert!(fails(&QueryLogits { mask_size: [1, 3], ..good.clone() }, &frame, &categories()));
    assert!(fails(&good, &Frame { image: [0, 2], ..frame }, &categories()));
    assert!(fails(&good, &frame, &Categories::coco_panoptic()));
}

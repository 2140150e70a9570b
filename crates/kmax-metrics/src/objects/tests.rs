use super::*;
use kmax_masks::{Category, LabelMap};
use proptest::prelude::*;

/// Class 1 is background, 2 and 3 are things.
fn categories() -> Categories {
    let class = |id: u32, name: &str, isthing| Category {
        id,
        name: name.into(),
        isthing,
        color: [0; 3],
        supercategory: None,
    };
    Categories::new(vec![class(1, "background", false), class(2, "nucleus", true), class(3, "cell", true)])
        .expect("three classes")
}

/// A row of pixels; ids from 20 on are nuclei, from 30 on cells, 1 is background, and 29 a crowd of nuclei.
fn row(ids: &[u32]) -> Panoptic {
    let map = LabelMap::new(ids.len(), 1, ids.to_vec()).expect("a row");
    Panoptic::from_map(map, |id| (if id == 1 { 1 } else { id / 10 }, id == 29))
}

fn at(found: &ImageObjects, class: u32, threshold: usize) -> [u64; 3] {
    let Found { tp, fp, fn_ } = found.0[&class][threshold];
    [tp, fp, fn_]
}

#[test]
fn objects_are_found_missed_and_invented() -> Result<()> {
    let objects = Objects::new(categories());
    let truth = row(&[20, 20, 20, 20, 21, 21, 1, 1, 30, 30]);
    let guess = row(&[20, 20, 20, 1, 21, 1, 22, 1, 31, 31]);
    let found = objects.compare(&truth, &guess)?;
    // IoU 3/4, 1/2 and none; of the cell 1.
    assert_eq!(at(&found, 2, 0), [2, 1, 0]);
    assert_eq!(at(&found, 2, 1), [1, 2, 1]);
    assert_eq!(at(&found, 2, 5), [1, 2, 1]);
    assert_eq!(at(&found, 2, 6), [0, 3, 2]);
    assert_eq!(at(&found, 3, 8), [1, 0, 0]);
    Ok(())
}

#[test]
fn halves_of_an_object_are_one_match() -> Result<()> {
    let objects = Objects::new(categories());
    let (whole, halves) = (row(&[20, 20, 20, 20]), row(&[21, 21, 22, 22]));
    assert_eq!(at(&objects.compare(&whole, &halves)?, 2, 0), [1, 1, 0]);
    assert_eq!(at(&objects.compare(&halves, &whole)?, 2, 0), [1, 0, 1]);
    Ok(())
}

#[test]
fn classes_void_and_crowds() -> Result<()> {
    let objects = Objects::new(categories());
    let truth = row(&[20, 20, 0, 0, 0, 29, 29, 29, 1]);
    // Another class; mostly on void; mostly on the crowd.
    let guess = row(&[30, 30, 21, 21, 21, 22, 22, 22, 22]);
    let found = objects.compare(&truth, &guess)?;
    assert_eq!(at(&found, 2, 0), [0, 0, 1]);
    assert_eq!(at(&found, 3, 0), [0, 1, 0]);
    let unknown = row(&[99; 9]);
    assert!(
        objects.compare(&truth, &unknown).is_err_and(|error| error.to_string().contains("category_id 9"))
    );
    Ok(())
}

#[test]
fn sums_and_means() -> Result<()> {
    let mut here = Objects::new(categories());
    here.add(1.into(), &row(&[20, 20, 21, 21]), &row(&[20, 20, 1, 1]))?;
    here.add(2.into(), &row(&[1, 1]), &row(&[1, 1]))?;
    let mut there = Objects::new(categories());
    there.add(3.into(), &row(&[20]), &row(&[20]))?;
    let report = here.merge(there)?.report();
    let line = report.all.thresholds[0];
    assert_eq!((line.found, line.ap), (Found { tp: 2, fp: 0, fn_: 1 }, Some(2.0 / 3.0)));
    // The image without objects has no AP.
    assert_eq!(report.all.ap_of_images[8], Some(0.75));
    assert_eq!(report.per_class.len(), 1);
    let table = report.table();
    assert!(table.contains("All           |  66.7   66.7"), "{table}");
    assert!(table.ends_with("At 0.5: 2 found, 1 missed, 0 invented"), "{table}");
    let json = serde_json::to_value(&report).expect("plain values");
    assert_eq!(json["per_class"]["2"]["thresholds"][0]["fn"], 1);
    assert_eq!(report.page().bars.len(), 1);
    Ok(())
}

/// Every set of pairs that may be matched, tried out.
fn most(edges: &[(u32, u32)]) -> usize {
    let Some(((truth, guess), rest)) = edges.split_first() else { return 0 };
    let free: Vec<_> = rest.iter().filter(|(t, g)| t != truth && g != guess).copied().collect();
    most(rest).max(1 + most(&free))
}

proptest! {
    /// As many matches as any assignment has, at every threshold.
    #[test]
    fn matches_are_the_most(pixels in prop::collection::vec((0..4u32, 0..4u32), 1..24)) {
        let side = |pick: fn(&(u32, u32)) -> u32| {
            row(&pixels.iter().map(|pair| match pick(pair) { 0 => 1, id => 20 + id }).collect::<Vec<_>>())
        };
        let (truth, guess) = (side(|pair| pair.0), side(|pair| pair.1));
        let found = Objects::new(categories()).compare(&truth, &guess).expect("compared");
        let count = |id: (Option<u32>, Option<u32>)| pixels.iter().filter(|(t, g)| {
            id.0.is_none_or(|id| *t == id) && id.1.is_none_or(|id| *g == id)
        }).count() as f64;
        for (nth, threshold) in THRESHOLDS.into_iter().enumerate() {
            let mut edges = Vec::new();
            for (t, g) in (1..4).flat_map(|t| (1..4).map(move |g| (t, g))) {
                let both = count((Some(t), Some(g)));
                let union = count((Some(t), None)) + count((None, Some(g))) - both;
                if both > 0.0 && both / union >= threshold {
                    edges.push((t, g));
                }
            }
            let tp = found.0.get(&2).map_or(0, |row| row[nth].tp);
            prop_assert_eq!(tp as usize, most(&edges));
        }
    }
}

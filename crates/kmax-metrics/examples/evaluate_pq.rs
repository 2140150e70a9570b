//! Panoptic quality of two small images. The prediction of the first misses a column of a person, that of the second takes
//! two people for one.

use kmax_metrics::{Categories, Error, LabelMap, Panoptic, PanopticQuality};

/// COCO's ids of the two classes in the images.
const PERSON: u32 = 1;
const GRASS: u32 = 193;

/// A panoptic map from a drawing: `.` is void, `g` grass, any other letter one person.
fn drawn(rows: &[&str]) -> Result<Panoptic, Error> {
    let ids =
        rows.concat().bytes().map(|letter| if letter == b'.' { 0 } else { u32::from(letter) }).collect();
    let map = LabelMap::new(rows[0].len(), rows.len(), ids)?;
    Ok(Panoptic::from_map(map, |id| (if id == u32::from(b'g') { GRASS } else { PERSON }, false)))
}

fn main() -> Result<(), Error> {
    let truths =
        [drawn(&["ggaaaagg", "ggaaaagg", "gggggggg"])?, drawn(&["aabbbbgg", "aabbbbgg", "aabbbbgg"])?];
    let predictions =
        [drawn(&["gg.aaagg", "gg.aaagg", "gggggggg"])?, drawn(&["aaaaaagg", "aaaaaagg", "aaaaaagg"])?];

    let mut quality = PanopticQuality::new(Categories::coco_panoptic());
    for (id, (truth, prediction)) in (1..).zip(truths.iter().zip(&predictions)) {
        quality.add(id.into(), truth, prediction)?;
    }
    let report = quality.report();
    println!("{}", report.table());
    for (_, class) in report.per_class.iter().filter(|(_, class)| class.tp + class.fp + class.fn_ > 0) {
        println!("{}: PQ {:.3}, {} of {} found", class.name, class.pq, class.tp, class.tp + class.fn_);
    }
    Ok(())
}

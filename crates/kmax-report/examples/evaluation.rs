//! The page of an evaluation whose errors are known: the predictions are the ground truth with segments left out, moved, renamed,
//! cut and joined.
//!
//! `cargo run --release --example evaluation -- DATA/panoptic_val.json DATA/val page.html`

use std::error::Error;
use std::path::PathBuf;

use kmax_datasets::coco::{CocoPanoptic, PanopticWriter};
use kmax_datasets::evaluate::{PanopticFiles, panoptic_with_errors};
use kmax_masks::{Categories, LabelMap, Panoptic};
use kmax_metrics::panoptic::Convention;
use kmax_report::evaluation::{Evaluation, FilePairs};

/// A number below `below` that depends on nothing but the place.
fn draw(place: usize, id: u32, below: u32) -> u32 {
    let mixed = (place as u64 * 1_000_003 + u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 33) as u32 % below
}

/// The ground truth with mistakes: one segment in ten for each of five kinds.
fn mistaken(place: usize, truth: &Panoptic, categories: &Categories) -> Result<Panoptic, Box<dyn Error>> {
    let (width, height) = (truth.map.width(), truth.map.height());
    let mut map = LabelMap::filled(width, height, 0)?;
    // A piece that was cut off has an id of its own.
    const PIECE: u32 = 1 << 20;
    for segment in &truth.segments {
        let kind = draw(place, segment.id, 10);
        let joined = truth.segments.iter().find(|other| other.category_id == segment.category_id);
        let middle = segment.bbox[1] + segment.bbox[3] / 2;
        let step = (segment.bbox[2] / 3) as usize;
        for y in 0..height {
            for x in 0..width {
                if truth.map.get(x, y) != Some(segment.id) || kind == 0 {
                    continue;
                }
                let id = match (kind, joined) {
                    (2, _) if y as u32 > middle => segment.id + PIECE,
                    (3, Some(joined)) => joined.id,
                    _ => segment.id,
                };
                let x = if kind == 1 { x + step } else { x };
                if x < width {
                    map.data_mut()[y * width + x] = id;
                }
            }
        }
    }
    let classes: Vec<u32> = categories.iter().map(|category| category.id).collect();
    Ok(Panoptic::from_map(map, |id| {
        let id = id % PIECE;
        let class = truth.segment(id).map_or(classes[0], |segment| segment.category_id);
        let other = classes[draw(place, id + 7, classes.len() as u32) as usize];
        (if draw(place, id, 10) == 4 { other } else { class }, false)
    }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [json, photos, page] = &arguments[..] else {
        return Err(
            "expected the ground truth's json, the folder of photos (- for none), and the page to be written"
                .into(),
        );
    };
    let truth = CocoPanoptic::open(json, photos, json.with_extension(""))?;
    let folder = tempfile::tempdir()?;
    let predictions = folder.path().join("predictions.json");
    let writer = PanopticWriter::create(predictions.clone())?;
    let (mut entries, mut annotations) = (Vec::new(), Vec::new());
    for (place, (entry, _)) in truth.entries().enumerate() {
        let guess = mistaken(place, &truth.panoptic(place)?, truth.categories())?;
        annotations.push(writer.write(entry, &guess)?);
        entries.push(entry.clone());
    }
    writer.finish(entries, annotations, truth.categories())?;

    let files = PanopticFiles::new(json, &predictions);
    let report = panoptic_with_errors(&files, Convention::Coco, &())?;
    let with_photos = photos.as_os_str() != "-";
    let pairs = FilePairs::open(&files, with_photos.then_some(photos.as_path()))?;
    let shown = Evaluation::new(&report, pairs.categories()).page(|image| pairs.pair(image))?;
    kmax_datasets::write_file(page, shown.html().as_bytes())?;
    println!("{}", report.table());
    Ok(())
}

//! Opens and checks every labelled part of a dataset's folder. Without an argument, of one in COCO's panoptic form that it
//! makes first, whose images are missing.

use kmax_datasets::coco::{CocoPanoptic, ImageEntry, PanopticWriter};
use kmax_datasets::layout::{self, Part};
use kmax_datasets::{Categories, LabelMap, Panoptic, Things, check};
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    if let Some(folder) = std::env::args().nth(1) {
        return look(Path::new(&folder));
    }
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    look(folder.path())
}

/// What is in a folder, what is wrong with it, and what the first image shows.
fn look(folder: &Path) -> Result<()> {
    for part in layout::find(folder)? {
        let report = match &part {
            Part::Panoptic { json, pngs } => {
                let data = CocoPanoptic::open(json, folder, pngs)?;
                println!("{}: {} images, {} classes", json.display(), data.len(), data.categories().len());
                for segment in data.panoptic(0)?.segments {
                    println!(
                        "  segment {} of class {}: {} pixels",
                        segment.id, segment.category_id, segment.area
                    );
                }
                check::panoptic(json, pngs, None, &Things::default(), &())?
            }
            Part::Instances { json } => check::instances(json, None, &())?,
            Part::Cityscapes { root, split } => check::cityscapes(root, split, &())?,
        };
        println!("images: {}, mistakes: {}", report.images, report.findings.len());
        for finding in report.findings {
            println!("  {finding}");
        }
    }
    Ok(())
}

/// Labels of two images.
fn make(folder: &Path) -> Result<()> {
    let writer = PanopticWriter::create(folder.join("panoptic_val.json"))?;
    let mut images = Vec::new();
    let mut annotations = Vec::new();
    for number in 1..=2 {
        let image = ImageEntry { id: number.into(), file_name: format!("{number}.png"), width: 8, height: 4 };
        // A person on grass.
        let map = LabelMap::new(8, 4, (0..32).map(|at| if at % 8 < 3 { 1 } else { 2 }).collect())?;
        let panoptic = Panoptic::from_map(map, |id| (if id == 1 { 1 } else { 193 }, false));
        annotations.push(writer.write(&image, &panoptic)?);
        images.push(image);
    }
    writer.finish(images, annotations, &Categories::coco_panoptic())?;
    Ok(())
}

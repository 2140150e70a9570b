//! Writes the page of a dataset in COCO's panoptic form: `dataset TITLE PAGE (JSON IMAGES PNGS)...`

use std::path::Path;
use std::sync::Arc;

use kmax_datasets::Annotated;
use kmax_datasets::coco::CocoPanoptic;
use kmax_report::dataset::{self, DatasetOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [title, page, splits @ ..] = arguments.as_slice() else {
        return Err("expected: TITLE PAGE (JSON IMAGES PNGS)...".into());
    };
    let mut opened: Vec<(String, Arc<dyn Annotated>)> = Vec::new();
    for split in splits.chunks_exact(3) {
        let name = Path::new(&split[1]).file_name().map_or("split".into(), |name| name.to_string_lossy());
        opened.push((name.into_owned(), Arc::new(CocoPanoptic::open(&split[0], &split[1], &split[2])?)));
    }
    let notes = vec!["COCO panoptic: a JSON file and a PNG for each image".to_owned()];
    let options = DatasetOptions { notes, ..DatasetOptions::default() };
    let html = dataset::page(title, &opened, &options, &())?;
    std::fs::write(page, &html)?;
    println!("{page}: {} kB", html.len() / 1000);
    Ok(())
}

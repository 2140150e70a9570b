//! A model's predictions of a benchmark, in the official forms.

use crate::benchmark::Benchmark;
use crate::error::{Error, Result};
use kmax_base::Progress;
use kmax_datasets::coco::{
    CocoPanoptic, DetectionEntry, ImageEntry, Journal, PanopticWriter, Predicted, Segmentation,
    write_detections,
};
use kmax_datasets::convert::{Source, Target, convert};
use kmax_datasets::evaluate::{self, PanopticFiles};
use kmax_model::Segmenter;
use kmax_model::postprocess::Scope;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// File of the predictions in COCO's instance form.
pub(crate) const INSTANCES: &str = "coco_instances_results.json";

/// Predicts what the journal in `out` does not have yet, and writes the official forms.
pub(crate) fn predict(
    segmenter: &Segmenter,
    benchmark: &Benchmark,
    out: &Path,
    digest: &str,
    progress: &dyn Progress,
) -> Result<PanopticFiles> {
    let images = benchmark.images();
    let name = if benchmark.is_cityscapes() {
        format!("cityscapes_panoptic_{}_trainId.json", benchmark.split())
    } else {
        "panoptic.json".into()
    };
    let writer = PanopticWriter::create(out.join(name))?;
    let truth = evaluate::digest_of(&[images.json()])?;
    let what = format!("{digest} on {truth} by kmax {}", env!("CARGO_PKG_VERSION"));
    let (mut journal, done) = Journal::open(&out.join("finished.jsonl"), &what)?;
    let by_id = |entry: Predicted| (entry.annotation.image_id.clone(), entry);
    let mut done: HashMap<_, _> = done.into_iter().map(by_id).collect();
    let total = images.len();
    progress.advance(0, total);
    for (index, (image, _)) in images.entries().enumerate() {
        if progress.cancelled() {
            return Err(Error::Cancelled { done: index, total });
        }
        let file = images.image_path(index)?;
        let photo = evaluate::digest_of(&[&file])?;
        let is_done = done.get(&image.id).is_some_and(|entry| entry.photo == photo);
        if !is_done || !writer.png_path(image).is_file() {
            let predicted = Predicted { photo, ..one(segmenter, file, image, &writer)? };
            journal.add(&predicted)?;
            done.insert(image.id.clone(), predicted);
        }
        progress.advance(index + 1, total);
    }

    let entries = images.entries().map(|(image, _)| image.clone()).collect();
    let (mut annotations, mut detections) = (Vec::new(), Vec::new());
    // In the order of the images, whatever the order they were predicted in; one that the dataset no longer has is left out.
    for predicted in images.entries().filter_map(|(image, _)| done.remove(&image.id)) {
        annotations.push(predicted.annotation);
        detections.extend(predicted.detections);
    }
    writer.finish(entries, annotations, images.categories())?;
    write_detections(&out.join(INSTANCES), &detections)?;
    if benchmark.is_cityscapes() {
        write_cityscapes(writer.json(), out)?;
    }
    let mut files = PanopticFiles::new(images.json(), writer.json());
    files.truth_folder = images.pngs_folder().into();
    files.things = images.things().clone();
    Ok(files)
}

fn one(
    segmenter: &Segmenter,
    file: PathBuf,
    entry: &ImageEntry,
    writer: &PanopticWriter,
) -> Result<Predicted> {
    let image = kmax_transforms::read_image(&file)?;
    let (width, height) = image.dimensions();
    if (width, height) != (entry.width, entry.height) {
        let reason =
            format!("{width} x {height} pixels, but the json says {} x {}", entry.width, entry.height);
        return Err(Error::Image { file, reason });
    }
    let prediction = segmenter.predict(&image)?;
    let annotation = writer.write(entry, &prediction.panoptic()?)?;
    let detections = prediction.instances(Scope::Things)?.into_iter().map(|instance| DetectionEntry {
        image_id: entry.id.clone(),
        category_id: instance.category_id,
        segmentation: Segmentation::Rle(instance.mask),
        score: instance.score.into(),
    });
    Ok(Predicted { annotation, detections: detections.collect(), photo: String::new() })
}

/// The forms that cityscapesScripts take beside the panoptic one.
fn write_cityscapes(json: &Path, out: &Path) -> Result<()> {
    let pngs = json.with_extension("");
    let source = Source::panoptic(CocoPanoptic::open(json, &pngs, &pngs)?);
    for (target, folder) in [(Target::LabelIds, "semantic"), (Target::CityscapesInstances, "instance")] {
        convert(&source, target, &out.join(folder), &())?;
    }
    Ok(())
}

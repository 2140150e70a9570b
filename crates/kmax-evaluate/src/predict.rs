//! A model's predictions of a benchmark, in the official forms.

use crate::benchmark::Benchmark;
use crate::error::{Error, Result};
use kmax_base::{Progress, Shard};
use kmax_datasets::Journal;
use kmax_datasets::coco::{
    CocoPanoptic, DetectionEntry, ImageEntry, PanopticWriter, Predicted, Segmentation, detections,
    write_detections,
};
use kmax_datasets::convert::{Source, Target, convert};
use kmax_datasets::evaluate::{self, PanopticFiles};
use kmax_masks::ImageId;
use kmax_model::postprocess::Scope;
use kmax_model::{Segmenter, Tiling};
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// File of the predictions in COCO's instance form.
pub(crate) const INSTANCES: &str = "coco_instances_results.json";

/// Predictions by the image they are of.
type Done = HashMap<ImageId, Predicted>;

/// A model's predictions of a benchmark, in a folder.
pub(crate) struct Predicting<'a> {
    pub segmenter: &'a Segmenter,
    pub benchmark: &'a Benchmark,
    pub out: &'a Path,
    pub digest: &'a str,
}

impl Predicting<'_> {
    /// Predicts what no journal in the folder has yet, and writes the official forms.
    pub(crate) fn all(&self, progress: &dyn Progress) -> Result<PanopticFiles> {
        let writer = self.writer()?;
        let what = self.what()?;
        let (journal, done) = Journal::open(&self.out.join("finished.jsonl"), &what)?;
        let mut known = self.of_shards(&what)?;
        known.extend(by_image(done));
        let done = self.predict(|_| true, journal, known, &writer, progress)?;
        self.write(done, writer)
    }

    /// Predicts what this part of the images lacks, and gives how many images it has. [`Self::all`] finds them.
    pub(crate) fn shard(&self, shard: Shard, progress: &dyn Progress) -> Result<usize> {
        let name = format!("finished.{shard}.jsonl");
        let (journal, done) = Journal::open(&self.out.join(name), &self.what()?)?;
        let writer = self.writer()?;
        let done =
            self.predict(|position| shard.takes(position), journal, by_image(done), &writer, progress)?;
        Ok(done.len())
    }

    fn writer(&self) -> Result<PanopticWriter> {
        let name = if self.benchmark.is_cityscapes() {
            format!("cityscapes_panoptic_{}_trainId.json", self.benchmark.split())
        } else {
            "panoptic.json".into()
        };
        Ok(PanopticWriter::create(self.out.join(name))?)
    }

    /// What the predictions are of: others must not be taken for them.
    fn what(&self) -> Result<String> {
        let truth = evaluate::digest_of(&[self.benchmark.images().json()])?;
        let mut what = json!({ "model": self.digest, "dataset": truth, "kmax": env!("CARGO_PKG_VERSION") });
        if let Some(computed) = self.segmenter.computed() {
            what["computed"] = json!(computed);
        }
        if let Some(Tiling { size, overlap }) = self.segmenter.tiles() {
            what["tiles"] = json!([size, overlap]);
        }
        Ok(what.to_string())
    }

    /// What processes that did a part each have predicted.
    fn of_shards(&self, what: &str) -> Result<Done> {
        let mut done = Done::new();
        let entries = std::fs::read_dir(self.out).map_err(Error::reading(self.out))?;
        for entry in entries {
            let file = entry.map_err(Error::reading(self.out))?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("finished.") && name.contains("-of-") && name.ends_with(".jsonl") {
                // Opened and not read only: a process that still works on it must be waited for.
                done.extend(by_image(Journal::open(&file, what)?.1));
            }
        }
        Ok(done)
    }

    fn predict(
        &self,
        takes: impl Fn(usize) -> bool,
        mut journal: Journal<Predicted>,
        mut done: Done,
        writer: &PanopticWriter,
        progress: &dyn Progress,
    ) -> Result<Done> {
        let images = self.benchmark.images();
        let taken: Vec<_> = images.entries().enumerate().filter(|(index, _)| takes(*index)).collect();
        let total = taken.len();
        progress.advance(0, total);
        for (at, (index, (image, _))) in taken.into_iter().enumerate() {
            if progress.cancelled() {
                return Err(Error::Cancelled { done: at, total });
            }
            let file = images.image_path(index)?;
            let photo = evaluate::digest_of(&[&file])?;
            let is_done = done.get(&image.id).is_some_and(|entry| entry.photo == photo);
            if !is_done || !writer.png_path(image).is_file() {
                let predicted = Predicted { photo, ..one(self.segmenter, file, image, writer)? };
                journal.add(&predicted)?;
                done.insert(image.id.clone(), predicted);
            }
            progress.advance(at + 1, total);
        }
        Ok(done)
    }

    fn write(&self, mut done: Done, writer: PanopticWriter) -> Result<PanopticFiles> {
        let images = self.benchmark.images();
        let entries = images.entries().map(|(image, _)| image.clone()).collect();
        let (mut annotations, mut detections) = (Vec::new(), Vec::new());
        // In the order of the images, whatever the order they were predicted in; one that the dataset no longer has is left out.
        for predicted in images.entries().filter_map(|(image, _)| done.remove(&image.id)) {
            annotations.push(predicted.annotation);
            detections.extend(predicted.detections);
        }
        writer.finish(entries, annotations, images.categories())?;
        write_detections(&self.out.join(INSTANCES), &detections)?;
        if self.benchmark.is_cityscapes() {
            write_cityscapes(writer.json(), self.out)?;
        }
        let mut files = PanopticFiles::new(images.json(), writer.json());
        files.truth_folder = images.pngs_folder().into();
        files.things = images.things().clone();
        Ok(files)
    }
}

/// Of several predictions of an image the last counts.
fn by_image(predicted: Vec<Predicted>) -> Done {
    predicted.into_iter().map(|entry| (entry.annotation.image_id.clone(), entry)).collect()
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
    if segmenter.tiling(width, height).is_some() {
        // Tiles are joined to one map: objects that overlap are not known of it.
        let panoptic = segmenter.segment(&image)?;
        let detections = detections(&entry.id, &panoptic, &segmenter.config().categories);
        let annotation = writer.write(entry, &panoptic)?;
        return Ok(Predicted { annotation, detections, photo: String::new() });
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

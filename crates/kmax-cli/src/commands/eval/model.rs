//! `kmax eval model`: a model's predictions of a dataset, and what the official scripts say of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use kmax::postprocess::Scope;
use kmax::{Model, Segmenter};
use kmax_base::Progress;
use kmax_datasets::cityscapes::Cityscapes;
use kmax_datasets::coco::{
    CocoPanoptic, DetectionEntry, Journal, PanopticWriter, Predicted, Segmentation, write_detections,
};
use kmax_datasets::convert::{Source, Target, convert};
use kmax_datasets::evaluate::{self, CityscapesReport, PanopticFiles};
use kmax_datasets::layout::{self, Layout};
use kmax_masks::Dataset as Benchmark;
use kmax_metrics::instance::InstanceReport;
use kmax_metrics::panoptic::{Convention, PanopticReport};
use kmax_metrics::render::Page;
use serde::Serialize;

use super::{Bar, Report, Show};
use crate::exit::{Code, Failure, OrExit, Outcome};

/// Run a model on a dataset and evaluate its predictions.
///
/// With --predictions, a run that was stopped goes on where it was when it is started again.
#[derive(clap::Args)]
pub struct ModelArguments {
    /// How the dataset lies on disk (docs/DATASETS.md)
    #[arg(long, value_enum)]
    dataset: Dataset,
    /// The dataset's folder
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// The split (default: val2017 for coco, else val)
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// A built-in model's name, a model folder, or hf://owner/name
    #[arg(long)]
    model: String,
    /// Keep the predictions here, in the form that the official scripts take
    #[arg(long, value_name = "OUT")]
    predictions: Option<PathBuf>,
    #[command(flatten)]
    show: Show,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dataset {
    Coco,
    Cityscapes,
    Ade20k,
    /// Any folder in COCO's panoptic form
    Panoptic,
}

/// The levels that the dataset has.
#[derive(Serialize)]
struct ModelReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    panoptic: Option<PanopticReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<InstanceReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cityscapes: Option<CityscapesReport>,
}

impl Report for ModelReport {
    fn table(&self) -> String {
        let tables = [
            self.panoptic.as_ref().map(Report::table),
            self.instances.as_ref().map(Report::table),
            self.cityscapes.as_ref().map(Report::table),
        ];
        tables.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    fn pages(&self) -> Vec<Page> {
        let pages = [
            self.panoptic.as_ref().map(Report::pages),
            self.instances.as_ref().map(Report::pages),
            self.cityscapes.as_ref().map(Report::pages),
        ];
        pages.into_iter().flatten().flatten().collect()
    }
}

impl ModelArguments {
    pub fn run(&self) -> Outcome {
        let dataset = self.open()?;
        let segmenter = Segmenter::load(&self.model).or_exit(Code::Model)?;
        self.check_classes(&segmenter, &dataset)?;
        let digest = self.digest()?;
        // Without a place to keep them, predictions last as long as the command.
        let temporary = tempfile::tempdir().or_exit(Code::Output)?;
        let out = self.predictions.as_deref().unwrap_or(temporary.path());
        std::fs::create_dir_all(out).or_exit(Code::Output)?;

        let files = self.predict(&segmenter, &dataset, out, &digest)?;
        let mut report = self.evaluate(&files, out)?;
        let cityscapes = report.cityscapes.iter_mut().flat_map(|report| {
            [
                report.instance.as_mut().map(|level| &mut level.provenance),
                report.semantic.as_mut().map(|level| &mut level.provenance),
                report.panoptic.as_mut().map(|level| &mut level.provenance),
            ]
        });
        let panoptic = report.panoptic.as_mut().map(|level| &mut level.provenance);
        let instances = report.instances.as_mut().map(|level| &mut level.provenance);
        for provenance in cityscapes.chain([panoptic, instances]).flatten() {
            provenance.model_digest = Some(digest.clone());
        }
        self.show.show(&report)
    }

    fn split(&self) -> &str {
        let usual = if self.dataset == Dataset::Coco { "val2017" } else { "val" };
        self.split.as_deref().unwrap_or(usual)
    }

    fn open(&self) -> Outcome<CocoPanoptic> {
        let layout = match self.dataset {
            Dataset::Coco => Layout::Benchmark(Benchmark::Coco),
            Dataset::Ade20k => Layout::Benchmark(Benchmark::Ade20k),
            Dataset::Cityscapes => Layout::Benchmark(Benchmark::Cityscapes),
            Dataset::Panoptic => Layout::Own,
        };
        layout::open(layout, &self.root, self.split()).or_exit(Code::Input)
    }

    /// Ids mean the same to model and dataset.
    fn check_classes(&self, segmenter: &Segmenter, dataset: &CocoPanoptic) -> Outcome {
        for class in &segmenter.config().categories {
            let theirs = dataset.categories().get(class.id).map(|category| category.name.as_str());
            if theirs != Some(&class.name) {
                let message = format!(
                    "{}: the model's class {} ({}) is {} in {}",
                    self.model,
                    class.id,
                    class.name,
                    theirs.unwrap_or("unknown"),
                    dataset.json().display()
                );
                return Err(Failure::new(Code::Input, message));
            }
        }
        Ok(())
    }

    /// Of a model folder that of its files; other models are told by their name.
    fn digest(&self) -> Outcome<String> {
        let folder = Path::new(&self.model);
        if Model::built_in_names().any(|name| name == self.model) || !folder.is_dir() {
            return Ok(format!("{} of kmax {}", self.model, env!("CARGO_PKG_VERSION")));
        }
        let names = ["config.json", "preprocessor_config.json", kmax::folder::WEIGHTS_FILE];
        let files = names.map(|name| folder.join(name));
        let files: Vec<&Path> = files.iter().filter(|file| file.is_file()).map(PathBuf::as_path).collect();
        evaluate::digest_of(&files).or_exit(Code::Model)
    }

    /// Predicts what is not predicted yet, and writes the official forms.
    fn predict(
        &self,
        segmenter: &Segmenter,
        dataset: &CocoPanoptic,
        out: &Path,
        digest: &str,
    ) -> Outcome<PanopticFiles> {
        let name = match self.dataset {
            Dataset::Cityscapes => format!("cityscapes_panoptic_{}_trainId.json", self.split()),
            _ => "panoptic.json".into(),
        };
        let writer = PanopticWriter::create(out.join(name)).or_exit(Code::Output)?;
        let truth = evaluate::digest_of(&[dataset.json()]).or_exit(Code::Input)?;
        let (mut journal, mut done) =
            Journal::open(&out.join("finished.jsonl"), &format!("{digest} on {truth}"))
                .or_exit(Code::Output)?;
        let finished: HashSet<_> = done.iter().map(|entry| entry.annotation.image_id.clone()).collect();

        let bar = Bar::new();
        bar.advance(0, dataset.len());
        for (index, (image, _)) in dataset.entries().enumerate() {
            if !(finished.contains(&image.id) && writer.png_path(image).is_file()) {
                let file = dataset.image_path(index).unwrap_or_default();
                let photo = kmax::read_image(&file).or_exit(Code::Input)?;
                if photo.dimensions() != (image.width, image.height) {
                    let (width, height) = photo.dimensions();
                    let message = format!(
                        "{}: {width} x {height} pixels, but the json says {} x {}",
                        file.display(),
                        image.width,
                        image.height
                    );
                    return Err(Failure::new(Code::Input, message));
                }
                let prediction = segmenter.predict(&photo).or_exit(Code::Failed)?;
                let panoptic = prediction.panoptic().or_exit(Code::Failed)?;
                let instances = prediction.instances(Scope::Things).or_exit(Code::Failed)?;
                let detections = instances.into_iter().map(|instance| DetectionEntry {
                    image_id: image.id.clone(),
                    category_id: instance.category_id,
                    segmentation: Segmentation::Rle(instance.mask),
                    score: instance.score.into(),
                });
                let annotation = writer.write(image, &panoptic).or_exit(Code::Output)?;
                let predicted = Predicted { annotation, detections: detections.collect() };
                journal.add(&predicted).or_exit(Code::Output)?;
                done.retain(|entry| entry.annotation.image_id != image.id);
                done.push(predicted);
            }
            bar.advance(index + 1, dataset.len());
        }

        let images = dataset.entries().map(|(image, _)| image.clone()).collect();
        let (mut annotations, mut detections) = (Vec::new(), Vec::new());
        for predicted in done {
            annotations.push(predicted.annotation);
            detections.extend(predicted.detections);
        }
        writer.finish(images, annotations, dataset.categories()).or_exit(Code::Output)?;
        write_detections(&out.join("coco_instances_results.json"), &detections).or_exit(Code::Output)?;
        if self.dataset == Dataset::Cityscapes {
            let pngs = writer.json().with_extension("");
            let written = CocoPanoptic::open(writer.json(), &pngs, &pngs).or_exit(Code::Output)?;
            let source = Source::panoptic(written);
            for (target, folder) in
                [(Target::LabelIds, "semantic"), (Target::CityscapesInstances, "instance")]
            {
                convert(&source, target, &out.join(folder), &()).or_exit(Code::Output)?;
            }
        }
        let mut files = PanopticFiles::new(dataset.json(), writer.json());
        files.truth_folder = dataset.pngs_folder().to_path_buf();
        Ok(files)
    }

    fn evaluate(&self, files: &PanopticFiles, out: &Path) -> Outcome<ModelReport> {
        let bar = Bar::new();
        if self.dataset == Dataset::Cityscapes {
            let dataset = Cityscapes::open(&self.root, self.split()).or_exit(Code::Input)?;
            let report = evaluate::cityscapes(&dataset, out, &bar).or_exit(Code::Input)?;
            return Ok(ModelReport { panoptic: None, instances: None, cityscapes: Some(report) });
        }
        let panoptic = evaluate::panoptic(files, Convention::Coco, &bar).or_exit(Code::Input)?;
        // Mask AP needs the masks of single objects, which panoptic annotations do not have where they overlap.
        let annotations = [self.root.join("annotations"), self.root.clone()]
            .map(|folder| folder.join(format!("instances_{}.json", self.split())));
        let instances = match annotations.into_iter().find(|file| file.is_file()) {
            Some(truth) => {
                let found = out.join("coco_instances_results.json");
                Some(evaluate::instances(&truth, &found, &bar).or_exit(Code::Input)?)
            }
            None => None,
        };
        Ok(ModelReport { panoptic: Some(panoptic), instances, cityscapes: None })
    }
}

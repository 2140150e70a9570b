//! `kmax eval model`: a model's predictions of a dataset, and what the official scripts say of them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use kmax::Segmenter;
use kmax::evaluate::{Benchmark, Layout, Report, Run, Shard};
use kmax::masks::Dataset;
use kmax_datasets::cityscapes::Cityscapes;
use kmax_datasets::forms::{self, Form, HELD_OUT};
use kmax_report::evaluation::FilePairs;

use super::{Bar, Show, with_worst_images};
use crate::device::DeviceArguments;
use crate::exit::{Code, Failure, Outcome};
use crate::form::FormArguments;
use crate::output::remark;
use crate::tiles::TileArguments;

/// Run a model on a dataset and evaluate its predictions.
///
/// DATA is a folder or file in any form that annotation tools write (docs/FORMS.md). Without a split to measure on, it is the
/// tenth of the images that `kmax train` sets aside. With --predictions, a run that was stopped goes on where it was when it is
/// started again.
#[derive(clap::Args)]
pub struct ModelArguments {
    /// The dataset: a folder, or its json or yaml
    #[arg(required_unless_present = "root")]
    data: Option<PathBuf>,
    /// How the dataset in --root lies on disk (docs/DATASETS.md)
    #[arg(long, value_enum, requires = "root", conflicts_with = "data")]
    dataset: Option<Archives>,
    /// The dataset's folder, as its archives unpack
    #[arg(long, value_name = "DIR", requires = "dataset", conflicts_with = "data")]
    root: Option<PathBuf>,
    /// The split (default: val2017 for --dataset coco, else val)
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// A model by its name (`kmax models`), a model folder, or hf://owner/name
    #[arg(long)]
    model: String,
    /// Keep the predictions here, in the form that the official scripts take
    #[arg(long, value_name = "OUT")]
    predictions: Option<PathBuf>,
    /// Predict one part of the images only, I of N, or `auto` for the part that Slurm, Kubernetes (auto/N) or RANK says; the same command
    /// without it measures what all parts predicted
    #[arg(long, value_name = "I/N", value_parser = Shard::from_str, requires = "predictions", conflicts_with_all = ["json", "html"])]
    shard: Option<Shard>,
    /// Also count objects by IoU, TP / (TP + FP + FN), as StarDist and Cellpose do
    #[arg(long)]
    objects: bool,
    #[command(flatten)]
    tiles: TileArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    form: FormArguments,
    #[command(flatten)]
    show: Show,
}

#[derive(Clone, Copy, ValueEnum)]
enum Archives {
    Coco,
    Cityscapes,
    Ade20k,
    /// Any folder in COCO's panoptic form
    Panoptic,
}

impl From<Archives> for Layout {
    fn from(archives: Archives) -> Self {
        match archives {
            Archives::Coco => Self::Benchmark(Dataset::Coco),
            Archives::Cityscapes => Self::Benchmark(Dataset::Cityscapes),
            Archives::Ade20k => Self::Benchmark(Dataset::Ade20k),
            Archives::Panoptic => Self::Own,
        }
    }
}

impl ModelArguments {
    pub fn run(&self) -> Outcome {
        self.show.check()?;
        self.tiles.check()?;
        let (device, precision) = self.device.open()?;
        let benchmark = self.benchmark()?;
        let model = crate::model::open(&self.model)?;
        let digest = model.digest();
        let builder = Segmenter::builder(model).device(device).precision(precision);
        let builder = self.tiles.tiling().into_iter().fold(builder, |builder, tiles| builder.tiles(tiles));
        let segmenter = builder.build()?;
        let mut run = Run::new(&segmenter, &benchmark).of_model(digest);
        if let Some(folder) = &self.predictions {
            run = run.keeping(folder);
        }
        if self.show.html.is_some() {
            run = run.with_errors();
        }
        if self.objects {
            run = run.with_objects();
        }
        if let Some(shard) = self.shard {
            let count = run.predict_shard(shard, &Bar::new())?;
            remark(&format!("part {shard}: {count} images are predicted"));
            return Ok(());
        }
        let measured = run.measure(&Bar::new())?;
        self.show.show_with(&measured.report, || {
            let Some(panoptic) = panoptic_of(&measured.report) else { return Ok(Vec::new()) };
            let pairs = FilePairs::new(benchmark.images().clone(), measured.predictions.clone());
            Ok(vec![with_worst_images(panoptic, &pairs)?])
        })
    }

    fn benchmark(&self) -> Outcome<Benchmark> {
        let split = self.split.as_deref();
        match (&self.data, &self.root, self.dataset) {
            (None, Some(root), Some(archives)) => {
                if let Some(option) = self.form.beyond_things() {
                    let message = format!("{option} is for DATA, and says nothing of --root");
                    return Err(Failure::new(Code::Usage, message));
                }
                let things = self.form.options().things;
                Ok(Benchmark::open_with(archives.into(), root, split, &things)?)
            }
            (data, ..) => self.in_any_form(data.as_deref().unwrap_or(Path::new("."))),
        }
    }

    fn in_any_form(&self, data: &Path) -> Outcome<Benchmark> {
        let opened = forms::open(data, &self.form.options())?;
        let (split, notes) = opened.measured(data, self.split.as_deref(), HELD_OUT)?;
        let what = format!(
            "{} images in the form `{}`, split `{}`",
            split.data.len(),
            opened.form.name(),
            split.name
        );
        for note in [what].into_iter().chain(opened.notes).chain(notes) {
            remark(&note);
        }
        // Cityscapes has measures of its own, which go by files that its own converter makes.
        if opened.form == Form::Cityscapes {
            let json = Cityscapes::open(data, &split.name)?.panoptic_json();
            if json.is_file() {
                let layout = Layout::Benchmark(Dataset::Cityscapes);
                return Ok(Benchmark::open(layout, data, Some(&split.name))?);
            }
            remark(&format!("{} is not there: panoptic quality alone is measured", json.display()));
        }
        Ok(Benchmark::of(&split, &Bar::new())?)
    }
}

/// Panoptic quality, whichever script measures it.
fn panoptic_of(report: &Report) -> Option<&kmax_metrics::panoptic::PanopticReport> {
    let of_cityscapes = || report.cityscapes.as_ref()?.panoptic.as_ref();
    report.panoptic.as_ref().or_else(of_cityscapes)
}

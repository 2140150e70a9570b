//! `kmax eval model`: a model's predictions of a dataset, and what the official scripts say of them.

use std::path::PathBuf;

use clap::ValueEnum;
use kmax::Segmenter;
use kmax::evaluate::{Benchmark, Layout, Run};
use kmax::masks::Dataset;

use super::{Bar, Show};
use crate::exit::Outcome;
use crate::things::ThingsArgument;

/// Run a model on a dataset and evaluate its predictions.
///
/// With --predictions, a run that was stopped goes on where it was when it is started again.
#[derive(clap::Args)]
pub struct ModelArguments {
    /// How the dataset lies on disk (docs/DATASETS.md)
    #[arg(long, value_enum)]
    dataset: Form,
    /// The dataset's folder
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// The split (default: val2017 for coco, else val)
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// A model by its name (`kmax models`), a model folder, or hf://owner/name
    #[arg(long)]
    model: String,
    /// Keep the predictions here, in the form that the official scripts take
    #[arg(long, value_name = "OUT")]
    predictions: Option<PathBuf>,
    #[command(flatten)]
    things: ThingsArgument,
    #[command(flatten)]
    show: Show,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Coco,
    Cityscapes,
    Ade20k,
    /// Any folder in COCO's panoptic form
    Panoptic,
}

impl From<Form> for Layout {
    fn from(form: Form) -> Self {
        match form {
            Form::Coco => Self::Benchmark(Dataset::Coco),
            Form::Cityscapes => Self::Benchmark(Dataset::Cityscapes),
            Form::Ade20k => Self::Benchmark(Dataset::Ade20k),
            Form::Panoptic => Self::Own,
        }
    }
}

impl ModelArguments {
    pub fn run(&self) -> Outcome {
        self.show.check()?;
        let (root, split) = (&self.root, self.split.as_deref());
        let benchmark = Benchmark::open_with(self.dataset.into(), root, split, &self.things.get())?;
        let model = crate::model::open(&self.model)?;
        let digest = model.digest();
        let segmenter = Segmenter::builder(model).build()?;
        let mut run = Run::new(&segmenter, &benchmark).of_model(digest);
        if let Some(folder) = &self.predictions {
            run = run.keeping(folder);
        }
        self.show.show(&run.evaluate(&Bar::new())?)
    }
}

//! What `kmax train` is told.

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::form::FormArguments;
use kmax::device::DeviceChoice;
use kmax::train::{DEFAULT_MODEL, DataConfig, Length, Plan, Recipe};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Train a model on your own photos and labels.
///
/// DATA is a folder or a file in any form that annotation tools write: COCO, YOLO, labelme, CVAT, Label Studio, Pascal VOC, PNGs of
/// classes, masks of objects, Cityscapes, ADE20K. What is not said is decided by stated rules and written, with comments, into
/// RUN/train.toml. A run that was stopped goes on from its newest checkpoint when the same command is given again. Ctrl-C writes a
/// checkpoint first.
#[derive(clap::Args)]
pub struct Arguments {
    /// The dataset: a folder, or its json or yaml
    #[arg(required_unless_present = "config", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// The run's folder: checkpoints, report.html, and the trained model
    #[arg(short, long, value_name = "RUN", required_unless_present_any = ["config", "print_config"], conflicts_with = "config")]
    output: Option<PathBuf>,
    /// Instead of DATA: a whole configuration (TOML; docs/TRAINING.md describes it)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The model to start from, as `kmax segment --model` takes it, or a config.json
    #[arg(long, value_name = "MODEL", default_value = DEFAULT_MODEL)]
    model: String,
    /// The longer edge of crops and of the model's input, 32 k + 1 pixels
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// How often each photo is seen
    #[arg(long, value_name = "N", conflicts_with = "steps")]
    epochs: Option<f64>,
    /// Optimizer steps in all
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Photos a step
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Parts that a batch is computed in, one after the other: less memory
    #[arg(long, value_name = "N")]
    accumulate: Option<usize>,
    /// The learning rate after the warm-up
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Whose augmentation and optimizer: small (ours), pytorch or deeplab2
    #[arg(long, value_name = "RECIPE", default_value = "small", value_parser = recipe)]
    recipe: Recipe,
    /// Queries of the network: the most segments that it finds in an image
    #[arg(long, value_name = "N")]
    queries: Option<usize>,
    /// Where the network is trained: cpu, cuda[:N], or auto: an NVIDIA GPU if there is one that this build can use (`kmax devices`)
    #[arg(long, value_name = "DEVICE", value_parser = DeviceChoice::from_str, default_value_t)]
    pub device: DeviceChoice,
    #[command(flatten)]
    form: FormArguments,
    /// Seed of all that is random
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print the whole configuration, with what was decided, and train nothing
    #[arg(long)]
    pub print_config: bool,
    /// Begin anew although the run's folder holds a run, which is set aside as RUN.1
    #[arg(long)]
    pub fresh: bool,
}

fn recipe(name: &str) -> Result<Recipe, String> {
    Recipe::named(name).ok_or_else(|| format!("expected one of {}", Recipe::ALL.map(Recipe::name).join(", ")))
}

impl Arguments {
    /// What a configuration is made of, where no file is given.
    pub fn plan(&self) -> Outcome<Option<Plan>> {
        let Some(data) = &self.data else { return Ok(None) };
        // The configuration that is written lies elsewhere.
        let absolute = |path: &Path| std::path::absolute(path).or_exit(Code::Input);
        if !data.exists() {
            return Err(Failure::new(
                Code::Input,
                format!("{}: there is no such file or folder", data.display()),
            ));
        }
        let options = self.form.options();
        let length = self.epochs.map(Length::Epochs).or(self.steps.map(Length::Steps));
        let output = self.output.as_deref().unwrap_or(Path::new("run"));
        let model = Path::new(&self.model);
        let model = if model.exists() { absolute(model)?.display().to_string() } else { self.model.clone() };
        Ok(Some(Plan {
            data: DataConfig {
                path: Some(absolute(data)?),
                form: self.form.name(),
                classes: options.classes.as_deref().map(absolute).transpose()?,
                photos: options.photos.as_deref().map(absolute).transpose()?,
                things: self.form.things(),
                ..DataConfig::default()
            },
            output: absolute(output)?,
            model: Some(model),
            size: self.size,
            length,
            batch: self.batch,
            accumulate: self.accumulate,
            learning_rate: self.learning_rate,
            recipe: self.recipe,
            queries: self.queries,
            seed: self.seed,
        }))
    }

    /// The model by name, which may have to be fetched before it is looked at.
    pub fn model(&self) -> &str {
        &self.model
    }
}

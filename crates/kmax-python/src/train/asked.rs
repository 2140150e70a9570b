//! What Python says of a run.

use crate::failure::{Failure, Outcome};
use kmax::train::{DEFAULT_MODEL, DataConfig, Length, Plan, Recipe};
use kmax_base::ErrorKind;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The arguments of `kmax_deeplab.train`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    data: Option<PathBuf>,
    output: Option<PathBuf>,
    /// Instead of all that is said here but `fresh`: a whole configuration.
    pub config: Option<PathBuf>,
    model: Option<String>,
    size: Option<usize>,
    epochs: Option<f64>,
    steps: Option<usize>,
    batch: Option<usize>,
    accumulate: Option<usize>,
    learning_rate: Option<f64>,
    recipe: String,
    queries: Option<usize>,
    form: Option<String>,
    classes: Option<PathBuf>,
    photos: Option<PathBuf>,
    things: Option<Vec<String>>,
    seed: u64,
    /// Whether an earlier run in the folder is set aside.
    pub fresh: bool,
}

impl Asked {
    /// The model to start from.
    pub fn model(&self) -> &str {
        self.model.as_deref().unwrap_or(DEFAULT_MODEL)
    }

    /// For the rules that decide the rest.
    pub fn plan(self) -> Outcome<Plan> {
        let (Some(data), Some(output)) = (&self.data, &self.output) else {
            return Err(Failure::argument("expected data and output, or config"));
        };
        if !data.exists() {
            let message = format!("{}: there is no such file or folder", data.display());
            return Err(Failure::new(ErrorKind::NotFound, message));
        }
        let recipe = Recipe::named(&self.recipe).ok_or_else(|| {
            let known = Recipe::ALL.map(Recipe::name).join(", ");
            Failure::argument(format!("recipe: expected one of {known}, not {}", self.recipe))
        })?;
        let model = Path::new(self.model());
        let model = if model.exists() { absolute(model)?.display().to_string() } else { self.model().into() };
        Ok(Plan {
            data: DataConfig {
                path: Some(absolute(data)?),
                form: self.form.clone(),
                classes: self.classes.as_deref().map(absolute).transpose()?,
                photos: self.photos.as_deref().map(absolute).transpose()?,
                things: self.things.clone(),
                ..DataConfig::default()
            },
            output: absolute(output)?,
            model: Some(model),
            size: self.size,
            length: self.epochs.map(Length::Epochs).or(self.steps.map(Length::Steps)),
            batch: self.batch,
            accumulate: self.accumulate,
            learning_rate: self.learning_rate,
            recipe,
            queries: self.queries,
            seed: self.seed,
        })
    }
}

/// The configuration that is written lies elsewhere.
fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Failure::new(ErrorKind::NotFound, format!("{}: {error}", path.display())))
}

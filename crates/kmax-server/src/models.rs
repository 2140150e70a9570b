//! The models that are served.

use crate::error::{Error, Result};
use crate::problem::Problem;
use kmax_base::nearest;
use kmax_model::{Config, PostprocessConfig, Segmenter};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// A model, ready to segment.
#[derive(Debug)]
pub(crate) struct Served {
    pub name: String,
    pub segmenter: Segmenter,
}

impl Served {
    pub fn config(&self) -> &Config {
        self.segmenter.config()
    }
}

/// All of them; the first is the default.
#[derive(Debug)]
pub(crate) struct Models(Vec<Arc<Served>>);

impl Models {
    /// Checks the names: they stand in addresses.
    pub fn new(models: Vec<(String, Segmenter)>) -> Result<Self> {
        let mut names = HashSet::new();
        for (name, _) in &models {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+@".contains(c);
            if name.is_empty() || !name.chars().all(plain) {
                let reason =
                    format!("`{name}` is no name for a model: expected letters, digits and - _ . + @");
                return Err(Error::setting("models", reason));
            }
            if !names.insert(name) {
                return Err(Error::setting("models", format!("two models are called `{name}`")));
            }
        }
        if models.is_empty() {
            return Err(Error::setting("models", "expected at least one"));
        }
        let served = |(name, segmenter)| Arc::new(Served { name, segmenter });
        Ok(Self(models.into_iter().map(served).collect()))
    }

    /// The model of a name, or the default.
    pub fn get(&self, name: Option<&str>) -> std::result::Result<Arc<Served>, Problem> {
        let Some(name) = name else { return Ok(self.0[0].clone()) };
        if let Some(found) = self.0.iter().find(|model| model.name == name) {
            return Ok(found.clone());
        }
        let names: Vec<&str> = self.0.iter().map(|model| model.name.as_str()).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        Err(Problem::not_found(format!("no model `{name}` is served; {hint}")))
    }

    /// What is told of them.
    pub fn list(&self) -> ModelList {
        let described = |(at, model): (usize, &Arc<Served>)| Described::new(model, at == 0);
        ModelList { models: self.0.iter().enumerate().map(described).collect() }
    }
}

/// The models that are served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    models: Vec<Described>,
}

/// A model that is served.
#[derive(Debug, Serialize, ToSchema)]
struct Described {
    /// What it is called in the parameter `model`.
    name: String,
    /// Whether it is the one that works where no name is given.
    default: bool,
    /// Its backbone.
    architecture: String,
    /// Height and width of the network's input.
    input: [usize; 2],
    /// Queries, which are the cluster centers of k-means.
    queries: usize,
    /// Steps of k-means.
    steps: usize,
    /// What it was trained for.
    task: &'static str,
    categories: Vec<Class>,
    /// How its logits become segments where nothing else is said.
    #[schema(value_type = Object)]
    postprocess: PostprocessConfig,
}

/// A class of a model.
#[derive(Debug, Serialize, ToSchema)]
struct Class {
    id: u32,
    name: String,
    isthing: bool,
    /// Red, green and blue.
    color: [u8; 3],
}

impl Described {
    fn new(model: &Served, default: bool) -> Self {
        let config = model.config();
        let class = |class: &kmax_masks::Category| Class {
            id: class.id,
            name: class.name.clone(),
            isthing: class.isthing,
            color: class.color,
        };
        Self {
            name: model.name.clone(),
            default,
            architecture: architecture(config),
            input: config.preprocess.size,
            queries: config.network.decoder.queries,
            steps: config.network.decoder.layers.iter().sum(),
            task: "panoptic",
            categories: config.categories.iter().map(class).collect(),
            postprocess: config.postprocess,
        }
    }
}

/// The word that the configuration has for the backbone.
fn architecture(config: &Config) -> String {
    let backbone = serde_json::to_value(&config.network.backbone).unwrap_or_default();
    backbone["kind"].as_str().unwrap_or("unknown").to_owned()
}

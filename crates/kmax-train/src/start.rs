//! The weights that a run starts from: read, taken by name, and counted.

use crate::checkpoint::Checkpoint;
use crate::config::TrainConfig;
use crate::error::{Error, Result};
use candle_core::{Device, Tensor};
use kmax_backbones::BackboneConfig;
use kmax_masks::Categories;
use kmax_model::config::CONFIG_FILE;
use kmax_model::{Cache, Config, Draft, Encoder, Model};
use kmax_nn::{Parameter, Params, TensorSource};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Parts of a network's names whose first axis counts classes.
const CLASS_ROWS: [&str; 2] = ["predictor.class.", "semantic_head.last."];

/// Tensors by name.
type Tensors = HashMap<String, Tensor>;

/// What was found for a network.
pub(crate) struct Start {
    /// Tensors that fit as they are.
    whole: HashMap<String, Tensor>,
    /// Class heads of other classes: their rows are taken by the name of the class.
    heads: HashMap<String, Tensor>,
    /// For each class of the network, its row in `heads`.
    rows: Vec<Option<usize>>,
    /// Classes of `heads`, void not counted.
    classes: usize,
    /// Where the weights of the whole model come from.
    source: Option<String>,
    /// Tensors of the network, and those among them that the whole model's weights gave.
    asked: usize,
    given: usize,
}

impl Start {
    /// Reads what `config` names and keeps what fits `model`.
    ///
    /// # Errors
    /// If a file is missing or damaged, or nothing in it fits.
    pub(crate) fn read(config: &TrainConfig, model: &Config) -> Result<Self> {
        let mut start = Self {
            whole: HashMap::new(),
            heads: HashMap::new(),
            rows: Vec::new(),
            classes: 0,
            source: config.model.weights.clone(),
            asked: 0,
            given: 0,
        };
        if let Some(path) = &config.model.backbone_weights {
            start.whole.extend(encoder(&pulled(path)?, &model.network.backbone)?);
        }
        if let Some(name) = &config.model.weights {
            let (tensors, categories) = named(name)?;
            start.take(tensors, categories.as_deref(), model)?;
            if start.given == 0 {
                let reason = format!("no tensor of it fits the {} of the network", start.asked);
                return Err(Error::Start { weights: name.clone(), reason });
            }
        }
        Ok(start)
    }

    fn take(
        &mut self,
        tensors: HashMap<String, Tensor>,
        classes: Option<&[String]>,
        model: &Config,
    ) -> Result<()> {
        let shapes = model.network.shapes(true)?;
        self.asked = shapes.len();
        let same_classes =
            classes.is_none_or(|theirs| theirs.iter().eq(model.categories.iter().map(|c| &c.name)));
        if let Some(theirs) = classes {
            let row = |name: &str| theirs.iter().position(|other| other == name);
            self.rows = model.categories.iter().map(|category| row(&category.name)).collect();
            self.classes = theirs.len();
        }
        for (name, tensor) in tensors {
            let Some(expected) = shapes.get(&name) else { continue };
            let is_head = CLASS_ROWS.iter().any(|part| name.contains(part));
            if is_head && !same_classes {
                self.heads.insert(name, tensor);
            } else if tensor.dims() == expected.as_slice() {
                self.given += 1;
                self.whole.insert(name, tensor);
            }
        }
        Ok(())
    }

    /// For the parameters to begin with.
    pub(crate) fn source(&self) -> Option<Box<dyn TensorSource>> {
        let tensors = self.whole.clone();
        if tensors.is_empty() { None } else { Some(Box::new(tensors)) }
    }

    /// Puts the rows of known classes into the class heads, which were drawn. Says what was taken.
    ///
    /// # Errors
    /// If a tensor cannot be read.
    pub(crate) fn finish(&self, parameters: &[Parameter]) -> Result<Vec<String>> {
        let Some(source) = &self.source else { return Ok(Vec::new()) };
        let mut notes = Vec::new();
        let by_name: BTreeMap<&str, &Parameter> =
            parameters.iter().map(|parameter| (parameter.name.as_str(), parameter)).collect();
        let mut filled = 0;
        for (name, head) in &self.heads {
            if let Some(parameter) = by_name.get(name.as_str()) {
                filled += usize::from(self.fill(parameter, head)?);
            }
        }
        let (given, asked) = (self.given + filled, self.asked);
        let drawn = asked.saturating_sub(self.given);
        if self.rows.is_empty() {
            notes.push(format!(
                "warning: {source} does not name its classes; rows of class heads are taken by place"
            ));
        }
        let warning = if 2 * given < asked { "warning: less than half fits: " } else { "" };
        notes.push(format!("{warning}{given} of {asked} tensors begin with {source}"));
        if !self.heads.is_empty() {
            let known = self.rows.iter().flatten().count();
            let classes = if known == 1 { "class" } else { "classes" };
            notes.push(format!(
                "class heads: the rows of {known} {classes} are taken by name, those of {} are drawn",
                self.rows.len() - known
            ));
        } else if drawn > 0 {
            let missing = by_name.keys().filter(|name| !self.whole.contains_key(**name)).take(3);
            let missing: Vec<_> = missing.map(|name| format!("`{name}`")).collect();
            notes.push(format!("{drawn} tensors are drawn: {}, …", missing.join(", ")));
        }
        Ok(notes)
    }

    /// Whether the head's rows could be taken: its other axes must be as here.
    fn fill(&self, parameter: &Parameter, head: &Tensor) -> Result<bool> {
        let var = parameter.var.as_tensor();
        let (ours, theirs) = (var.dims(), head.dims());
        // A head may have a row for void behind the classes.
        let void = theirs.first() == Some(&(self.classes + 1));
        if ours.is_empty() || ours[1..] != theirs[1..] || !(void || theirs[0] == self.classes) {
            return Ok(false);
        }
        let mut rows: Vec<(usize, usize)> =
            self.rows.iter().enumerate().filter_map(|(to, from)| Some((to, (*from)?))).collect();
        if void && ours[0] == self.rows.len() + 1 {
            rows.push((self.rows.len(), self.classes));
        }
        let length: usize = ours[1..].iter().product();
        let mut values = var.flatten_all()?.to_vec1::<f32>()?;
        let given = head.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        for (to, from) in rows {
            values[to * length..][..length].copy_from_slice(&given[from * length..][..length]);
        }
        parameter.var.set(&Tensor::from_vec(values, ours, &Device::Cpu)?.to_device(var.device())?)?;
        Ok(true)
    }
}

/// Tensors of a whole model in our names, and its classes where they are known.
fn named(name: &str) -> Result<(Tensors, Option<Vec<String>>)> {
    let names = |categories: &Categories| categories.iter().map(|category| category.name.clone()).collect();
    let path = Path::new(name);
    if !path.is_file() {
        let model = Model::named(name)?;
        let weights = model.weights();
        let tensor = |name: String| Ok(weights.tensor(&name)?.map(|tensor| (name, tensor)));
        let tensors = weights.names().into_iter().map(tensor).collect::<Result<Vec<_>>>()?;
        return Ok((tensors.into_iter().flatten().collect(), Some(names(&model.config().categories))));
    }
    let read = load(path)?;
    // A run's checkpoint holds the averaged weights beside the last ones, a model's file nothing else.
    let under = |prefix: &str| -> HashMap<String, Tensor> {
        let named =
            |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.into(), tensor.clone()));
        read.iter().filter_map(named).collect()
    };
    let found = ["ema.", "model."].into_iter().map(under).find(|found| !found.is_empty());
    let beside = Draft::read(&path.with_file_name(CONFIG_FILE)).ok();
    let beside = beside.map(|parsed| names(parsed.value.categories()));
    let own = Checkpoint::read(path).ok().map(|checkpoint| checkpoint.classes);
    Ok((found.unwrap_or(read), own.filter(|classes| !classes.is_empty()).or(beside)))
}

/// The file of an encoder: the path itself, or where the cache has the published encoder of that name.
fn pulled(path: &Path) -> Result<PathBuf> {
    let Some(encoder) = path.to_str().and_then(Encoder::named).filter(|_| !path.exists()) else {
        return Ok(path.into());
    };
    let absent = || {
        let name = encoder.name;
        let reason = format!("{name} is not in the cache: `kmax pull {name}` fetches and converts it");
        Error::Data { file: path.into(), reason }
    };
    Cache::from_env().and_then(|cache| cache.encoder(encoder.name)).ok_or_else(absent)
}

/// ImageNet weights of a backbone: a converted encoder, or the published file of EfficientNet-Lite0.
fn encoder(file: &Path, backbone: &BackboneConfig) -> Result<HashMap<String, Tensor>> {
    let fail = |reason: String| Error::Data { file: file.into(), reason };
    let read = load(file)?;
    let converted = read.keys().any(|name| name.starts_with("backbone."));
    if !converted && !matches!(backbone, BackboneConfig::EfficientNetLite(_)) {
        let reason =
            "is no encoder in our names: `kmax convert --to FILE.safetensors` makes one of a checkpoint";
        return Err(fail(reason.into()));
    }
    let params = Params::probe();
    kmax_backbones::build(backbone, &params).map_err(kmax_model::Error::from)?;
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let ours = format!("backbone.{name}");
        let theirs =
            if converted { Some(ours.clone()) } else { kmax_backbones::efficientnet::pretrained_name(&name) };
        let missing = || fail(format!("no tensor for `{ours}`: is it of another backbone?"));
        let tensor = theirs.and_then(|theirs| read.get(&theirs)).ok_or_else(missing)?;
        if tensor.dims() != shape {
            return Err(fail(format!("`{ours}` is {:?}, expected {shape:?}", tensor.dims())));
        }
        Ok((ours, tensor.clone()))
    };
    params.shapes().into_iter().map(tensor).collect()
}

fn load(file: &Path) -> Result<HashMap<String, Tensor>> {
    let fail = |reason: String| Error::Data { file: file.into(), reason };
    let data =
        kmax_base::read::read_file(file, kmax_base::read::MAX_WEIGHTS).map_err(|e| fail(e.to_string()))?;
    candle_core::safetensors::load_buffer(&data, &Device::Cpu).map_err(|e| {
        fail(format!("is no sound safetensors file ({e}); `kmax convert` makes one of other checkpoints"))
    })
}

//! One training step of a whole model.

use super::{Result, Weights};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use kmax_losses::{Criterion, Losses, Match, Segment, Targets};
use kmax_masks::Categories;
use kmax_model::{Config, KMaxDeepLab, Trace};
use kmax_nn::{Mode, Parameter, Params};
use kmax_train::optim::{AdamW, AdamWConfig};
use kmax_train::{TrainConfig, supervised};
use std::collections::{BTreeSet, HashMap};

/// A run as somebody begins it who names a recipe and a published model and says nothing else, and the model that it trains on
/// COCO. What is random in the originals' steps but for their noise is off.
pub fn recipe(recipe: &str, model: &str) -> Result<(TrainConfig, Config)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("run.toml");
    let text = format!(
        "recipe = {recipe:?}\noutput = \"run\"\n[model]\nconfig = {model:?}\n[data]\npath = \"coco\"\n"
    );
    std::fs::write(&file, text)?;
    let run = TrainConfig::read(&file)?;
    let mut config = run.assembled(&Categories::coco_panoptic())?;
    config.network.decoder.drop_path = 0.0;
    Ok((run, config))
}

/// What a step computed before its update.
pub struct Step {
    pub trace: Trace,
    /// What our own matching finds, image after image.
    pub matches: Vec<Vec<Match>>,
    /// With the matching that was given, if one was.
    pub losses: Losses,
    pub gradients: GradStore,
    pub parameters: Vec<Parameter>,
}

/// Forward, losses and backward, without anything random but the given noise; `matching` replaces our own.
pub fn step(
    config: &Config,
    weights: Weights,
    images: &Tensor,
    targets: &[Targets],
    noise: &HashMap<String, Vec<f32>>,
    matching: Option<&[Vec<(usize, usize)>]>,
) -> Result<Step> {
    let count = weights.len();
    let params = Params::trainable(Some(Box::new(weights)), 0, images.dtype(), &Device::Cpu);
    let network = KMaxDeepLab::new(&config.network, &params)?.without_dropout();
    let parameters = params.parameters();
    assert_eq!(parameters.len(), count, "parameters that the weights lack");
    let trace = network.trace(images, &Mode::train(0))?;
    let outputs = supervised(&trace, config.network.resize)?;
    let criterion = Criterion::new(config.losses.clone())?;
    let found = criterion.forward(&outputs, targets, noise)?;
    let (matches, losses) = match matching {
        None => (found.matches[0].clone(), found),
        Some(given) => {
            (found.matches[0].clone(), criterion.forward_matched(&outputs, targets, noise, given)?)
        }
    };
    let gradients = losses.total.backward()?;
    Ok(Step { trace, matches, losses, gradients, parameters })
}

impl Step {
    /// The gradient of a parameter, in float64.
    pub fn gradient(&self, parameter: &Parameter) -> Result<Tensor> {
        let gradient = self.gradients.get(parameter.var.as_tensor());
        Ok(gradient.ok_or_else(|| format!("no gradient of {}", parameter.name))?.to_dtype(DType::F64)?)
    }
}

/// The float32 value of a parameter after one step of an optimizer that has made `steps` with zero moments.
pub fn updated(
    parameter: &Parameter,
    start: &Tensor,
    gradient: &Tensor,
    config: AdamWConfig,
    steps: usize,
    rate: f64,
) -> Result<Tensor> {
    let var = Var::from_tensor(start)?;
    let single = Parameter { name: parameter.name.clone(), var: var.clone(), role: parameter.role };
    let mut optimizer = AdamW::new(vec![single], config)?;
    optimizer.set_steps(steps);
    // A loss that is linear in the parameter has this gradient.
    let loss = (var.as_tensor() * gradient.to_dtype(DType::F32)?)?.sum_all()?;
    optimizer.step(&loss.backward()?, rate)?;
    Ok(var.as_detached_tensor())
}

pub fn norm(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
}

/// One photo's labels as deeplab2's loss reads them.
pub struct Deeplab2Labels<'a> {
    /// Dataset ids, row-major.
    pub semantic: &'a [i64],
    /// Index of the thing of each pixel, or -1.
    pub thing_ids: &'a [i64],
    /// Dataset id of each thing, or -1.
    pub thing_classes: &'a [i64],
    /// Dataset ids in the order of the head's classes; stuff follows things.
    pub order: &'a [i64],
    /// Stuff classes.
    pub stuff: usize,
    pub size: [usize; 2],
}

/// Segment ids for stuff and crowds, beyond those of things.
const STUFF: u32 = 1000;
const CROWD: u32 = 2000;

impl Deeplab2Labels<'_> {
    /// Targets at the resolution of the mask logits, and the ground-truth row in deeplab2's list of each target.
    pub fn targets(&self, [rows, columns]: [usize; 2]) -> Result<(Targets, Vec<usize>)> {
        let [height, width] = self.size;
        let (step, things) = ((height - 1) / (rows - 1), self.thing_classes.len());
        let stuff_start = self.order.len() - self.stuff;
        let index = |id: i64| self.order.iter().position(|known| *known == id);
        let ids: Vec<u32> = self
            .semantic
            .iter()
            .zip(self.thing_ids)
            .map(|(label, thing)| match (index(*label), *thing) {
                (_, thing) if thing >= 0 => thing as u32,
                (Some(class), _) if class >= stuff_start => STUFF + class as u32,
                (Some(class), _) => CROWD + class as u32,
                (None, _) => u32::MAX,
            })
            .collect();
        let mut segments = Vec::new();
        for (id, class) in self.thing_classes.iter().enumerate().filter(|(_, class)| **class >= 0) {
            let label = index(*class).ok_or("a class that is not the head's")? as u32;
            segments.push(Segment { id: id as u32, label, thing: true, crowd: false });
        }
        for class in 0..self.order.len() as u32 {
            let thing = (class as usize) < stuff_start;
            let base = if thing { CROWD } else { STUFF };
            segments.push(Segment { id: base + class, label: class, thing, crowd: thing });
        }
        let kept: BTreeSet<u32> =
            (0..rows * columns).map(|i| ids[(i / columns) * step * width + (i % columns) * step]).collect();
        let row_of = kept.iter().filter_map(|id| match *id {
            id if (id as usize) < things => Some(id as usize),
            id if (STUFF..CROWD).contains(&id) => Some(things + id as usize - STUFF as usize - stuff_start),
            _ => None,
        });
        let row_of = row_of.collect();
        Ok((Targets::from_ids(&ids, self.size, &segments, [rows, columns])?, row_of))
    }
}

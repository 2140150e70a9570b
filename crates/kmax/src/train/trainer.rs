//! A training run.

use super::batch;
use super::log::Log;
use super::{Checkpoint, Error, Evaluation, Observer, Result, StepReport, TrainConfig};
use crate::{Config, KMaxDeepLab, Parsed};
use candle_core::{DType, Device, Tensor};
use kmax_backbones::BackboneConfig;
use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::loader::{Loader, LoaderConfig, RepeatFactors, TrainingSet};
use kmax_losses::{Criterion, Losses};
use kmax_nn::optim::{AdamW, Schedule};
use kmax_nn::{Mode, Params, TensorSource};
use kmax_transforms::train::{TrainTransform, TrainingExample};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A run: the network, its optimizer and the data, at some step.
pub struct Trainer {
    config: TrainConfig,
    model: Config,
    network: KMaxDeepLab,
    optimizer: AdamW,
    schedule: Schedule,
    criterion: Criterion,
    train: Arc<TrainingSet>,
    val: CocoPanoptic,
    device: Device,
    warnings: Vec<String>,
    step: usize,
}

impl Trainer {
    /// Sets a run up on the CPU: opens the data, builds the network, reads the weights it starts from.
    ///
    /// # Errors
    /// If a file is missing or damaged, or the model and the data do not have the same categories.
    pub fn new(config: TrainConfig) -> Result<Self> {
        Self::on(config, Device::Cpu)
    }

    /// As [`Self::new`], on a device.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn on(config: TrainConfig, device: Device) -> Result<Self> {
        let open =
            |split: &super::SplitConfig| CocoPanoptic::open(&split.json, &split.images, &split.panoptic);
        let (train, val) = (open(&config.data.train)?, open(&config.data.val)?);
        let Parsed { value: model, warnings } = Config::named(&config.model.config)?;
        for (split, dataset) in [(&config.data.train, &train), (&config.data.val, &val)] {
            same_categories(&model, dataset, &split.json)?;
        }
        let [height, width] = config.augment.crop;
        let transform = TrainTransform {
            crop: [height, width],
            scale: config.augment.scale,
            flip: config.augment.flip,
            jitter: config.augment.jitter,
            pad: 0.0,
        };
        transform.check().map_err(kmax_datasets::Error::from)?;
        let source = first_weights(&config, &model)?;
        let params = Params::trainable(source, config.seed, DType::F32, &device);
        let mut network = KMaxDeepLab::new(&model.network, &params)?;
        if config.schedule.backbone_multiplier == 0.0 {
            network = network.with_resting_backbone();
        }
        let optimizer = AdamW::new(params.parameters(), config.schedule.optimizer())?;
        let criterion = Criterion::new(model.losses.clone())?;
        let train = Arc::new(TrainingSet { dataset: train, transform });
        let schedule = config.schedule.learning_rates();
        Ok(Self {
            config,
            model,
            network,
            optimizer,
            schedule,
            criterion,
            train,
            val,
            device,
            warnings,
            step: 0,
        })
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    /// The run's settings.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Names of the fields in the model's configuration that mean nothing here.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The averaged weights, or the weights themselves if no average is kept, in our names.
    ///
    /// # Errors
    /// If the device fails.
    pub fn weights(&self) -> Result<HashMap<String, Tensor>> {
        Ok(self.optimizer.averaged()?)
    }

    /// Continues from the newest checkpoint in the output folder, if there is one. The run then goes on as if it had
    /// not stopped, bit for bit on the same machine.
    ///
    /// # Errors
    /// If it is damaged, or was written under other settings.
    pub fn resume(&mut self) -> Result<Option<PathBuf>> {
        let Some(file) = Checkpoint::list(&self.config.output).pop() else { return Ok(None) };
        let fail = |reason: String| Error::Checkpoint { file: file.clone(), reason };
        let checkpoint = Checkpoint::read(&file)?;
        if checkpoint.digest != self.digest() {
            let reason = "it was written under other settings: change them back, use another output folder, or start fresh";
            return Err(fail(reason.into()));
        }
        self.restore(&checkpoint).map_err(|error| fail(error.to_string()))?;
        Ok(Some(file))
    }

    /// Goes on to the last step, or until the observer says stop. Gives the trained model's folder at the end.
    ///
    /// # Errors
    /// If a photo cannot be read, the loss is no longer a number, or a result cannot be written.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Option<PathBuf>> {
        let steps = self.config.schedule.steps;
        let settings = LoaderConfig {
            batch: self.config.schedule.batch,
            workers: self.config.data.workers,
            seed: self.config.seed,
            repeat: self.repeat_factors()?,
            ..LoaderConfig::default()
        };
        let start = settings.position_after(self.train.dataset.len(), self.step);
        let mut loader = Loader::new(self.train.clone(), settings, start)?;
        let mut log = Log::open(&self.config.output, self.step)?;
        let mut measured = None;
        while self.step < steps {
            let Some(batch) = loader.next() else { break };
            let report = self.step(&batch?.examples)?;
            log.step(&report)?;
            observer.step(&report);
            let stop = observer.stop();
            let checkpoints = &self.config.checkpoints;
            let due = self.step.is_multiple_of(checkpoints.every);
            let (keep, measure) = (checkpoints.keep, checkpoints.evaluate_every);
            if due || stop || self.step == steps {
                observer.saved(&self.save()?);
                Checkpoint::prune(&self.config.output, keep);
            }
            if stop && self.step < steps {
                return Ok(None);
            }
            if self.step == steps || (measure > 0 && self.step.is_multiple_of(measure)) {
                let evaluation = self.evaluate(observer)?;
                log.evaluation(&evaluation)?;
                observer.evaluated(&evaluation);
                measured = Some(evaluation);
            }
        }
        let folder = self.config.output.join("model");
        super::export::export(&folder, &self.config, &self.model, self.weights()?, measured.as_ref())?;
        Ok(Some(folder))
    }

    fn repeat_factors(&self) -> Result<Option<RepeatFactors>> {
        let threshold = self.config.data.repeat_threshold;
        if threshold == 0.0 {
            return Ok(None);
        }
        let entries = self.train.dataset.entries();
        let classes = entries.map(|(_, shown)| shown.segments_info.iter().map(|s| s.category_id).collect());
        Ok(Some(RepeatFactors::new(&classes.collect::<Vec<_>>(), threshold)?))
    }

    /// One optimizer step on `examples`.
    ///
    /// # Errors
    /// If the shapes do not fit or the loss is no longer a number.
    pub fn step(&mut self, examples: &[TrainingExample]) -> Result<StepReport> {
        // On a thread of the pool: it takes part in the kernels, where one outside would fall asleep and be woken for each.
        rayon::scope(|_| self.step_here(examples))
    }

    fn step_here(&mut self, examples: &[TrainingExample]) -> Result<StepReport> {
        // Each step has a generator of its own, so that nothing but the step's number needs to be remembered.
        let mode = Mode::train(self.config.seed ^ (self.step as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .recomputing(self.config.recompute);
        let losses = self.losses(examples, &mode)?;
        if !losses.value.is_finite() {
            return Err(Error::Diverged { step: self.step, loss: losses.value });
        }
        let gradients = losses.total.backward()?;
        let learning_rate = self.schedule.rate(self.step);
        let norm = self.optimizer.step(&gradients, learning_rate)?;
        self.step += 1;
        Ok(StepReport {
            step: self.step,
            loss: losses.value,
            terms: summed(&losses),
            learning_rate,
            gradient_norm: Some(norm),
            images: examples.len(),
        })
    }

    fn losses(&self, examples: &[TrainingExample], mode: &Mode) -> Result<Losses> {
        let images = batch::images(examples, self.model.network.backbone.normalization(), &self.device)?;
        let trace = self.network.trace(&images, mode)?;
        let outputs = super::outputs::supervised(&trace, self.model.network.resize)?;
        let (_, _, height, width) = outputs.last.mask_logits.dims4()?;
        let targets = batch::targets(examples, &self.model.categories, [height, width])?;
        Ok(self.criterion.forward(&outputs, &targets, mode)?)
    }

    fn save(&self) -> Result<PathBuf> {
        let mut tensors: HashMap<_, _> = self.optimizer.state()?.into_iter().collect();
        for (parameter, _) in self.optimizer.groups() {
            tensors.insert(format!("model.{}", parameter.name), parameter.var.as_tensor().detach());
        }
        Checkpoint { step: self.step, digest: self.digest(), tensors }.write(&self.config.output)
    }

    /// Takes a checkpoint's weights and optimizer state; nothing is changed if one of them is missing or misshapen.
    fn restore(&mut self, checkpoint: &Checkpoint) -> kmax_nn::Result<()> {
        let weights = checkpoint.under("model");
        let found = self.optimizer.groups().map(|(parameter, _)| {
            let (name, expected) = (parameter.name.clone(), parameter.var.dims().to_vec());
            match weights.get(&name) {
                None => Err(kmax_nn::Error::MissingTensor { name, expected }),
                Some(tensor) if tensor.dims() != expected => {
                    Err(kmax_nn::Error::WrongShape { name, expected, found: tensor.dims().to_vec() })
                }
                Some(tensor) => Ok((parameter.var.clone(), tensor.to_device(parameter.var.device())?)),
            }
        });
        let found = found.collect::<kmax_nn::Result<Vec<_>>>()?;
        self.optimizer.restore(&checkpoint.tensors, checkpoint.step)?;
        for (var, tensor) in found {
            var.set(&tensor)?;
        }
        self.step = checkpoint.step;
        Ok(())
    }

    fn evaluate(&self, observer: &mut dyn Observer) -> Result<Evaluation> {
        super::evaluate::evaluate(&self.model, self.weights()?, &self.val, &self.device, self.step, observer)
    }

    /// Settings that decide the course of a run; where it is written and how often it is looked at do not.
    fn digest(&self) -> String {
        let decisive = (
            self.config.seed,
            &self.config.model,
            (&self.config.data.train, self.config.data.repeat_threshold),
            &self.config.augment,
            &self.config.schedule,
            &self.model.network,
            &self.model.losses,
        );
        let text = serde_json::to_string(&decisive).unwrap_or_default();
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn same_categories(model: &Config, dataset: &CocoPanoptic, json: &Path) -> Result<()> {
    let key = |c: &kmax_masks::Category| (c.id, c.isthing);
    let theirs: Vec<_> = dataset.categories().iter().map(key).collect();
    let ours: Vec<_> = model.categories.iter().map(key).collect();
    if let Some((id, _)) = theirs.iter().find(|c| !ours.contains(c)) {
        let reason = format!("category {id} is not the model's, or a thing in one and stuff in the other");
        return Err(Error::Data { file: json.into(), reason });
    }
    Ok(())
}

/// The weights a run starts from, in our names.
fn first_weights(config: &TrainConfig, model: &Config) -> Result<Option<Box<dyn TensorSource>>> {
    let mut weights: HashMap<String, Tensor> = HashMap::new();
    if let Some(file) = &config.model.backbone_weights {
        weights.extend(encoder_weights(file, &model.network.backbone)?);
    }
    if let Some(file) = &config.model.weights {
        let read = load(file)?;
        // A run's checkpoint holds the averaged weights beside the last ones, a model's file nothing else.
        let under = |prefix: &str| -> HashMap<String, Tensor> {
            let named = |(name, tensor): (&String, &Tensor)| {
                Some((name.strip_prefix(prefix)?.into(), tensor.clone()))
            };
            read.iter().filter_map(named).collect()
        };
        let found = ["ema.", "model."].into_iter().map(under).find(|found| !found.is_empty());
        weights.extend(found.unwrap_or(read));
    }
    Ok(if weights.is_empty() { None } else { Some(Box::new(weights)) })
}

/// ImageNet weights of a backbone: a converted encoder, or the published file of EfficientNet-Lite0.
fn encoder_weights(file: &Path, backbone: &BackboneConfig) -> Result<HashMap<String, Tensor>> {
    let fail = |reason: String| Error::Data { file: file.into(), reason };
    let read = load(file)?;
    let converted = read.keys().any(|name| name.starts_with("backbone."));
    if !converted && !matches!(backbone, BackboneConfig::EfficientNetLite(_)) {
        let reason =
            "is no encoder in our names: `kmax convert --to FILE.safetensors` makes one of a checkpoint";
        return Err(fail(reason.into()));
    }
    let params = Params::probe();
    kmax_backbones::build(backbone, &params).map_err(crate::Error::from)?;
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let ours = format!("backbone.{name}");
        let theirs = match converted {
            true => Some(ours.clone()),
            false => kmax_backbones::efficientnet::pretrained_name(&name),
        };
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
    let data = std::fs::read(file).map_err(|e| fail(e.to_string()))?;
    candle_core::safetensors::load_buffer(&data, &Device::Cpu).map_err(|e| {
        fail(format!("is no sound safetensors file ({e}); `kmax convert` makes one of other checkpoints"))
    })
}

/// The terms, weighted, summed over the decoder's layers.
fn summed(losses: &Losses) -> Vec<(String, f64)> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    for term in &losses.terms {
        let name = term.name.split('_').next().unwrap_or(&term.name);
        let value = term.mean() * term.weight;
        match sums.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += value,
            None => sums.push((name.to_string(), value)),
        }
    }
    sums
}

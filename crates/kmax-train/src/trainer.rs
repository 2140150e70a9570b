//! A training run.

use crate::batch;
use crate::checkpoint::Checkpoint;
use crate::config::{ScheduleConfig, TrainConfig};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::folder::Held;
use crate::log::Log;
use crate::model::{self, Assembled};
use crate::observer::{Evaluation, Observer, StepReport};
use crate::optim::{AdamW, Gradients, Schedule};
use crate::start::Start;
use candle_core::{DType, Device, Tensor, Var};
use kmax_base::ErrorKind;
use kmax_base::read::check_memory;
use kmax_datasets::Annotated;
use kmax_datasets::loader::{Examples, Loader, LoaderConfig, RepeatFactors, Share, TrainingSet};
use kmax_losses::{Criterion, Losses};
use kmax_model::{Config, KMaxDeepLab};
use kmax_nn::{Mode, Params, Ranks, Role};
use kmax_report::run::Photo;
use kmax_transforms::Draw;
use kmax_transforms::train::TrainingExample;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
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
    val: Arc<dyn Annotated>,
    device: Device,
    /// The processes that train together.
    ranks: Ranks,
    notes: Vec<String>,
    /// Digest of the training split's labels.
    labels: String,
    step: usize,
    /// The command that the run's page shows.
    command: String,
    /// What the run's page warns of, and the photos of the last measurement.
    warnings: Vec<String>,
    photos: Vec<Photo>,
    /// The last measurement; the first rank's alone.
    measured: Option<Evaluation>,
}

impl Trainer {
    /// Sets a run up on the CPU: opens the data, builds the network, reads the weights it starts from.
    ///
    /// # Errors
    /// If a file is missing or damaged, or what is asked for cannot work.
    pub fn new(config: TrainConfig) -> Result<Self> {
        Self::on(config, Device::Cpu)
    }

    /// As [`Self::new`], on a device, such as [`training_device`](crate::training_device) opens.
    ///
    /// # Errors
    /// As [`Self::new`], and if the device cannot train.
    pub fn on(config: TrainConfig, device: Device) -> Result<Self> {
        let data = Data::open(&config.data)?;
        Self::of(config, data, device)
    }

    /// Of data that was opened.
    pub(crate) fn of(config: TrainConfig, data: Data, device: Device) -> Result<Self> {
        crate::device::check(kmax_nn::device::place(&device))?;
        let Data { train, val, mut notes } = data;
        let labels = train.digest()?;
        let Assembled { config: model, notes: of_model } = model::assemble(&config, train.categories())?;
        notes.extend(of_model);
        let augmentation = config.augment.augmentation(config.recipe, train.categories());
        augmentation.check()?;
        let start = Start::read(&config, &model)?;
        let params = Params::trainable(start.source(), config.seed, DType::F32, &device);
        let mut network = KMaxDeepLab::new(&model.network, &params)?;
        notes.extend(start.finish(&params.parameters())?);
        if config.schedule.backbone_multiplier == 0.0 {
            network = network.with_frozen_backbone();
        }
        let optimizer = AdamW::new(params.parameters(), config.schedule.optimizer(config.recipe))?;
        let criterion = Criterion::new(model.losses.clone())?;
        let train = Arc::new(TrainingSet { dataset: train, augmentation });
        let schedule = config.schedule.learning_rates(config.recipe);
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
            ranks: Ranks::single(),
            notes,
            labels,
            step: 0,
            command: "kmax train".into(),
            warnings: Vec::new(),
            photos: Vec::new(),
            measured: None,
        })
    }

    /// The same with the command that the page of the run shows.
    #[must_use]
    pub fn with_command(self, command: impl Into<String>) -> Self {
        Self { command: command.into(), ..self }
    }

    /// The same as one of several processes that share each batch. All have the same settings; the first alone writes.
    ///
    /// After an error of one rank the others wait for it for ever: whoever started them has to end them.
    ///
    /// # Errors
    /// If the ranks cannot share a batch equally.
    pub fn with_ranks(self, ranks: Ranks) -> Result<Self> {
        let (batch, parts, size) =
            (self.config.schedule.batch, self.config.schedule.accumulate, ranks.size());
        if !batch.is_multiple_of(parts * size) {
            let parts = if parts == 1 { String::new() } else { format!(" in {parts} parts (--accumulate)") };
            return Err(Error::Setting(format!(
                "a batch of {batch} (--batch) cannot be shared equally among {size} processes{parts}"
            )));
        }
        Ok(Self { ranks, ..self })
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    /// The run's settings.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// What was decided on the way, a line each: classes, sizes, and how much of the initial weights fitted.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The model that is trained: its classes are the dataset's.
    pub fn model(&self) -> &Config {
        &self.model
    }

    /// The averaged weights, or the weights themselves if no average is kept, in our names.
    ///
    /// # Errors
    /// If the device fails.
    pub fn weights(&self) -> Result<HashMap<String, Tensor>> {
        Ok(self.optimizer.averaged()?)
    }

    /// Continues from the newest checkpoint in the output folder that can be read, if there is one. The run then goes on as if
    /// it had not stopped, bit for bit on the same machine.
    ///
    /// # Errors
    /// If all are damaged, or it was written under other settings.
    pub fn resume(&mut self) -> Result<Option<PathBuf>> {
        let mut damaged = None;
        for file in Checkpoint::list(&self.config.output).into_iter().rev() {
            let checkpoint = match Checkpoint::read(&file) {
                Ok(checkpoint) => checkpoint,
                // An older one is better than none; if there is none, this is what has to be said.
                Err(error) => {
                    self.notes.push(format!("warning: {error}; taking the one before"));
                    damaged.get_or_insert(error);
                    continue;
                }
            };
            if checkpoint.digest != self.digest() {
                let reason = "it was written under other settings: change them back, use another output folder, or start fresh";
                return Err(Error::checkpoint(&file, ErrorKind::Incompatible, reason));
            }
            let restored = self.restore(&checkpoint);
            restored.map_err(|error| Error::checkpoint(&file, ErrorKind::Incompatible, error))?;
            let (before, now) = (checkpoint.planned, self.config.schedule.steps);
            if before != 0 && before != now {
                self.notes.push(format!(
                    "the run was planned for {before} steps and goes on to {now}: the learning rate follows the new plan"
                ));
            }
            return Ok(Some(file));
        }
        damaged.map_or(Ok(None), Err)
    }

    /// Goes on to the last step, or until the observer says stop. Gives the trained model's folder at the end.
    ///
    /// # Errors
    /// If an image cannot be read, the loss is no longer a number, or a result cannot be written.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Option<PathBuf>> {
        self.ranks = self.ranks.clone().stopped_by(observer.stop());
        let first = self.ranks.is_first();
        let _held = first.then(|| Held::new(&self.config.output)).transpose()?;
        self.agree()?;
        let steps = self.config.schedule.steps;
        let settings = LoaderConfig {
            batch: self.config.schedule.batch,
            share: Share {
                rank: self.ranks.rank(),
                ranks: self.ranks.size(),
                parts: self.config.schedule.accumulate,
            },
            workers: self.config.data.workers,
            seed: self.config.seed,
            repeat: self.repeat_factors()?,
            ..LoaderConfig::default()
        };
        self.check_memory(&settings)?;
        let start = settings.position_after(self.train.dataset.len(), self.step);
        let mut loader = Loader::new(self.train.clone(), settings, start)?;
        let log = || Log::open(&self.config.output, self.step, self.step == steps);
        let mut log = first.then(log).transpose()?;
        let mut saved = self.step;
        while self.step < steps {
            let Some(batch) = loader.next() else { break };
            let report = batch.map_err(Error::from).and_then(|batch| self.step_or_stop(&batch.examples));
            if self.step > saved && report.as_ref().is_err_and(Error::leaves_the_weights) {
                // What was learnt is kept: with the file mended, the run goes on from here.
                self.save_and_tell(observer)?;
            }
            let Some(report) = report? else {
                self.save_and_tell(observer)?;
                return Ok(None);
            };
            log.iter_mut().try_for_each(|log| log.step(&report))?;
            observer.step(&report);
            let stop = self.ranks.any(observer.progress().cancelled())?;
            let checkpoints = &self.config.checkpoints;
            let due = self.step.is_multiple_of(checkpoints.every);
            let measure = checkpoints.evaluate_every;
            if due || stop || self.step == steps {
                self.save_and_tell(observer)?;
                saved = self.step;
            }
            if stop && self.step < steps {
                return Ok(None);
            }
            let measuring = self.step < steps && measure > 0 && self.step.is_multiple_of(measure);
            if measuring && !self.measure(log.as_mut(), observer)? {
                return Ok(None);
            }
        }
        // Outside the loop: a run that was stopped in its last measurement makes it when it goes on.
        if !self.measure(log.as_mut(), observer)? {
            return Ok(None);
        }
        let folder = self.config.output.join("model");
        if let Some(measured) = &self.measured {
            crate::export::export(&folder, &self.config, &self.model, self.weights()?, measured)?;
        }
        Ok(Some(folder))
    }

    /// Refuses what cannot begin: the photos that wait for their step need memory however small the network is.
    fn check_memory(&self, settings: &LoaderConfig) -> Result<()> {
        // Three channels and a label, of four bytes each.
        let photo = self
            .config
            .augment
            .crop
            .iter()
            .fold(16, |bytes: u64, length| bytes.saturating_mul(*length as u64));
        let photos = (settings.batch / self.ranks.size()).saturating_mul(settings.ahead + 1);
        check_memory(photo.saturating_mul(photos as u64)).map_err(|source| {
            let [height, width] = self.config.augment.crop;
            Error::Memory { what: format!("{photos} crops of {height} x {width} pixels at a time"), source }
        })
    }

    /// Writes a checkpoint and the page, if this is the rank that writes.
    fn save_and_tell(&self, observer: &mut dyn Observer) -> Result<()> {
        if self.ranks.is_first() {
            observer.saved(&self.save()?);
            Checkpoint::prune(&self.config.output, self.config.checkpoints.keep);
            self.report()?;
        }
        Ok(())
    }

    /// All ranks begin with the same step, settings, data and weights, and with the same kernels, which may round otherwise.
    fn agree(&self) -> Result<()> {
        if self.ranks.size() == 1 {
            return Ok(());
        }
        let mut weights = Sha256::new();
        for (parameter, _) in self.optimizer.groups() {
            for value in parameter.var.as_tensor().flatten_all()?.to_vec1::<f32>()? {
                weights.update(value.to_le_bytes());
            }
        }
        let kernels = Sha256::digest(kmax_kernels::kernels());
        // Four bytes of each fit a float64.
        let short =
            |digest: &[u8]| digest.iter().take(4).fold(0.0, |sum, byte| 256.0 * sum + f64::from(*byte));
        let whole = Sha256::digest(self.digest());
        let own = [self.step as f64, short(&whole), short(&weights.finalize()), short(&kernels)];
        let all = self.ranks.gather(&own)?;
        for (rank, row) in all.chunks_exact(own.len()).enumerate() {
            let what = ["another step", "other settings or labels", "other weights", "another processor"];
            if let Some((_, what)) = row.iter().zip(&all).zip(what).find(|((a, b), _)| a != b) {
                return Err(Error::Setting(format!(
                    "rank {rank} begins with {what} than rank 0: every process needs the same program, files and kind of machine"
                )));
            }
        }
        Ok(())
    }

    /// Examples of the first `count` images, augmented as in the first epoch.
    ///
    /// # Errors
    /// If an image cannot be read, or there are not as many.
    pub fn examples(&self, count: usize) -> Result<Vec<TrainingExample>> {
        let draw = |index| Draw { seed: self.config.seed, epoch: 0, index, copy: 0 };
        let made: kmax_datasets::Result<_> =
            (0..count as u64).map(|index| self.train.example(draw(index))).collect();
        Ok(made?)
    }

    fn repeat_factors(&self) -> Result<Option<RepeatFactors>> {
        let threshold = self.config.data.repeat_threshold;
        if threshold == 0.0 {
            return Ok(None);
        }
        let dataset = &self.train.dataset;
        let classes: kmax_datasets::Result<Vec<_>> =
            (0..dataset.len()).map(|image| dataset.classes(image)).collect();
        Ok(Some(RepeatFactors::new(&classes?, threshold)?))
    }

    /// One optimizer step on `examples`, which are this rank's share of the batch.
    ///
    /// # Errors
    /// If the shapes do not fit or the loss is no longer a number.
    pub fn step(&mut self, examples: &[TrainingExample]) -> Result<StepReport> {
        // A device is asked by one thread.
        if !self.device.is_cpu() {
            return self.step_here(examples);
        }
        // On a thread of the pool: it takes part in the kernels, where one outside would fall asleep and be woken for each.
        rayon::scope(|_| self.step_here(examples))
    }

    /// As [`Self::step`]; `None`, and everything as before, if it was stopped on the way.
    fn step_or_stop(&mut self, examples: &[TrainingExample]) -> Result<Option<StepReport>> {
        // The forward pass moves the running statistics; nothing else changes before the last meeting.
        let statistics = self.optimizer.groups().filter(|(parameter, _)| parameter.role == Role::Statistic);
        let copy = |var: &Var| Ok((var.clone(), var.as_tensor().copy()?));
        let before = statistics.map(|(parameter, _)| copy(&parameter.var)).collect::<Result<Vec<_>>>()?;
        match self.step(examples) {
            Err(error) => {
                before.iter().try_for_each(|(var, value)| var.set(value))?;
                if self.ranks.have_stopped() { Ok(None) } else { Err(error) }
            }
            Ok(report) => Ok(Some(report)),
        }
    }

    fn step_here(&mut self, examples: &[TrainingExample]) -> Result<StepReport> {
        let images = examples.len() * self.ranks.size();
        let parts = self.config.schedule.accumulate.min(examples.len()).max(1);
        let mut sum: Option<Gradients> = None;
        let (mut loss, mut terms) = (0.0, Vec::new());
        for (number, part) in examples.chunks(examples.len().div_ceil(parts)).enumerate() {
            // Each part of each step has a generator of its own, so that nothing but the step's number needs to be remembered.
            let seed =
                self.config.seed ^ ((self.step * parts + number) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mode = Mode::train(seed)
                .across(self.ranks.clone())
                .recomputing(self.config.recompute)
                .dropping_queries(self.config.model.drop_queries);
            let losses = self.losses(part, &mode)?;
            let (value, found) = self.means(&losses)?;
            if !value.is_finite() {
                return Err(Error::Diverged { step: self.step, loss: value });
            }
            // The loss is a mean over images: the whole batch's is that of its parts, by their share of the images.
            let share = part.len() as f64 / images as f64;
            let total = if share == 1.0 { losses.total.clone() } else { losses.total.affine(share, 0.0)? };
            let gradients = self.optimizer.gradients(&total.backward()?)?;
            sum = Some(match sum {
                None => gradients,
                Some(sum) => sum.plus(gradients)?,
            });
            let share = part.len() as f64 / examples.len() as f64;
            loss += share * value;
            add_terms(&mut terms, &losses, &found, share);
        }
        let learning_rate = self.schedule.rate(self.step);
        let Some(sum) = sum else { return Err(Error::Setting("a batch without images".into())) };
        let norm = self.optimizer.update(sum.across(&self.ranks)?, learning_rate)?;
        self.step += 1;
        Ok(StepReport { step: self.step, loss, terms, learning_rate, gradient_norm: Some(norm), images })
    }

    /// The loss and its weighted terms over the images of all ranks.
    fn means(&self, losses: &Losses) -> Result<(f64, Vec<f64>)> {
        let terms = losses.terms.iter().map(|term| term.mean() * term.weight);
        let mut own: Vec<f64> = terms.chain([losses.value]).collect();
        self.ranks.sum(&mut own).map_err(kmax_nn::Error::from)?;
        own.iter_mut().for_each(|sum| *sum /= self.ranks.size() as f64);
        Ok((own.pop().unwrap_or_default(), own))
    }

    fn losses(&self, examples: &[TrainingExample], mode: &Mode) -> Result<Losses> {
        let images = batch::images(examples, &self.model.preprocess, &self.device)?;
        let trace = self.network.trace(&images, mode)?;
        let outputs = crate::outputs::supervised(&trace, self.model.network.resize)?;
        let (_, _, height, width) = outputs.last.mask_logits.dims4()?;
        let targets = batch::targets(examples, &self.model.categories, [height, width])?;
        Ok(self.criterion.forward(&outputs, &targets, mode)?)
    }

    fn save(&self) -> Result<PathBuf> {
        let mut tensors: HashMap<_, _> = self.optimizer.state()?.into_iter().collect();
        for (parameter, _) in self.optimizer.groups() {
            tensors.insert(format!("model.{}", parameter.name), parameter.var.as_tensor().detach());
        }
        let classes = self.model.categories.iter().map(|category| category.name.clone()).collect();
        let (step, planned, digest) = (self.step, self.config.schedule.steps, self.digest());
        Checkpoint { step, planned, digest, classes, tensors }.write(&self.config.output)
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

    /// Measures, logs and tells on the first rank; the others wait. Whether it was not stopped.
    fn measure(&mut self, log: Option<&mut Log>, observer: &mut dyn Observer) -> Result<bool> {
        self.measured = None;
        if let Some(log) = log {
            self.measured = self.measure_here(log, observer)?;
        }
        Ok(!self.ranks.any(self.ranks.is_first() && self.measured.is_none())?)
    }

    fn measure_here(&mut self, log: &mut Log, observer: &mut dyn Observer) -> Result<Option<Evaluation>> {
        let (model, weights) = (&self.model, self.weights()?);
        let progress = observer.progress();
        let found = crate::evaluate::evaluate(model, weights, &*self.val, &self.device, self.step, progress)?;
        let Some(found) = found else { return Ok(None) };
        self.photos = found.photos;
        self.warnings.clear();
        if found.empty == found.images {
            let warning = format!(
                "after {} steps nothing at all is predicted in any of the {} validation images. In the beginning that is usual; \
                 later the learning rate may be too high or too low, the labels may be empty or of other photos \
                 (`kmax dataset show`), or the classes too rare for so few steps",
                self.step, found.images
            );
            observer.warned(&warning);
            self.warnings.push(warning);
        }
        log.evaluation(&found.evaluation)?;
        observer.evaluated(&found.evaluation);
        self.report()?;
        Ok(Some(found.evaluation))
    }

    fn report(&self) -> Result<()> {
        crate::report::write(&self.config, &self.command, &self.warnings, &self.photos)
    }

    /// Settings that decide the course of a run; where it is written and how often it is looked at do not.
    fn digest(&self) -> String {
        // What the labels say, and not where they lie. A resumed run has no use for what it began with.
        // More or fewer steps are another end of the same run.
        let schedule = ScheduleConfig { steps: 0, ..self.config.schedule.clone() };
        let decisive = (
            (self.config.seed, self.config.recipe, self.config.model.drop_queries),
            (&self.labels, self.config.data.repeat_threshold),
            &self.config.augment,
            &schedule,
            (&self.model.network, &self.model.losses, &self.model.categories, &self.model.preprocess),
        );
        let text = serde_json::to_string(&decisive).unwrap_or_default();
        hex(text.as_bytes())
    }
}

/// Adds the terms' weighted `means`, summed over the decoder's layers, by `share`.
fn add_terms(sums: &mut Vec<(String, f64)>, losses: &Losses, means: &[f64], share: f64) {
    for (term, mean) in losses.terms.iter().zip(means) {
        let name = term.name.split('_').next().unwrap_or(&term.name);
        let value = share * mean;
        match sums.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += value,
            None => sums.push((name.to_string(), value)),
        }
    }
}

/// SHA-256 as text.
fn hex(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

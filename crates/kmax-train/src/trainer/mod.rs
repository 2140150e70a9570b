//! A training run.

mod agree;
mod keep;
mod measure;
mod step;

use crate::checkpoint::Checkpoint;
use crate::config::TrainConfig;
use crate::data::Data;
use crate::error::{Error, Result};
use crate::folder::Held;
use crate::log::Log;
use crate::model::{self, Assembled};
use crate::observer::{Evaluation, Observer};
use crate::optim::{AdamW, Schedule};
use crate::start::Start;
use candle_core::{DType, Device, Tensor};
use kmax_base::read::check_memory;
use kmax_datasets::Annotated;
use kmax_datasets::loader::{Examples, Loader, LoaderConfig, RepeatFactors, Share, TrainingSet};
use kmax_losses::Criterion;
use kmax_model::{Config, KMaxDeepLab};
use kmax_nn::{Params, Ranks};
use kmax_report::run::Photo;
use kmax_transforms::Draw;
use kmax_transforms::train::TrainingExample;
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
}

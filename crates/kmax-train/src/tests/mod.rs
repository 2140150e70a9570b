//! Where a run starts; and a run that was stopped and resumed is the run that was not, bit for bit.

mod door;
mod fixture;
mod model;
mod ranks;
mod runs;

use super::*;
use candle_core::{DType, Device, Tensor};
use fixture::{draw, tiny};
use kmax_base::Progress;
use kmax_losses::LossConfig;
use kmax_masks::{Categories, Category};
use kmax_model::{Config, PreprocessConfig};
use kmax_nn::Params;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

type Anyhow = std::result::Result<(), Box<dyn std::error::Error>>;

fn settings(folder: &Path, output: &str) -> TrainConfig {
    let split =
        SplitConfig { json: folder.join("panoptic.json"), images: folder.into(), panoptic: folder.into() };
    TrainConfig {
        seed: 11,
        output: folder.join(output),
        recipe: Recipe::Small,
        recompute: false,
        model: ModelSource {
            config: folder.join("config.json").display().to_string(),
            input: None,
            weights: None,
            backbone_weights: None,
            queries: None,
            drop_queries: 0.0,
            drop_path: None,
        },
        data: DataConfig {
            train: Some(split.clone()),
            val: Some(split),
            workers: 2,
            repeat_threshold: 1.0,
            ..DataConfig::default()
        },
        augment: AugmentConfig { crop: [33, 33], ..AugmentConfig::default() },
        schedule: ScheduleConfig {
            steps: 100,
            batch: 2,
            accumulate: 1,
            learning_rate: 1e-2,
            warmup: 2,
            power: 0.9,
            weight_decay: 0.05,
            backbone_multiplier: 0.5,
            clip_norm: 1.0,
            ema: 0.9,
        },
        export: ExportConfig::default(),
        checkpoints: CheckpointConfig { every: 1000, keep: 2, evaluate_every: 0 },
    }
}

/// Stops a run after some steps, and remembers the losses.
struct Until(usize, Vec<f64>);

impl Progress for Until {
    fn cancelled(&self) -> bool {
        self.1.len() >= self.0
    }
}

impl Observer for Until {
    fn step(&mut self, report: &StepReport) {
        self.1.push(report.loss);
    }

    fn progress(&self) -> &dyn Progress {
        self
    }
}

/// Values of each tensor, as bits.
type Bits = BTreeMap<String, Vec<u32>>;

/// Trains for `steps` more, and gives the losses and all that the checkpoint holds, as bits.
fn run(config: TrainConfig, steps: usize) -> std::result::Result<(Vec<f64>, Bits), Error> {
    let output = config.output.clone();
    let mut trainer = Trainer::new(config)?;
    trainer.resume()?;
    let mut until = Until(steps, Vec::new());
    assert!(trainer.run(&mut until)?.is_none(), "the run came to its end");
    let newest = Checkpoint::list(&output).pop().expect("a checkpoint");
    let tensors = Checkpoint::read(&newest)?.tensors.into_iter();
    let bits = tensors.map(|(name, tensor)| {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        Ok((name, values.iter().map(|value| value.to_bits()).collect()))
    });
    Ok((until.1, bits.collect::<Result<_>>()?))
}

#[test]
fn a_resumed_run_is_the_same_bit_for_bit() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    // Five images in batches of two: the third step begins a second epoch, and the stop lies within it.
    let (losses, expected) = run(settings(folder.path(), "whole"), 5)?;
    let (first, early) = run(settings(folder.path(), "parts"), 3)?;
    let (second, found) = run(settings(folder.path(), "parts"), 2)?;
    let bits = |losses: &[f64]| losses.iter().map(|loss| loss.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&[first, second].concat()), bits(&losses));
    assert_eq!(found.len(), expected.len());
    for (name, values) in &expected {
        assert_eq!(&found[name], values, "{name}");
    }
    assert_ne!(early, expected, "nothing was learnt between");
    Ok(())
}

#[test]
fn other_settings_are_not_resumed() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    run(settings(folder.path(), "run"), 1)?;
    let mut other = settings(folder.path(), "run");
    other.schedule.learning_rate = 2e-2;
    let message = run(other, 1).expect_err("other settings").to_string();
    assert!(message.contains("other settings"), "{message}");
    Ok(())
}

#[test]
fn a_backbone_without_a_learning_rate_is_frozen() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let mut config = settings(folder.path(), "run");
    config.schedule.backbone_multiplier = 0.0;
    let (_, first) = run(config.clone(), 1)?;
    let (_, second) = run(config, 2)?;
    let changed = |name: &str| first[name] != second[name];
    assert!(first.keys().filter(|name| name.starts_with("model.backbone.")).all(|name| !changed(name)));
    assert!(first.keys().filter(|name| name.starts_with("model.decoder.")).any(|name| changed(name)));
    Ok(())
}

#[test]
fn a_run_starts_from_a_converted_encoder() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let file = folder.path().join("encoder.safetensors");
    let params = Params::trainable(None, 99, DType::F32, &Device::Cpu);
    kmax_backbones::build(&tiny().network.backbone, &params.pp("backbone"))?;
    let named = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
    let encoder: HashMap<String, Tensor> = named.collect();
    let mut config = settings(folder.path(), "run");
    config.model.backbone_weights = Some(file.clone());
    let weights = |encoder: &HashMap<String, Tensor>| -> std::result::Result<_, Box<dyn std::error::Error>> {
        candle_core::safetensors::save(encoder, &file)?;
        Ok(Trainer::new(config.clone())?.weights()?)
    };
    let found = weights(&encoder)?;
    assert!(found.len() > encoder.len());
    for (name, expected) in &encoder {
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        assert_eq!(values(&found[name])?, values(expected)?, "{name}");
    }

    let name = "backbone.stages.0.blocks.0.conv1.weight";
    let mut lacking = encoder.clone();
    let kernel = lacking.remove(name).ok_or("a kernel")?;
    let message = weights(&lacking).expect_err("a tensor lacks").to_string();
    assert!(message.contains("encoder.safetensors") && message.contains(name), "{message}");
    lacking.insert(name.into(), kernel.flatten_all()?);
    let message = weights(&lacking).expect_err("another shape").to_string();
    assert!(message.contains(name) && message.contains("expected ["), "{message}");
    let foreign = HashMap::from([("layer1.0.conv1.weight".to_string(), kernel)]);
    let message = weights(&foreign).expect_err("names of others").to_string();
    assert!(message.contains("kmax convert"), "{message}");
    Ok(())
}

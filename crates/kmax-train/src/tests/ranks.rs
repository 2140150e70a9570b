//! Several ranks do what one process does with the whole batch; and a step may be stopped anywhere.

use super::*;
use crate::{batch, outputs};
use kmax_losses::Criterion;
use kmax_model::KMaxDeepLab;
use kmax_nn::{Mode, Ranks, Role, Transport};
use kmax_transforms::train::TrainingExample;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Gradients and running statistics by name, and the loss.
type Pass = BTreeMap<String, Vec<f64>>;

/// A forward and backward pass over the rank's share of `examples`, with everything random in it.
fn pass(examples: &[TrainingExample], dtype: DType, ranks: &Ranks) -> std::result::Result<Pass, Error> {
    let model = tiny();
    let params = Params::trainable(None, 5, dtype, &Device::Cpu);
    let network = KMaxDeepLab::new(&model.network, &params)?;
    let own = examples.len() / ranks.size();
    let part = &examples[ranks.rank() * own..][..own];
    let mode = Mode::train(3).across(ranks.clone()).dropping_queries(0.4);
    let images = batch::images(part, &model.preprocess, &Device::Cpu)?.to_dtype(dtype)?;
    let outputs = outputs::supervised(&network.trace(&images, &mode)?, model.network.resize)?;
    let (_, _, height, width) = outputs.last.mask_logits.dims4()?;
    let targets = batch::targets(part, &model.categories, [height, width])?;
    let losses = Criterion::new(model.losses.clone())?.forward(&outputs, &targets, &mode)?;
    let share = 1.0 / ranks.size() as f64;
    let gradients = losses.total.affine(share, 0.0)?.backward()?;
    let mut found = BTreeMap::from([("loss".to_string(), vec![share * losses.value])]);
    for parameter in params.parameters() {
        let var = parameter.var.as_tensor();
        let values = |t: &Tensor| t.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>();
        if parameter.role == Role::Statistic {
            // The same on all ranks, and summed below.
            found.insert(parameter.name, values(&(var.detach() * share)?)?);
        } else if let Some(gradient) = gradients.get(var) {
            found.insert(parameter.name, values(gradient)?);
        }
    }
    for values in found.values_mut() {
        ranks.sum(values)?;
    }
    Ok(found)
}

/// The largest difference of a tensor's values, relative to its largest value.
fn apart(expected: &Pass, found: &Pass) -> f64 {
    assert!(expected.keys().eq(found.keys()));
    let mut most = 0f64;
    for (name, expected) in expected {
        // A gradient that is zero but for rounding has no scale of its own.
        let scale = expected.iter().fold(1e-3, |most: f64, value| most.max(value.abs()));
        for (a, b) in expected.iter().zip(&found[name]) {
            most = most.max((a - b).abs() / scale);
        }
    }
    most
}

fn examples(folder: &Path, count: usize) -> std::result::Result<Vec<TrainingExample>, Error> {
    Trainer::new(settings(folder, "none"))?.examples(count)
}

#[test]
fn ranks_have_the_gradients_of_the_whole_batch() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let examples = examples(folder.path(), 4)?;
    for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 2e-3)] {
        let whole = pass(&examples, dtype, &Ranks::single())?;
        assert!(whole.len() > 100 && whole["loss"][0] > 0.1);
        for size in [2, 4] {
            let found = Ranks::on_threads(size, |ranks| pass(&examples, dtype, &ranks))?;
            for found in found {
                let apart = apart(&whole, &found?);
                assert!(apart < tolerance, "{size} ranks, {dtype:?}: {apart:e}");
            }
        }
    }
    Ok(())
}

/// Losses and all that the newest checkpoint holds, after `steps` more steps of `size` ranks.
fn run_as(
    config: &TrainConfig,
    size: usize,
    steps: usize,
) -> std::result::Result<(Vec<f64>, Bits), Box<dyn std::error::Error>> {
    let each = Ranks::on_threads(size, |ranks| {
        let mut trainer = Trainer::new(config.clone())?.with_ranks(ranks)?;
        trainer.resume()?;
        let mut until = Until(steps, Vec::new());
        let done = trainer.run(&mut until)?;
        let weights = trainer.weights()?.into_iter().map(|(name, tensor)| {
            Ok((name, tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect()))
        });
        Ok((until.1, done.is_none(), weights.collect::<Result<Bits>>()?))
    })?;
    let each = each.into_iter().collect::<Result<Vec<_>>>()?;
    // Nothing is sent but gradients: the ranks' weights stay the same bit for bit.
    assert!(each.iter().all(|rank| *rank == each[0] && rank.1));
    let newest = Checkpoint::list(&config.output).pop().ok_or("a checkpoint")?;
    let bits = Checkpoint::read(&newest)?.tensors.into_iter().map(|(name, tensor)| {
        Ok((name, tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect()))
    });
    Ok((each[0].0.clone(), bits.collect::<Result<_>>()?))
}

#[test]
fn a_run_of_ranks_repeats_and_goes_on_with_another_number() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let config = |output: &str, accumulate| {
        let mut config = settings(folder.path(), output);
        (config.schedule.batch, config.schedule.accumulate) = (4, accumulate);
        config
    };
    for accumulate in [1, 2] {
        let name = |kind: &str| format!("{kind}{accumulate}");
        let (expected, _) = run_as(&config(&name("one"), accumulate), 1, 3)?;
        let (first, bits) = run_as(&config(&name("two"), accumulate), 2, 2)?;
        let (again, same) = run_as(&config(&name("again"), accumulate), 2, 2)?;
        assert!(first == again && bits == same);
        // Other processes, the same batches: up to rounding the same losses.
        let more = 4 / accumulate;
        let (second, _) = run_as(&config(&name("two"), accumulate), more, 1)?;
        for (a, b) in expected.iter().zip(first.iter().chain(&second)) {
            assert!((a - b).abs() < 2e-3 * a.abs(), "{expected:?} {first:?} {second:?}");
        }
    }
    let refused = Ranks::on_threads(3, |ranks| Trainer::new(config("x", 1))?.with_ranks(ranks).map(drop))?;
    for refused in refused {
        let message = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("--batch") && message.contains("3 processes"), "{message}");
    }
    Ok(())
}

#[test]
fn ranks_that_begin_differently_are_told() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let told = Ranks::on_threads(2, |ranks| {
        let mut config = settings(folder.path(), "run");
        config.schedule.weight_decay = 0.1 * ranks.rank() as f64;
        Trainer::new(config)?.with_ranks(ranks)?.run(&mut Silent)
    })?;
    for told in told {
        let message = told.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("rank 1 begins with other settings"), "{message}");
    }
    Ok(())
}

/// One rank that sets a flag at its n-th meeting.
#[derive(Debug)]
struct Counted {
    met: Arc<AtomicUsize>,
    last: usize,
    stop: Arc<AtomicBool>,
}

impl Transport for Counted {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn gather(&self, own: &[f64], all: &mut [f64]) -> kmax_kernels::Result<()> {
        all.copy_from_slice(own);
        if self.met.fetch_add(1, Ordering::Relaxed) == self.last {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn gather_singles(&self, own: &[f32], all: &mut [f32]) -> kmax_kernels::Result<()> {
        all.copy_from_slice(own);
        Ok(())
    }

    fn exchange_singles(&self, own: &[f32], all: &mut [f32]) -> kmax_kernels::Result<()> {
        self.gather_singles(own, all)
    }
}

/// Stops within a step by a flag.
struct Flagged(Arc<AtomicBool>, usize);

impl Observer for Flagged {
    fn step(&mut self, report: &StepReport) {
        self.1 = report.step;
    }

    fn stop(&self) -> Option<Arc<AtomicBool>> {
        Some(self.0.clone())
    }
}

#[test]
fn a_step_that_is_stopped_leaves_nothing_behind() -> Anyhow {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let (_, whole) = run(settings(folder.path(), "whole"), 2)?;
    let (_, one) = run(settings(folder.path(), "one"), 1)?;
    // In the forward pass of the second step, between it and the backward pass, and within that.
    for (name, meetings) in [("forward", 1.2), ("between", 1.5), ("backward", 1.8)] {
        let config = settings(folder.path(), name);
        let stop = Arc::<AtomicBool>::default();
        let met = Arc::<AtomicUsize>::default();
        let count = |last| Ranks::of(Counted { met: met.clone(), last, stop: stop.clone() });
        let mut trainer = Trainer::new(config.clone())?.with_ranks(count(usize::MAX))?;
        trainer.step(&trainer.examples(2)?)?;
        let step = met.swap(0, Ordering::Relaxed) as f64;
        assert!(step > 100.0, "{step} meetings");

        let last = (meetings * step) as usize;
        let mut trainer = Trainer::new(config.clone())?.with_ranks(count(last))?;
        let mut flagged = Flagged(stop.clone(), 0);
        assert!(trainer.run(&mut flagged)?.is_none());
        assert_eq!((trainer.steps_done(), flagged.1), (1, 1), "{name}");
        let newest = Checkpoint::list(&config.output).pop().ok_or("a checkpoint")?;
        let kept = Checkpoint::read(&newest)?.tensors.into_iter().map(|(name, tensor)| {
            Ok((name, tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect()))
        });
        assert!(kept.collect::<Result<Bits>>()? == one, "{name}");
        assert!(run(config, 1)?.1 == whole, "{name}");
    }
    Ok(())
}

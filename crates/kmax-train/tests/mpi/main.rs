//! What the script `run` beside this file starts: under `mpirun`, the sums and the gradients of all ranks against those of one
//! process; `draw FOLDER` makes a dataset with a configuration of a network; `same A B` compares two safetensors files.

#[path = "../../src/tests/fixture.rs"]
mod fixture;

use candle_core::{DType, Device, Tensor};
use kmax_losses::{Criterion, Segment, Targets};
use kmax_model::KMaxDeepLab;
use kmax_nn::{Init, Mode, Params, Ranks, Role};
use kmax_train::mpi::Job;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["draw", folder] => fixture::draw(Path::new(folder)),
        ["same", a, b] => same(a, b),
        _ => {
            let job = Job::join()?;
            // One that fails ends all: the others would wait for it.
            if let Err(error) = sums(&job.ranks()).and_then(|()| gradients(&job.ranks())) {
                eprintln!("rank {}: {error}", job.ranks().rank());
                job.abort(1);
            }
            if job.ranks().is_first() {
                println!("{} ranks: sums and gradients are those of one process", job.ranks().size());
            }
            Ok(())
        }
    }
}

fn same(a: &str, b: &str) -> Outcome {
    let read = |file: &str| candle_core::safetensors::load(file, &Device::Cpu);
    let (a, b) = (read(a)?, read(b)?);
    if a.len() != b.len() {
        return Err(format!("{} tensors and {}", a.len(), b.len()).into());
    }
    for (name, expected) in &a {
        let bits = |t: &Tensor| -> candle_core::Result<Vec<u32>> {
            Ok(t.flatten_all()?
                .to_dtype(DType::F32)?
                .to_vec1::<f32>()?
                .into_iter()
                .map(f32::to_bits)
                .collect())
        };
        let found = b.get(name).ok_or("a tensor lacks")?;
        if bits(expected)? != bits(found)? {
            return Err(format!("{name} differs").into());
        }
    }
    Ok(())
}

/// Sums in the order of the ranks, of few numbers and of more than one exchange takes.
fn sums(ranks: &Ranks) -> Outcome {
    let (rank, size) = (ranks.rank(), ranks.size());
    let of = |rank: usize| (0.1 + rank as f64).powi(9) * if rank % 2 == 0 { 1e8 } else { -1.0 };
    let mut values = [of(rank), rank as f64];
    ranks.sum(&mut values)?;
    let expected: f64 = (0..size).map(of).sum();
    if values[0].to_bits() != expected.to_bits() || values[1] != (size * (size - 1) / 2) as f64 {
        return Err(format!("sums are {values:?}, not {expected}").into());
    }
    let mut row: Vec<f32> = (0..9_000_001).map(|i| (i % 1009) as f32 + rank as f32).collect();
    ranks.sum_singles(&mut row)?;
    let right = |(i, sum): (usize, &f32)| *sum == (size * (i % 1009) + size * (size - 1) / 2) as f32;
    if row.iter().enumerate().all(right) { Ok(()) } else { Err("a long sum is wrong".into()) }
}

/// Images of a batch; those of 2 and of 4 ranks are as many on each.
const BATCH: usize = 4;
const SIZE: usize = 33;

/// Loss, gradients and running statistics of the whole batch in float64, by the share of each rank.
fn pass(ranks: &Ranks) -> Outcome<BTreeMap<String, Vec<f64>>> {
    let model = fixture::tiny();
    let params = Params::trainable(None, 5, DType::F64, &Device::Cpu);
    let network = KMaxDeepLab::new(&model.network, &params)?;
    let own = BATCH / ranks.size();
    let images = Init::Normal { std: 1.0 }.values("images", 1, BATCH * 3 * SIZE * SIZE);
    let images = Tensor::from_vec(images, (BATCH, 3, SIZE, SIZE), &Device::Cpu)?;
    let images = images.narrow(0, ranks.rank() * own, own)?;
    let mode = Mode::train(3).across(ranks.clone());
    let outputs = kmax_train::supervised(&network.trace(&images, &mode)?, model.network.resize)?;
    let (_, _, height, width) = outputs.last.mask_logits.dims4()?;
    let targets = (ranks.rank() * own..(ranks.rank() + 1) * own).map(|image| {
        // A box that moves from image to image.
        let inside = |i: usize| (4 * image..4 * image + 15).contains(&(i % SIZE)) && i / SIZE > 9;
        let labels: Vec<u32> = (0..SIZE * SIZE).map(|i| if inside(i) { 2 } else { 1 }).collect();
        let segment = |id: u32| Segment { id, label: id - 1, thing: id == 2, crowd: false };
        Targets::from_ids(&labels, [SIZE; 2], &[segment(1), segment(2)], [height, width])
    });
    let targets = targets.collect::<Result<Vec<_>, _>>()?;
    let losses = Criterion::new(model.losses.clone())?.forward(&outputs, &targets, &mode)?;
    let share = 1.0 / ranks.size() as f64;
    let gradients = losses.total.affine(share, 0.0)?.backward()?;
    let mut found = BTreeMap::from([("loss".to_string(), vec![share * losses.value])]);
    for parameter in params.parameters() {
        let var = parameter.var.as_tensor();
        if parameter.role == Role::Statistic {
            found.insert(parameter.name, (var.detach() * share)?.flatten_all()?.to_vec1()?);
        } else if let Some(gradient) = gradients.get(var) {
            found.insert(parameter.name, gradient.flatten_all()?.to_vec1()?);
        }
    }
    found.values_mut().try_for_each(|values| ranks.sum(values))?;
    Ok(found)
}

fn gradients(ranks: &Ranks) -> Outcome {
    if !BATCH.is_multiple_of(ranks.size()) {
        return Err(format!("a test for ranks that divide {BATCH}").into());
    }
    let (expected, found) = (pass(&Ranks::single())?, pass(ranks)?);
    if !expected.keys().eq(found.keys()) || expected.len() < 100 {
        return Err("other gradients".into());
    }
    for (name, expected) in &expected {
        let scale = expected.iter().fold(1e-3, |most: f64, value| most.max(value.abs()));
        let most = expected.iter().zip(&found[name]).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
        if most > 1e-11 * scale {
            return Err(format!("{name}: {most:e} of {scale:e} apart").into());
        }
    }
    Ok(())
}

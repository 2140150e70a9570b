//! Whole models: class and mask logits, a training step without the criterion, and the built-in model on a photo.

use criterion::{Criterion, criterion_main};
use image::{Rgb, RgbImage};
use kmax_benches::{criterion, models, random};
use kmax_model::Segmenter;
use kmax_nn::Factors;
use std::hint::black_box;

fn run(c: &mut Criterion) -> kmax_model::Result<()> {
    for (name, side) in [("small", 385), ("resnet50", 641), ("convnext_tiny", 641), ("max_s", 641)] {
        let config = models::config(name).expect("a known model");
        let (network, images) = (models::frozen(&config, Factors::Exact)?, random(&[1, 3, side, side])?);
        c.bench_function(&format!("forward {name} @{side}"), |b| {
            b.iter(|| black_box(network.forward(&images).expect("logits")));
        });
    }
    let network = models::trainable(&models::config("small").expect("a known model"))?;
    let images = random(&[4, 3, 385, 385])?;
    c.bench_function("training small @385 x4", |b| {
        let step = || models::loss(&network, &images).and_then(|loss| Ok(loss.backward()?));
        b.iter(|| drop(step().expect("gradients")));
    });
    let segmenter = Segmenter::load("kmax-people")?;
    let photo =
        RgbImage::from_fn(1024, 1024, |x, y| Rgb([(x / 4) as u8, (y / 4) as u8, (x * y / 4096) as u8]));
    c.bench_function("photo to segments, built-in, 1024x1024", |b| {
        b.iter(|| black_box(segmenter.segment(&photo).expect("segments")));
    });
    Ok(())
}

fn all() {
    run(&mut criterion().measurement_time(std::time::Duration::from_secs(5))).expect("a model");
}

criterion_main!(all);

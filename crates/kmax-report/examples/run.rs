//! Writes the page of a run that never was: `run PAGE [JSON IMAGES PNGS]`, with photos of a dataset in COCO's panoptic form.

use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::{Annotated, Panoptic};
use kmax_report::run::{self, ClassMeasurement, Measurement, Photo, RunReport, StepPoint};

const STEPS: usize = 40_000;

/// A number of 0 to 1 that looks drawn by chance.
fn chance(seed: usize) -> f64 {
    let mixed = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

fn step(step: usize) -> StepPoint {
    let along = step as f64 / STEPS as f64;
    let term = |name: &str, from: f64, to: f64, seed: usize| {
        let value = to + (from - to) * (-9.0 * along).exp();
        (name.to_owned(), value * (0.7 + 0.6 * chance(step * 7 + seed)))
    };
    let terms = vec![
        term("mask dice", 6.0, 1.9, 1),
        term("mask id", 4.5, 1.1, 2),
        term("class", 5.0, 0.8, 3),
        term("instance", 2.5, 0.9, 4),
        term("semantic", 1.5, 0.3, 5),
    ];
    let loss = terms.iter().map(|term| term.1).sum();
    let warm = (step as f64 / 2000.0).min(1.0);
    StepPoint { step, learning_rate: 5e-4 * warm * (1.0 - along).powf(0.9), loss, terms }
}

fn measured(nth: usize, of: usize, names: &[(String, bool)]) -> Measurement {
    let along = nth as f64 / of as f64;
    let rise = |top: f64, seed: usize| Some(top * (1.0 - (-4.0 * along).exp()) * (0.95 + 0.1 * chance(seed)));
    let class = |(at, (name, isthing)): (usize, &(String, bool))| ClassMeasurement {
        name: name.clone(),
        isthing: *isthing,
        pq: rise(0.2 + 0.7 * chance(at + 99), nth * 100 + at),
        sq: rise(0.82, nth * 101 + at),
        rq: rise(0.3 + 0.6 * chance(at + 99), nth * 103 + at),
        iou: rise(0.3 + 0.6 * chance(at + 98), nth * 107 + at),
    };
    Measurement {
        step: STEPS * nth / of,
        seconds: 700.0 * nth as f64,
        pq: rise(0.52, nth),
        sq: rise(0.78, nth + 50),
        rq: rise(0.64, nth + 60),
        miou: rise(0.55, nth + 70),
        per_class: names.iter().enumerate().map(class).collect(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [page, data @ ..] = arguments.as_slice() else {
        return Err("expected: PAGE [JSON IMAGES PNGS]".into());
    };
    let (mut photos, mut names) =
        (Vec::new(), vec![("person".to_owned(), true), ("grass".to_owned(), false)]);
    if let [json, images, pngs] = data {
        let data = CocoPanoptic::open(json, images, pngs)?;
        names = data.categories().iter().map(|category| (category.name.clone(), category.isthing)).collect();
        for index in 0..data.len().min(20) {
            let sample = Annotated::sample(&data, index)?;
            // Every other segment is missed.
            let map = sample.panoptic.map.map(|id| id * u32::from(!id.is_multiple_of(2)));
            let segments = sample.panoptic.segments.clone();
            let predicted = Panoptic::new(map, segments);
            let (name, score) = (sample.image_id.to_string(), chance(index));
            photos.push(Photo::new(
                &name,
                &sample.image,
                &sample.panoptic,
                &predicted,
                data.categories(),
                score,
            )?);
        }
    }
    let done = STEPS * 3 / 4;
    let report = RunReport {
        title: "A run that never was".to_owned(),
        command: "kmax train clothing -o run --epochs 50 --batch 8".to_owned(),
        settings: [
            ("Model", "kmax-resnet50"),
            ("Data", "804 images, 16 classes"),
            ("Size", "513 x 513"),
            ("Batch", "8"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        planned_steps: Some(STEPS),
        steps: (1..=done).map(step).collect(),
        measurements: (1..=15).map(|nth| measured(nth, 20, &names)).collect(),
        photos,
        warnings: vec!["A warning: all predictions of the first measurement were void.".to_owned()],
    };
    let html = run::page(&report);
    std::fs::write(page, &html)?;
    println!("{page}: {} kB", html.len() / 1000);
    Ok(())
}

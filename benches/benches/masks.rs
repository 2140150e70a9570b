//! Post-processing: from the logits of 128 queries to segments of a photo.

use criterion::criterion_main;
use kmax_benches::{criterion, masks};
use kmax_masks::Categories;
use kmax_model::postprocess::{Frame, PostprocessConfig, Scope, instances, panoptic, semantic};
use std::hint::black_box;

fn all() {
    let (mut c, categories) = (criterion(), Categories::coco_panoptic());
    for side in [641, 1281] {
        let logits = masks::predictions(side, 128);
        let frame = Frame { input: [side; 2], content: [side; 2], image: [side; 2] };
        for (convention, config) in
            [("deeplab2", PostprocessConfig::coco()), ("pytorch", PostprocessConfig::coco().pytorch())]
        {
            c.bench_function(&format!("panoptic {convention} @{side}"), |b| {
                b.iter(|| black_box(panoptic(&logits, &frame, &config, &categories).expect("segments")));
            });
        }
        let config = PostprocessConfig::coco();
        c.bench_function(&format!("semantic @{side}"), |b| {
            b.iter(|| black_box(semantic(&logits, &frame, &config, &categories).expect("classes")));
        });
        c.bench_function(&format!("instances @{side}"), |b| {
            let scope = Scope::Things;
            b.iter(|| black_box(instances(&logits, &frame, &config, &categories, scope).expect("masks")));
        });
    }
}

criterion_main!(all);

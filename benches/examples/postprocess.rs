//! Seconds of post-processing and the memory that it needs on top of the logits.
//!
//! Arguments: side of the network's input, queries, height and width of the photo, runs.

use kmax::postprocess::{self, Frame, PostprocessConfig, Predictions, Scope};
use kmax_benches::cpu_seconds;
use kmax_masks::Categories;
use kmax_nn::ops::Alignment;
use std::time::Instant;

/// The largest resident memory of this process so far, or since [`forget_peak`], in MB.
fn peak() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(f64::NAN, |kb| kb / 1024.0)
}

fn forget_peak() {
    // Elsewhere than on Linux the peak is not known anyway.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Logits of blobs, one for each query, with a little noise.
fn predictions(side: usize, queries: usize) -> Predictions {
    let mask = (side - 1) / 4 + 1;
    let mut state = 1u64;
    let mut noise = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let across = (queries as f32).sqrt().ceil() as usize;
    let cell = mask.div_ceil(across);
    let mask_logits = (0..queries).flat_map(|query| {
        (0..mask * mask)
            .map(move |at| if at / mask / cell * across + at % mask / cell == query { 8.0 } else { -2.0 })
    });
    let class_logits = (0..queries)
        .flat_map(|query| (0..134).map(move |class| if class == query * 7 % 133 { 9.0 } else { 0.0 }));
    Predictions {
        queries,
        classes: 133,
        class_logits: class_logits.collect(),
        mask_logits: mask_logits.map(|logit: f32| logit + noise()).collect(),
        mask_size: [mask; 2],
        alignment: Alignment::Corners,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<usize> =
        std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [side, queries, height, width, runs] = arguments[..] else {
        return Err("usage: postprocess SIDE QUERIES HEIGHT WIDTH RUNS".into());
    };
    let (predictions, categories) = (predictions(side, queries), Categories::coco_panoptic());
    let scale = side as f64 / height.max(width) as f64;
    let content = [height, width].map(|length| ((length as f64 * scale) as usize).clamp(1, side));
    let frame = Frame { input: [side; 2], content, photo: [height, width] };
    for (manner, config) in
        [("deeplab2", PostprocessConfig::coco()), ("port", PostprocessConfig::coco().port())]
    {
        let tasks: [(&str, &dyn Fn() -> kmax::Result<usize>); 3] = [
            ("panoptic", &|| {
                Ok(postprocess::panoptic(&predictions, &frame, &config, &categories)?.segments.len())
            }),
            ("semantic", &|| {
                Ok(postprocess::semantic(&predictions, &frame, &config, &categories)?.data().len())
            }),
            ("instances", &|| {
                Ok(postprocess::instances(&predictions, &frame, &config, &categories, Scope::Things)?.len())
            }),
        ];
        for (task, run) in tasks {
            forget_peak();
            let before = peak();
            let mut seconds = Vec::new();
            let cpu = cpu_seconds();
            let mut found = 0;
            for _ in 0..runs.max(1) {
                let start = Instant::now();
                found = run()?;
                seconds.push(start.elapsed().as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            println!(
                "{manner} {task}: median {:.3} s, fastest {:.3} s, {:.3} CPU-s a run, {:.0} MB more, {found} found",
                seconds[seconds.len() / 2],
                seconds[0],
                (cpu_seconds() - cpu) / seconds.len() as f64,
                peak() - before
            );
        }
    }
    Ok(())
}

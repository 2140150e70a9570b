//! Seconds of post-processing and the memory that it needs on top of the logits.
//!
//! Arguments: side of the network's input, queries, height and width of the photo, runs.

use kmax_benches::{cpu_seconds, forget_peak, masks, peak_rss_mb};
use kmax_masks::Categories;
use kmax_model::postprocess::{self, Frame, PostprocessConfig, Scope};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<usize> =
        std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [side, queries, height, width, runs] = arguments[..] else {
        return Err("usage: postprocess SIDE QUERIES HEIGHT WIDTH RUNS".into());
    };
    let (predictions, categories) = (masks::predictions(side, queries), Categories::coco_panoptic());
    let scale = side as f64 / height.max(width) as f64;
    let content = [height, width].map(|length| ((length as f64 * scale) as usize).clamp(1, side));
    let frame = Frame { input: [side; 2], content, image: [height, width] };
    for (convention, config) in
        [("deeplab2", PostprocessConfig::coco()), ("pytorch", PostprocessConfig::coco().pytorch())]
    {
        let tasks: [(&str, &dyn Fn() -> kmax_model::Result<usize>); 3] = [
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
            let before = peak_rss_mb();
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
                "{convention} {task}: median {:.3} s, fastest {:.3} s, {:.3} CPU-s a run, {:.0} MB more, {found} found",
                seconds[seconds.len() / 2],
                seconds[0],
                (cpu_seconds() - cpu) / seconds.len() as f64,
                peak_rss_mb() - before
            );
        }
    }
    Ok(())
}

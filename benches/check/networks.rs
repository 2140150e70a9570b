//! Whole networks with drawn weights, stage by stage.
//!
//! A pixel goes to the center of its largest logit. With drawn weights many logits are as good as equal, and a pixel that rounding sends
//! elsewhere changes that center and all that follows. So maps before the k-means steps are held to tolerances, the steps to the share of
//! pixels that go to the same centers, and logits to tolerances where all pixels do.

use crate::operations::on_processor;
use crate::report::{Report, elsewhere, overall};
use crate::{Outcome, Run};
use kmax_backbones::Level;
use kmax_benches::models;
use kmax_model::{KMaxDeepLab, Params, Trace};
use kmax_nn::Mode;
use kmax_nn::candle_core::{self, DType, Device, Tensor};
use std::collections::HashMap;

pub fn check(run: &Run, report: &mut Report) -> Outcome {
    for (network, side) in
        [("resnet50", 641), ("convnext_tiny", 641), ("max_s", 641), ("small", 449), ("convnext_large", 385)]
    {
        if run.small && network == "convnext_large" {
            continue;
        }
        let side = run.size(side, 65);
        // The emulation is slow: half precision of one network.
        let halves = if network == "small" { on_processor(run) } else { Vec::new() };
        for dtype in kmax_nn::device::dtypes(&run.device).into_iter().chain(halves) {
            let name = format!("{network} at {side}");
            if let Err(error) = compare(run, report, (network, &name, side), dtype) {
                report.broken(&name, dtype, &*error);
            }
        }
    }
    Ok(())
}

/// What is allowed: of maps, the root of the mean square of the differences as a share of the numbers' own; of each k-means step, the
/// share of pixels that go elsewhere. Half precision keeps 11 bits (float16) or 8 of each of some hundred results in a row.
fn allowed(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F16 => (0.02, 0.1),
        DType::BF16 => (0.15, 0.5),
        _ => (1e-4, 5e-3),
    }
}

fn compare(
    run: &Run,
    report: &mut Report,
    (network, name, side): (&str, &str, usize),
    dtype: DType,
) -> Outcome {
    let config = models::config(network).ok_or("an unknown network")?;
    let rounded = models::weights(&config)?.into_iter().map(|(name, x)| Ok((name, x.to_dtype(dtype)?)));
    let rounded = rounded.collect::<candle_core::Result<HashMap<String, Tensor>>>()?;
    let image = crate::report::drawn("image", &[1, 3, side, side])?.to_dtype(dtype)?;
    let trace = |dtype: DType, device: &Device| -> Outcome<Trace> {
        let network = KMaxDeepLab::new(&config, &Params::frozen(rounded.clone(), dtype, device))?;
        Ok(network.trace(&image.to_dtype(dtype)?.to_device(device)?, &Mode::eval())?)
    };
    let (found, expected) = (trace(dtype, &run.device)?, trace(DType::F64, &Device::Cpu)?);

    let (of_maps, of_pixels) = allowed(dtype);
    let mut judge = |what: &str, found: &Tensor, expected: &Tensor| -> Outcome {
        report.judged(&format!("{name}: {what}"), dtype, overall(found, expected)?, of_maps);
        Ok(())
    };
    for level in [Level::Res2, Level::Res3, Level::Res4, Level::Res5] {
        judge(&format!("{level:?}"), found.features.get(level), expected.features.get(level))?;
    }
    for (i, (found, expected)) in found.pixel.iter().zip(&expected.pixel).enumerate() {
        judge(&format!("pixel decoder, map {i}"), found, expected)?;
    }
    let mut moved = 0.0f64;
    for (i, (found, expected)) in found.decoder.layers.iter().zip(&expected.decoder.layers).enumerate() {
        let apart = elsewhere(&found.assignment, &expected.assignment)?;
        report.judged(&format!("{name}: pixels of k-means step {i}"), dtype, apart, of_pixels);
        moved = moved.max(apart);
    }
    if moved == 0.0 {
        let (found, expected) = (&found.decoder.prediction, &expected.decoder.prediction);
        let classes = |prediction: &Option<Tensor>| prediction.clone().ok_or("no class logits");
        report.judged(
            &format!("{name}: mask logits"),
            dtype,
            overall(&found.mask_logits, &expected.mask_logits)?,
            of_maps,
        );
        let apart = overall(&classes(&found.class_logits)?, &classes(&expected.class_logits)?)?;
        report.judged(&format!("{name}: class logits"), dtype, apart, of_maps);
    }
    Ok(())
}

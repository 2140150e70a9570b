//! Kernels of GPUs against those of the processor, pixel for pixel. Without a GPU, in an emulation, which a process chooses as it starts.

use super::*;
use crate::postprocess::{assign, panoptic_of_queries};
use crate::segmenter::tests::unsure;
use crate::{Config, KMaxDeepLab, PreprocessConfig, Segmenter};
use candle_core::Var;
use image::RgbImage;
use kmax_kernels::has_gpu_kernels;
use kmax_masks::Category;
use kmax_nn::{Init, Params};
use std::collections::HashMap;
use std::process::Command;

type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

const QUERIES: usize = 7;
const CLASSES: usize = 3;

#[test]
fn the_emulation_passes() -> Outcome {
    if std::env::var_os("KMAX_CPU").is_some() {
        return Ok(());
    }
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let has_compiler =
        Command::new(&compiler).arg("--version").output().is_ok_and(|run| run.status.success());
    if !cfg!(unix) || !has_compiler && std::env::var_os("KMAX_REQUIRE_GOLDENS").is_none() {
        println!("skipped: no C++ compiler for the emulation of GPUs (c++, or CXX)");
        return Ok(());
    }
    let run = Command::new(std::env::current_exe()?)
        .arg("on_device::")
        .envs([("KMAX_CPU", "emulated"), ("RUST_BACKTRACE", "0")])
        .output()?;
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.contains(" 4 passed"), "{told}");
    Ok(())
}

/// Whether this process has the kernels.
fn emulated() -> bool {
    has_gpu_kernels(&Device::Cpu)
}

/// Smooth masks, of which some pixels are claimed by nobody, some by two.
fn said(dtype: DType) -> Result<Logits> {
    let drawn = |name: &str, shape: [usize; 4], std| {
        let values = Init::Normal { std }.values(name, 5, shape.iter().product());
        Tensor::from_vec(values, &shape, &Device::Cpu)?.to_dtype(dtype)
    };
    let classes = drawn("classes", [1, 1, QUERIES, CLASSES + 1], 2.0)?.squeeze(0)?;
    Ok(Logits { classes, masks: drawn("masks", [1, QUERIES, 9, 9], 2.0)? })
}

fn categories() -> Categories {
    let category = |id| Category {
        id,
        name: format!("class {id}"),
        isthing: id != 2,
        color: [0; 3],
        supercategory: None,
    };
    Categories::new((1..=CLASSES as u32).map(category).collect()).expect("distinct ids")
}

#[test]
fn pixels_go_to_the_same_queries() -> Outcome {
    if !emulated() {
        return Ok(());
    }
    let frame = Frame { input: [33, 33], content: [33, 25], image: [50, 38] };
    let maskwise = PostprocessConfig {
        class_threshold_thing: 0.3,
        class_threshold_stuff: 0.3,
        overlap_threshold: 0.5,
        thing_area_limit: 9,
        stuff_area_limit: 9,
        ..PostprocessConfig::coco()
    };
    let pixelwise = PostprocessConfig { method: Method::Pixelwise, ..maskwise };
    for dtype in [DType::F32, DType::BF16] {
        let logits = said(dtype)?;
        for config in [maskwise, maskwise.pytorch(), pixelwise] {
            let device = OnDevice::of(&logits, 0, ResizeRule::Corners, 33)?;
            let host = QueryLogits::of(&logits, 0, ResizeRule::Corners, 33)?;
            assert!(device.on_host()? == host);
            let found = device.assign(&frame, &config, &categories())?.ok_or("not on the device")?;
            let expected = assign(&host, &frame, &config, &categories())?;
            let apart = found.map.data().iter().zip(expected.map.data()).filter(|(a, b)| a != b).count();
            assert_eq!(apart, 0, "{config:?} of {dtype:?}");
            assert!(expected.map.extents().len() > 2);
            for (found, expected) in found.masks.iter().zip(&expected.masks) {
                assert_eq!((found.query, found.class), (expected.query, expected.class));
                assert!((found.mask_score - expected.mask_score).abs() < 1e-5, "{config:?} of {dtype:?}");
            }
            let (panoptic, queries) = found.into_segments(&frame, &config, &categories())?;
            let (whole, of) = panoptic_of_queries(&host, &frame, &config, &categories())?;
            assert!(panoptic.map == whole.map && queries == of);
        }
    }
    Ok(())
}

#[test]
fn where_three_may_claim_a_pixel_the_host_looks() -> Outcome {
    if !emulated() {
        return Ok(());
    }
    let config = PostprocessConfig { pixel_threshold: 0.3, ..PostprocessConfig::coco() };
    let device = OnDevice::of(&said(DType::F32)?, 0, ResizeRule::Corners, 33)?;
    assert!(device.assign(&Frame::whole([33; 2]), &config, &categories())?.is_none());
    let pixelwise = PostprocessConfig { method: Method::Pixelwise, ..config };
    assert!(device.assign(&Frame::whole([33; 2]), &pixelwise, &categories())?.is_some());
    Ok(())
}

#[test]
fn logits_that_are_no_numbers_are_an_error() -> Outcome {
    let mut logits = said(DType::F32)?;
    logits.masks = (logits.masks * f64::INFINITY)?;
    let error = OnDevice::of(&logits, 0, ResizeRule::Corners, 33).err().ok_or("taken")?;
    assert!(matches!(error, Error::NotFinite { .. }));
    Ok(())
}

#[test]
#[ignore = "minutes in the emulation: KMAX_CPU=emulated, with --ignored"]
fn a_segmenter_gives_what_its_predictions_give() -> Outcome {
    if !emulated() {
        return Ok(());
    }
    let image = |width, height| {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 5) as u8, (y * 8) as u8, 90]))
    };
    let images = [image(50, 31), image(31, 50), image(50, 31)];
    let unsure = unsure();
    // Without the limits of areas, which small images do not meet.
    let deeplab2 =
        PostprocessConfig { convention: Convention::Deeplab2, pixel_threshold: 0.34, ..unsure.postprocess };
    let deeplab2 = PostprocessConfig { thing_area_limit: 0, stuff_area_limit: 0, ..deeplab2 };
    for (preprocess, settings) in [
        (PreprocessConfig::deeplab2(65), deeplab2),
        (PreprocessConfig::pytorch([65; 2]), deeplab2.pytorch()),
        // Left to the host.
        (PreprocessConfig::fit(65), unsure.postprocess),
    ] {
        let config = Config { preprocess, postprocess: settings, ..unsure.clone() };
        let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
        KMaxDeepLab::new(&config.network, &params)?;
        // Masks that are surer than drawn ones.
        let gain = params.parameters().into_iter().find(|p| p.name == "decoder.predictor.mask_norm.weight");
        let gain: Var = gain.ok_or("no gain")?.var;
        gain.set(&(gain.as_detached_tensor() * 200.0)?)?;
        let weights: HashMap<_, _> =
            params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor())).collect();
        let network = KMaxDeepLab::new(&config.network, &Params::frozen(weights, DType::F32, &Device::Cpu))?;
        let segmenter = Segmenter::from_network(config, network, &Device::Cpu);
        assert!(segmenter.assigns_on_device());
        let found = segmenter.segment_batch(&images)?;
        for (found, image) in found.iter().zip(&images) {
            let expected = segmenter.predict(image)?.panoptic()?;
            assert!(found.map == expected.map && !expected.segments.is_empty());
            for (found, expected) in found.segments.iter().zip(&expected.segments) {
                assert_eq!(
                    (found.id, found.category_id, found.area),
                    (expected.id, expected.category_id, expected.area)
                );
                let apart = found.score.unwrap_or(-1.0) - expected.score.unwrap_or(-2.0);
                assert!(apart.abs() < 1e-5, "{apart}");
            }
        }
    }
    Ok(())
}

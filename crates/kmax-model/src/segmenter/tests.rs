//! A model folder segments images.

use super::*;
use crate::config::PreprocessConfig;
use crate::error::Error;
use crate::folder::{self, ModelCard};
use crate::presets::Preset;
use candle_core::DType;
use kmax_nn::Params;
use kmax_nn::device::{DeviceChoice, Place};

/// The small model, with thresholds for drawn weights, which are sure of nothing.
pub(crate) fn unsure() -> Config {
    let config = Preset::People.config();
    let postprocess = PostprocessConfig {
        class_threshold_thing: 0.0,
        class_threshold_stuff: 0.0,
        pixel_threshold: 0.02,
        overlap_threshold: 0.0,
        ..config.postprocess
    };
    Config { postprocess, ..config }
}

#[test]
fn a_model_folder_segments_images_by_every_convention() -> Result<()> {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let path = parent.path().join("model");
    let mut config = unsure();
    let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(&config.network, &params)?;
    let weights = || params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor())).collect();
    let card = ModelCard { name: "Small".into(), license: "apache-2.0".into(), sections: Vec::new() };
    let image = RgbImage::from_fn(50, 31, |x, y| image::Rgb([(x * 5) as u8, (y * 8) as u8, 90]));
    for preprocess in
        [PreprocessConfig::fit(65), PreprocessConfig::pytorch([65; 2]), PreprocessConfig::deeplab2(65)]
    {
        config.preprocess = preprocess;
        folder::save(&path, &config, weights(), DType::F32, &card)?;
        let segmenter = Segmenter::load(&path.display().to_string())?;
        let prediction = segmenter.predict(&image)?;
        assert_eq!(prediction.frame.image, [31, 50]);
        let panoptic = segmenter.segment(&image)?;
        panoptic.validate(&config.categories)?;
        assert_eq!((panoptic.map.width(), panoptic.map.height()), (50, 31));
        assert!(!panoptic.segments.is_empty() && panoptic == prediction.panoptic()?);
        let classes = segmenter.semantic(&image)?;
        assert!(classes.extents().iter().all(|(id, _)| config.categories.get(*id).is_some()));
        assert!(segmenter.instances(&image)?.iter().all(|i| config.categories.is_thing(i.category_id)));
        // So thin that a pixel across is more than its share of the input.
        assert_eq!(segmenter.segment(&RgbImage::new(1, 5000))?.map.height(), 5000);
        assert!(segmenter.segment(&RgbImage::new(0, 0)).is_err());
        let wrong = PostprocessConfig { pixel_threshold: 7.0, ..config.postprocess };
        assert!(segmenter.with_postprocess(wrong).is_err());
    }
    assert!(matches!(Segmenter::load("no such model"), Err(Error::UnknownModel(_))));
    Ok(())
}

#[test]
fn a_batch_gives_what_its_images_give_alone() -> Result<()> {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let path = parent.path().join("model").display().to_string();
    let config = Config { preprocess: PreprocessConfig::fit(65), ..Preset::People.config() };
    let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(&config.network, &params)?;
    let weights = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor())).collect();
    let card = ModelCard { name: "Small".into(), license: "apache-2.0".into(), sections: Vec::new() };
    folder::save(path.as_ref(), &config, weights, DType::F32, &card)?;
    let images: Vec<RgbImage> = [(50, 31), (31, 50), (50, 31), (20, 20), (50, 31), (31, 50)]
        .into_iter()
        .zip(0..)
        .map(|((w, h), k)| RgbImage::from_fn(w, h, |x, y| image::Rgb([(x * 5) as u8, (y * 8) as u8, k * 40])))
        .collect();
    let alone = Segmenter::load(&path)?;
    for batch in [1, 2, 4] {
        let together = Segmenter::builder(path.as_str()).batch(batch).threads(2).build()?;
        let predictions = together.predict_batch(&images)?;
        assert_eq!(predictions.len(), images.len());
        for (image, found) in images.iter().zip(&predictions) {
            let expected = alone.predict(image)?;
            assert_eq!(found.frame, expected.frame);
            assert!(found.logits == expected.logits);
        }
        assert_eq!(together.segment_batch(&images)?.len(), images.len());
    }
    assert!(alone.segment_batch(&[])?.is_empty());
    Ok(())
}

#[test]
fn an_output_that_is_no_number_is_an_error() -> Result<()> {
    let config = Config { preprocess: PreprocessConfig::fit(65), ..Preset::People.config() };
    let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
    let network = KMaxDeepLab::new(&config.network, &params)?;
    let name = "decoder.predictor.class.bias";
    let bias = params.parameters().into_iter().find(|p| p.name == name).expect("a bias").var;
    bias.set(&(bias.as_detached_tensor() * f64::NAN)?)?;
    let error = Segmenter::from_network(config, network, &Device::Cpu)
        .segment(&RgbImage::new(50, 31))
        .expect_err("not a number");
    assert_eq!(error.kind(), kmax_base::ErrorKind::Diverged);
    assert!(error.to_string().contains("the network's output is not a number"), "{error}");
    Ok(())
}

#[test]
fn memory_is_shared_and_a_device_that_lacks_it_is_told() -> Result<()> {
    let config = Config { preprocess: PreprocessConfig::fit(65), ..Preset::People.config() };
    let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
    let network = KMaxDeepLab::new(&config.network, &params)?;
    let segmenter = Segmenter::from_network(config, network, &Device::Cpu);
    assert_eq!((segmenter.fitting_batch(), segmenter.computed()), (1, None));
    if let (Some(alone), Some(beside)) = (segmenter.reading().memory, segmenter.reading_beside(9).memory) {
        assert!(beside < alone / 5, "{beside} of {alone}");
    }
    let (device, needed, free) = ("cuda:0".into(), 6_600_000_000, 1_200_000_000);
    let error = Error::DeviceMemory { device, images: 8, size: [641, 481], needed, free };
    assert_eq!(error.kind(), kmax_base::ErrorKind::OutOfMemory);
    let told = error.to_string();
    assert!(
        told.starts_with("cuda:0: ") && told.contains("8 x 3 x 641 x 481") && told.contains("6.6 GB"),
        "{told}"
    );
    Ok(())
}

#[test]
fn settings_out_of_range_are_refused_before_the_model_is_read() {
    for (builder, word) in [
        (Segmenter::builder("nothing").precision(Precision::Float16), "f32"),
        (Segmenter::builder("nothing").device(DeviceChoice::At(Place::Cuda(4096))), "cuda:4096"),
        (Segmenter::builder("nothing").batch(0), "at least 1"),
        (Segmenter::builder("nothing").threads(0), "at least 1"),
        (Segmenter::builder("nothing").threads(65_535), "at most 1024"),
        (Segmenter::builder("nothing").batch(1 << 40), "at most 65536"),
    ] {
        let message = builder.build().expect_err(word).to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn large_images_are_cut_into_tiles() -> Result<()> {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let path = parent.path().join("model").display().to_string();
    let tiles = Tiling { size: 48, overlap: 16 };
    let mut config = unsure();
    config.preprocess = PreprocessConfig { tiles: Some(tiles), ..PreprocessConfig::fit(65) };
    let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(&config.network, &params)?;
    let weights = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor())).collect();
    let card = ModelCard { name: "Small".into(), license: "apache-2.0".into(), sections: Vec::new() };
    folder::save(path.as_ref(), &config, weights, DType::F32, &card)?;
    let image = |width, height| {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 2) as u8, (y * 3) as u8, 90]))
    };
    let by_config = Segmenter::load(&path)?;
    let by_builder = Segmenter::builder(path.as_str()).tiles(Tiling { size: 60, overlap: 20 }).build()?;
    // The configuration speaks of much larger images, the builder of all that are larger.
    assert_eq!((by_config.tiling(70, 70), by_config.tiling(73, 20)), (None, Some(tiles)));
    assert!(by_builder.tiling(60, 60).is_none() && by_builder.tiling(61, 20).is_some());
    let fits = image(60, 44);
    assert_eq!(by_builder.segment(&fits)?, by_builder.predict(&fits)?.panoptic()?);
    let large = image(120, 90);
    for segmenter in [&by_config, &by_builder] {
        let found = segmenter.segment(&large)?;
        found.validate(&config.categories)?;
        assert_eq!((found.map.width(), found.map.height()), (120, 90));
        let tiling = segmenter.tiling(120, 90).expect("it is larger");
        let by_hand = kmax_tiles::panoptic(
            &mut Bands::from(large.clone()),
            tiling,
            &config.categories,
            &(),
            |tile: &RgbImage| segmenter.predict(tile)?.panoptic(),
        )?;
        assert!(found == by_hand);
        // A pixel far from every border is what its tile says.
        let size = tiling.size;
        let corner = image::imageops::crop_imm(&large, 0, 0, size, size).to_image();
        let classes = segmenter.semantic(&large)?;
        assert_eq!((classes.width(), classes.height()), (120, 90));
        assert_eq!(classes.get(3, 4), segmenter.predict(&corner)?.semantic()?.get(3, 4));
    }
    assert!(Segmenter::builder(path.as_str()).tiles(Tiling { size: 60, overlap: 30 }).build().is_err());
    Ok(())
}

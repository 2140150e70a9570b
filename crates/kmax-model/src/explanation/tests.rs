//! The steps of a small network.

use super::*;
use crate::config::{Config, PreprocessConfig};
use crate::network::KMaxDeepLab;
use crate::presets::Preset;
use crate::segmenter::tests::unsure;
use crate::{RgbImage, Segmenter};
use candle_core::{DType, Device};
use kmax_nn::Params;

fn segmenter(preprocess: PreprocessConfig) -> Result<Segmenter> {
    let config = Config { preprocess, ..unsure() };
    let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
    let network = KMaxDeepLab::new(&config.network, &params)?;
    Ok(Segmenter::from_network(config, network, &Device::Cpu))
}

#[test]
fn an_explanation_ends_in_the_segmenters_own_answer() -> Result<()> {
    let image = RgbImage::from_fn(50, 31, |x, y| image::Rgb([(x * 5) as u8, (y * 8) as u8, 90]));
    for preprocess in [PreprocessConfig::fit(65), PreprocessConfig::deeplab2(65)] {
        let segmenter = segmenter(preprocess)?;
        let told = segmenter.explain(&image)?;
        let expected = segmenter.predict(&image)?;
        assert!(told.prediction.logits == expected.logits && told.prediction.frame == expected.frame);
        let (panoptic, queries) = told.segments()?;
        assert_eq!(panoptic, segmenter.segment(&image)?);
        assert_eq!(queries.len(), panoptic.segments.len());
        let things = panoptic.segments.iter().zip(&queries);
        for (segment, queries) in things {
            let thing = segmenter.config().categories.is_thing(segment.category_id);
            assert!(queries.len() == 1 || !thing && !queries.is_empty());
            assert!(queries.iter().all(|query| *query < expected.logits.queries));
        }
    }
    Ok(())
}

#[test]
fn each_step_gives_every_pixel_to_its_most_probable_query() -> Result<()> {
    let image = RgbImage::from_fn(90, 40, |x, y| image::Rgb([(x * 2) as u8, (y * 6) as u8, 9]));
    let told = segmenter(PreprocessConfig::deeplab2(129))?.explain(&image)?;
    let layers = Preset::People.config().network.decoder.layers;
    let strides: Vec<usize> = told.steps.iter().map(|step| step.stride).collect();
    let expected = [32, 16, 8].into_iter().zip(layers);
    assert_eq!(strides, expected.flat_map(|(s, n)| std::iter::repeat_n(s, n)).collect::<Vec<_>>());
    for step in &told.steps {
        let (height, width) = (step.assignment.height(), step.assignment.width());
        // A photo of 90 x 40 fills an input of 129 x 129 across, and less than half of its height.
        assert_eq!(width, 128 / step.stride + 1);
        assert!(height < width);
        assert_eq!(step.pixels().iter().sum::<u64>(), (height * width) as u64);
        let classes = step.classes(0);
        assert_eq!(classes.len(), step.logits.classes + 1);
        assert!((classes.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let [content_height, content_width] = told.prediction.frame.content;
        let place = |at: usize, content: usize, image: usize| {
            let in_input = (at as f64 + 0.5) * content as f64 / image as f64 - 0.5;
            (in_input / step.stride as f64).round() as usize
        };
        for (x, y) in [(0, 0), (89, 39), (44, 20), (7, 31)] {
            let nearest = step.nearest(x, y, 3);
            assert_eq!(nearest.len(), 3);
            let at = (place(x, content_width, 90), place(y, content_height, 40));
            assert_eq!(step.assignment.get(at.0, at.1), Some(nearest[0].query as u32));
            assert!(nearest.is_sorted_by(|a, b| a.probability >= b.probability));
        }
        assert!(step.nearest(90, 0, 1).is_empty() && step.classes(5_000).is_empty());
    }
    let best = told.nearest(45, 20, 1)[0];
    let ([_, width], mask) = told.mask(best.query).expect("a mask");
    assert!(mask.contains(&best.probability) && mask.len().is_multiple_of(width));
    assert!(told.mask(5_000).is_none());
    Ok(())
}

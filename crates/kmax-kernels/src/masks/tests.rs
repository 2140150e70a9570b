//! Against the plain definition in float64.

use super::*;
use crate::testing::normal;
use crate::{resize_bilinear, twins};
use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;

fn logits(queries: usize, [height, width]: [usize; 2]) -> Vec<f32> {
    drawn(3.0, queries * height * width)
}

fn drawn(std: f64, count: usize) -> Vec<f32> {
    normal(5, count).into_iter().map(|value| (std * value) as f32).collect()
}

/// Logits resized by Candle tensors, then softmax over the queries that take part: `[queries][pixel]`, in float64.
fn reference(masks: &Tensor, steps: &[Step], takes_part: impl Fn(usize) -> bool) -> Result<Vec<Vec<f64>>> {
    let mut masks = masks.to_dtype(DType::F64)?.unsqueeze(0)?;
    for step in steps {
        masks = match *step {
            Step::Crop([h, w]) => masks.narrow(2, 0, h)?.narrow(3, 0, w)?.contiguous()?,
            Step::Resize([h, w], alignment) => resize_bilinear(&masks, h, w, alignment)?,
        };
    }
    let mut planes: Vec<Vec<f64>> = masks.squeeze(0)?.flatten_from(1)?.to_vec2()?;
    for pixel in 0..planes[0].len() {
        let part = |q: usize| takes_part(q).then(|| planes[q][pixel]);
        let most = (0..planes.len()).filter_map(part).fold(f64::NEG_INFINITY, f64::max);
        let numerators: Vec<f64> =
            (0..planes.len()).map(|q| part(q).map_or(0.0, |v| (v - most).exp())).collect();
        let sum: f64 = numerators.iter().sum();
        planes.iter_mut().zip(numerators).for_each(|(plane, value)| plane[pixel] = value / sum);
    }
    Ok(planes)
}

#[derive(Clone, Copy)]
enum Step {
    Crop([usize; 2]),
    Resize([usize; 2], Alignment),
}

fn shown<'a>(
    logits: &'a [f32],
    queries: usize,
    size: [usize; 2],
    mixing: Mixing,
    steps: &[Step],
) -> Result<ResizedMasks<'a>> {
    let masks = ResizedMasks::new(logits, queries, size, mixing)?;
    steps.iter().try_fold(masks, |masks, step| match *step {
        Step::Crop(size) => masks.cropped(size),
        Step::Resize(size, alignment) => masks.resized(size, alignment),
    })
}

fn cases() -> Vec<(usize, [usize; 2], Vec<Step>)> {
    let (corners, borders) = (Alignment::Corners, Alignment::Borders);
    vec![
        (5, [6, 7], vec![]),
        (3, [9, 40], vec![Step::Crop([7, 33])]),
        (7, [9, 9], vec![Step::Resize([33, 33], corners)]),
        (4, [8, 8], vec![Step::Resize([32, 32], borders), Step::Crop([20, 31])]),
        (
            4,
            [9, 13],
            vec![Step::Resize([33, 49], corners), Step::Crop([25, 49]), Step::Resize([70, 301], corners)],
        ),
        (
            2,
            [8, 8],
            vec![Step::Resize([32, 32], borders), Step::Crop([32, 9]), Step::Resize([50, 11], borders)],
        ),
        (3, [17, 5], vec![Step::Resize([4, 700], borders)]),
        (6, [1, 1], vec![Step::Resize([3, 40], corners)]),
        (1, [4, 4], vec![Step::Resize([1, 1], corners)]),
    ]
}

/// Compares the probabilities of all queries, and of every second one, with the definition.
fn compare(queries: usize, size: [usize; 2], steps: &[Step], tolerance: f64) -> Result<()> {
    let logits = logits(queries, size);
    let tensor = Tensor::from_slice(&logits, (queries, size[0], size[1]), &Device::Cpu)?;
    for takes_part in [(|_| true) as fn(usize) -> bool, |q| q % 2 == 0] {
        let expected = reference(&tensor, steps, takes_part)?;
        for mixing in [Mixing::Weights, Mixing::Difference] {
            let masks = shown(&logits, queries, size, mixing, steps)?.only(takes_part);
            let [height, width] = masks.size();
            assert_eq!(expected[0].len(), height * width);
            let mut seen = vec![false; height * width];
            // In two bands, the second larger than there are rows.
            let half = height / 2;
            for rows in [0..half, half..height + 9] {
                masks.visit(rows, |block| {
                    let first = block.row * width + block.column;
                    let most = block.confidences();
                    let mut found = vec![[None; BLOCK]; queries];
                    block.above(0.1, |query, pixels, probabilities| {
                        for lane in (0..BLOCK).filter(|lane| pixels >> lane & 1 == 1) {
                            found[query][lane] = Some(f64::from(probabilities[lane]));
                        }
                    });
                    for lane in 0..block.pixels {
                        let pixel = first + lane;
                        assert!(!std::mem::replace(&mut seen[pixel], true), "seen twice");
                        let largest = expected.iter().map(|plane| plane[pixel]).fold(0.0, f64::max);
                        assert!((f64::from(most[lane]) - largest).abs() < tolerance);
                        for query in 0..queries {
                            let (ours, exact) = (found[query][lane], expected[query][pixel]);
                            match ours {
                                Some(value) => assert!((value - exact).abs() < tolerance, "{value} {exact}"),
                                None => assert!(exact < 0.1 + tolerance, "{exact} was not told"),
                            }
                        }
                    }
                    assert!(found.iter().all(|row| row[block.pixels..].iter().all(Option::is_none)));
                });
            }
            assert!(seen.iter().all(|&seen| seen));
        }
    }
    Ok(())
}

#[test]
fn probabilities_equal_the_definition() -> Result<()> {
    cases().into_iter().try_for_each(|(queries, size, steps)| compare(queries, size, &steps, 3e-6))
}

#[test]
fn probabilities_equal_the_definition_at_random_sizes() {
    let size = || (1..=40usize, 1..=40usize).prop_map(|(height, width)| [height, width]);
    let alignments = prop::sample::select(vec![Alignment::Corners, Alignment::Borders]);
    let image = (1..=40usize, 1..=320usize).prop_map(|(height, width)| [height, width]);
    let resizes = (size(), size(), image, alignments);
    twins::drawn(24, (1..=9usize, size(), resizes), |(queries, from, (to, crop, image, alignment))| {
        // To the network's size, to the part that holds the image, to the image.
        let crop = [crop[0].min(to[0]), crop[1].min(to[1])];
        let steps = [Step::Resize(to, alignment), Step::Crop(crop), Step::Resize(image, alignment)];
        // The definition takes its sample positions in float64.
        compare(queries, from, &steps, 5e-5)
    });
}

#[test]
fn winners_and_best_classes_equal_the_definition() -> Result<()> {
    let classes = 7;
    for (queries, size, steps) in cases() {
        let logits = logits(queries, size);
        let tensor = Tensor::from_slice(&logits, (queries, size[0], size[1]), &Device::Cpu)?;
        let weights = drawn(1.0, classes * queries);
        let takes_part = |q: usize| q != 1;
        let (some, all) = (reference(&tensor, &steps, takes_part)?, reference(&tensor, &steps, |_| true)?);
        let masks = shown(&logits, queries, size, Mixing::Weights, &steps)?.only(takes_part);
        let [height, width] = masks.size();
        masks.visit(0..height, |block| {
            let winners = block.winners();
            let best = block.best_class(&weights);
            for lane in 0..block.pixels {
                let pixel = block.row * width + block.column + lane;
                let most = some.iter().map(|plane| plane[pixel]).fold(0.0, f64::max);
                assert!(most - some[winners.query[lane] as usize][pixel] < 3e-6);
                let overtaken = queries > 1
                    && all[1][pixel]
                        > all
                            .iter()
                            .enumerate()
                            .filter(|(q, _)| *q != 1)
                            .map(|(_, plane)| plane[pixel])
                            .fold(0.0, f64::max);
                assert_eq!(winners.overall[lane], !overtaken);
                let sum = |class: usize| -> f64 {
                    (0..queries).map(|q| some[q][pixel] * f64::from(weights[class * queries + q])).sum()
                };
                let largest = (0..classes).map(sum).fold(f64::NEG_INFINITY, f64::max);
                assert!(largest - sum(best[lane] as usize) < 1e-5);
            }
        });
    }
    Ok(())
}

#[test]
fn equal_logits_give_the_first() -> Result<()> {
    let masks = ResizedMasks::new(&[0.5; 3 * 4], 3, [2, 2], Mixing::Weights)?.only(|query| query > 0);
    masks.visit(0..2, |block| {
        assert_eq!(block.winners().query[..2], [1, 1]);
        assert!(block.winners().overall[..2].iter().all(|&overall| overall));
        assert_eq!(block.best_class(&[0.1, 0.2, 0.3, 0.1, 0.2, 0.3])[..2], [0, 0]);
    });
    Ok(())
}

#[test]
fn what_is_no_number_has_no_probability() -> Result<()> {
    let logits = [f32::NAN, 1.0, f32::INFINITY, f32::NEG_INFINITY, 0.0, 0.0, 0.0, 0.0];
    let masks =
        ResizedMasks::new(&logits, 2, [2, 2], Mixing::Weights)?.resized([7, 7], Alignment::Corners)?;
    masks.visit(0..7, |block| block.above(0.4, |_, _, _| {}));
    Ok(())
}

#[test]
fn wrong_sizes_are_refused() {
    let values = [0.0; 12];
    assert!(ResizedMasks::new(&values, 3, [2, 3], Mixing::Weights).is_err());
    assert!(ResizedMasks::new(&[], 0, [2, 3], Mixing::Weights).is_err());
    assert!(ResizedMasks::new(&values, usize::MAX, [usize::MAX, 2], Mixing::Weights).is_err());
    let masks = || ResizedMasks::new(&values, 3, [2, 2], Mixing::Weights).expect("fits");
    assert!(masks().cropped([3, 2]).is_err() && masks().cropped([0, 2]).is_err());
    assert!(masks().resized([0, 2], Alignment::Corners).is_err());
}

//! The transforms of deeplab2 against its own results.

use image::RgbImage;
use kmax_masks::LabelMap;
use kmax_transforms::deeplab2::autoaugment::{Operation, Policy};
use kmax_transforms::deeplab2::copy_paste::{self, CopyPaste, Pair};
use kmax_transforms::deeplab2::labels::{Encoding, GroundTruth};
use kmax_transforms::deeplab2::train::scales;
use kmax_transforms::eval::{self, Deeplab2Eval};
use kmax_transforms::planar::Planar;
use kmax_transforms::{resize, size};
use safetensors::SafeTensors;
use serde_json::Value;

/// Float32 rounding of values up to 255, over the three interpolations of a pixel.
const TOLERANCE: f32 = 3.0 * 255.0 * f32::EPSILON;

fn read(name: &str) -> Option<Vec<u8>> {
    let file = kmax_goldens::golden("tf/preprocess")?.join(name);
    Some(std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

fn facts() -> Option<Value> {
    Some(serde_json::from_slice(&read("preprocess.json")?).expect("preprocess.json is JSON"))
}

/// Shape and values; integers become floats, which hold them exactly.
fn tensor(file: &SafeTensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let data = view.data();
    let values = match view.dtype() {
        safetensors::Dtype::U8 => data.iter().map(|&byte| f32::from(byte)).collect(),
        safetensors::Dtype::I32 => {
            data.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b) as f32).collect()
        }
        _ => data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    };
    (view.shape().to_vec(), values)
}

fn photo(name: &str, height: usize, width: usize) -> RgbImage {
    let bytes = kmax_goldens::image(name, height, width);
    RgbImage::from_raw(width as u32, height as u32, bytes).expect("three bytes a pixel")
}

fn rule_labels(height: usize, width: usize) -> LabelMap {
    let label = |y: usize, x: usize| ((y / 13 * 31 + x / 17 * 7) % 134 * 256 + (y / 13 + x / 17) % 3) as u32;
    let data = (0..height * width).map(|at| label(at / width, at % width)).collect();
    LabelMap::new(width, height, data).expect("sizes fit")
}

/// Compares every `step`-th row and column with `[rows, columns, 3]` values; gives the largest difference.
fn compare(image: &Planar, step: usize, (shape, values): (Vec<usize>, Vec<f32>)) -> f32 {
    assert_eq!(shape, [image.height.div_ceil(step), image.width.div_ceil(step), 3]);
    let pixel = |at: usize| image.get(at % shape[1] * step, at / shape[1] * step).expect("inside");
    let expected = values.chunks_exact(3).enumerate();
    expected.flat_map(|(at, rgb)| [0, 1, 2].map(|c| (pixel(at)[c] - rgb[c]).abs())).fold(0.0, f32::max)
}

fn pairs(value: &Value) -> Option<[usize; 2]> {
    let side = |place: usize| value[place].as_u64().expect("a size") as usize;
    (side(0) > 0).then(|| [side(0), side(1)])
}

fn photos_and_labels_are_resized_and_padded_for_evaluation() {
    let (Some(facts), Some(bytes)) = (facts(), read("preprocess.safetensors")) else { return };
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let cases = facts["cases"].as_object().expect("cases");
    let mut worst = 0f32;
    for (name, case) in cases {
        let (_, sides) = name.rsplit_once('/').expect("a name with a size");
        let (height, width) = sides.split_once('x').expect("HxW");
        let (height, width): (usize, usize) = (height.parse().expect("H"), width.parse().expect("W"));
        let crop = pairs(&case["crop"]).expect("a crop");
        let settings =
            Deeplab2Eval { crop, min: pairs(&case["min_resize"]), max: pairs(&case["max_resize"]) };
        let input =
            eval::deeplab2(&photo(&format!("pre-{height}x{width}"), height, width), &settings).expect(name);
        let content = [input.content_height, input.content_width];
        assert_eq!(Some(content), pairs(&case["resized"]), "{name}");
        let (image_step, label_step) = if name.contains("noresize") { (1, 1) } else { (8, 4) };
        let difference =
            compare(&input.image, image_step, tensor(&file, &format!("{name}/image@s{image_step}")));
        assert!(difference <= TOLERANCE, "{name}: {difference:e}");
        worst = worst.max(difference);
        // The last row and column of the content, where an error of the step would have grown most.
        let (_, row) = tensor(&file, &format!("{name}/image_last_row"));
        let (_, column) = tensor(&file, &format!("{name}/image_last_col"));
        for (x, rgb) in row.chunks_exact(3).enumerate() {
            let found = input.image.get(x, content[0] - 1).expect("inside");
            assert!(
                (0..3).all(|c| (found[c] - rgb[c]).abs() <= TOLERANCE),
                "{name}: last row, column {x}: {found:?} {rgb:?}"
            );
        }
        for (y, rgb) in column.chunks_exact(3).enumerate() {
            let found = input.image.get(content[1] - 1, y).expect("inside");
            assert!((0..3).all(|c| (found[c] - rgb[c]).abs() <= TOLERANCE), "{name}: last column, row {y}");
        }
        let labels = eval::deeplab2_labels(&rule_labels(height, width), &settings, 0).expect(name);
        let sum: u64 = labels.data().iter().map(|&label| u64::from(label)).sum();
        assert_eq!(Some(sum), case["label_sum"].as_u64(), "{name}");
        let (shape, expected) = tensor(&file, &format!("{name}/label@s{label_step}"));
        for (at, &label) in expected.iter().enumerate() {
            let (x, y) = (at % shape[1] * label_step, at / shape[1] * label_step);
            assert_eq!(labels.get(x, y), Some(label as u32), "{name}: ({x}, {y})");
        }
    }
    assert_eq!(cases.len(), 8);
    kmax_goldens::say(&format!("largest difference {worst:e}"));
}

fn sizes_are_rounded_as_in_float32() {
    let Some(bytes) = read("resized_sizes.json") else { return };
    let rows: Vec<[usize; 5]> = serde_json::from_slice(&bytes).expect("rows of five");
    for [height, width, target, new_height, new_width] in &rows {
        let side = Some([*target; 2]);
        let found = size::resize_to_range([*height, *width], side, side, None);
        assert_eq!(found, [*new_height, *new_width], "{height} x {width} to {target}");
    }
    assert_eq!(rows.len(), 290);
}

fn random_scales_are_those_of_the_original() {
    let (Some(facts), Some(bytes)) = (facts(), read("preprocess.safetensors")) else { return };
    for (name, range) in facts["random_scale"].as_object().expect("ranges") {
        let number = |key: &str| range[key].as_f64().expect("a number") as f32;
        let found = scales([number("min"), number("max")], number("step"));
        let expected = range["values"].as_array().expect("values");
        let expected: Vec<f32> =
            expected.iter().map(|value| value.as_f64().expect("a number") as f32).collect();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 2.0 * f32::EPSILON, "{name}: {found} {expected}");
        }
    }
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    for scale in ["0.3", "0.7", "1.3", "1.7"] {
        let size = size::randomly_scaled([33, 47], scale.parse().expect("a number"));
        let image = Planar::from_rgb(&photo("pre-33x47", 33, 47));
        let image = resize::bilinear(&image, size).expect("resized");
        let difference = compare(&image, 1, tensor(&file, &format!("scale/{scale}/image")));
        assert!(difference <= TOLERANCE, "{scale}: {difference:e}");
        let labels = resize::nearest(&rule_labels(33, 47), size).expect("resized");
        let (shape, expected) = tensor(&file, &format!("scale/{scale}/label"));
        assert_eq!(shape, size);
        assert!(
            labels.data().iter().zip(&expected).all(|(&label, &expected)| label as f32 == expected),
            "{scale}"
        );
    }
}

fn autoaugment_operations_give_the_same_bytes() {
    let Some(bytes) = read("preprocess.safetensors") else { return };
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let check = |operation: Operation, image: &RgbImage, name: &str| {
        let (_, expected) = tensor(&file, &format!("autoaugment/{name}"));
        let found = operation.apply(image);
        let wrong =
            found.as_raw().iter().zip(&expected).filter(|(byte, value)| f32::from(**byte) != **value).count();
        assert_eq!((wrong, found.as_raw().len()), (0, expected.len()), "{name}");
    };
    let small = photo("pre-33x47", 33, 47);
    for factor in ["0.46", "1.9"] {
        let value = factor.parse().expect("a number");
        check(Operation::Brightness(value), &small, &format!("Brightness_{factor}"));
        check(Operation::Contrast(value), &small, &format!("Contrast_{factor}"));
    }
    for factor in ["0.424", "1.72"] {
        check(Operation::Color(factor.parse().expect("a number")), &small, &format!("Color_{factor}"));
    }
    for factor in ["0.136", "0.28", "0.352", "0.424", "1.36", "1.72"] {
        check(
            Operation::Sharpness(factor.parse().expect("a number")),
            &small,
            &format!("Sharpness_{factor}"),
        );
    }
    check(Operation::Equalize, &small, "Equalize");
    check(Operation::Solarize(35), &small, "Solarize_35");
    check(Operation::Solarize(179), &small, "Solarize_179");
    let large = photo("pre-128x256", 128, 256);
    check(Operation::Equalize, &large, "Equalize/128x256");
    check(Operation::Contrast(1.54), &large, "Contrast/128x256");
    check(Operation::Sharpness(1.36), &large, "Sharpness/128x256");
    // Photos of one value and of two, 77 and 200, which equalizing leaves as they are.
    for kind in ["constant", "two_values"] {
        let (shape, values) = tensor(&file, &format!("autoaugment/Equalize/{kind}"));
        let bytes = values.iter().map(|&value| value as u8).collect();
        let image = RgbImage::from_raw(shape[1] as u32, shape[0] as u32, bytes).expect("three bytes a pixel");
        check(Operation::Equalize, &image, &format!("Equalize/{kind}"));
        check(Operation::AutoContrast, &image, &format!("AutoContrast/{kind}"));
    }
}

fn policies_are_those_of_the_configurations() {
    let Some(facts) = facts() else { return };
    for (name, pairs) in facts["autoaugment"]["policies"].as_object().expect("policies") {
        let policy = Policy::by_name(name).expect(name);
        for (pair, expected) in policy.pairs().iter().zip(pairs.as_array().expect("pairs")) {
            for ((operation, probability), expected) in pair.iter().zip(expected.as_array().expect("steps")) {
                let (label, argument) = match *operation {
                    Operation::AutoContrast => ("AutoContrast", None),
                    Operation::Equalize => ("Equalize", None),
                    Operation::Solarize(threshold) => ("Solarize", Some(f64::from(threshold))),
                    Operation::Color(factor) => ("Color", Some(f64::from(factor))),
                    Operation::Contrast(factor) => ("Contrast", Some(f64::from(factor))),
                    Operation::Brightness(factor) => ("Brightness", Some(f64::from(factor))),
                    Operation::Sharpness(factor) => ("Sharpness", Some(f64::from(factor))),
                };
                assert_eq!(expected["op"], label, "{name}");
                assert_eq!(expected["probability"].as_f64().map(|p| p as f32), Some(*probability), "{name}");
                assert_eq!(
                    expected["args"][0].as_f64().map(|a| a as f32),
                    argument.map(|a| a as f32),
                    "{name}: {label}"
                );
            }
        }
    }
}

/// COCO as deeplab2 numbers it: things 1..80, stuff 81..133, void 0.
fn coco() -> Encoding {
    Encoding { divisor: 256, ignore: 0, things: (1..=80).collect(), classes: 134 }
}

fn label_map(file: &SafeTensors, name: &str) -> LabelMap {
    let (shape, values) = tensor(file, name);
    LabelMap::new(shape[1], shape[0], values.iter().map(|&value| value as u32).collect()).expect("sizes fit")
}

fn copy_paste_lays_the_same_segments_over() {
    let (Some(facts), Some(bytes)) = (facts(), read("preprocess.safetensors")) else { return };
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let pair = |which: &str| {
        let (shape, values) = tensor(&file, &format!("copy_paste/image_{which}"));
        let data =
            (0..3).flat_map(|c| values.iter().skip(c).step_by(3).copied().collect::<Vec<_>>()).collect();
        let image = Planar { width: shape[1], height: shape[0], data };
        Pair { image, labels: label_map(&file, &format!("copy_paste/label_{which}")) }
    };
    let (target, source) = (pair("a"), pair("b"));
    let order = copy_paste::labels_in_order(&source.labels);
    let expected: Vec<u32> =
        serde_json::from_value(facts["copy_paste"]["unique_labels_of_b_in_first_seen_order"].clone())
            .expect("labels");
    assert_eq!(order, expected);
    for keep in [0, 2, 7] {
        for reversed in [false, true] {
            let mut chosen: Vec<bool> = (0..order.len()).map(|place| place < keep).collect();
            if reversed {
                chosen.reverse();
            }
            let out = CopyPaste::default().apply(&target, &source, &coco(), &chosen).expect("pasted");
            let name = format!("copy_paste/keep{keep}_{}", if reversed { "reversed" } else { "identity" });
            assert_eq!(out.labels, label_map(&file, &format!("{name}/label")), "{name}");
            if !reversed {
                assert_eq!(compare(&out.image, 1, tensor(&file, &format!("{name}/image"))), 0.0, "{name}");
            }
        }
    }
}

fn ground_truth_is_derived_alike() {
    let Some(bytes) = read("preprocess.safetensors") else { return };
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let truth = GroundTruth::new(&label_map(&file, "gt/label"), &coco()).expect("derived");
    assert_eq!(truth.semantic, label_map(&file, "gt/semantic"));
    assert_eq!(truth.panoptic, label_map(&file, "gt/panoptic"));
    let (_, crowd) = tensor(&file, "gt/is_crowd");
    assert!(truth.crowd.iter().zip(&crowd).all(|(&found, &expected)| found == (expected != 0.0)));
    let (_, things) = tensor(&file, "gt/thing_id_mask");
    let index = |thing: Option<usize>| thing.map_or(-1.0, |thing| thing as f32);
    assert!(truth.thing.iter().zip(&things).all(|(&found, &expected)| index(found) == expected));
    let (_, classes) = tensor(&file, "gt/thing_id_class");
    let listed: Vec<u32> = classes.iter().filter(|&&class| class >= 0.0).map(|&class| class as u32).collect();
    assert_eq!(truth.thing_classes, listed);
}

kmax_goldens::tests!(
    photos_and_labels_are_resized_and_padded_for_evaluation,
    sizes_are_rounded_as_in_float32,
    random_scales_are_those_of_the_original,
    autoaugment_operations_give_the_same_bytes,
    policies_are_those_of_the_configurations,
    copy_paste_lays_the_same_segments_over,
    ground_truth_is_derived_alike
);

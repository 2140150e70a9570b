//! A folder with one small file or dataset of every kind that the program reads, and for each the command that reads it.

use crate::fixture;
use crate::program::{command, run};
use candle_core::{DType, Device};
use image::{DynamicImage, ImageFormat, RgbImage};
use kmax::{KMaxDeepLab, ModelCard};
use kmax_datasets::forms::Form;
use kmax_nn::Params;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Files, and what is done with them. All paths are relative to the folder.
#[derive(Clone)]
pub struct Kind {
    pub name: &'static str,
    /// Files that are changed, one at a time.
    pub files: Vec<String>,
    pub commands: Vec<Vec<String>>,
    /// Made by the command, and in the way of the next.
    pub made: &'static [&'static str],
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Makes everything in `folder`.
pub fn make(folder: &Path) -> Vec<Kind> {
    fs::create_dir(folder.join("data")).expect("a folder");
    fixture::draw(&folder.join("data")).expect("drawn");
    labelled(folder);
    model(&folder.join("model"));
    let photos = photos(folder);
    fs::write(folder.join("train.toml"), TRAINING).expect("written");
    fs::write(folder.join("list.txt"), "photo.png\n{\"file\": \"photo.bmp\", \"id\": 7}\n").expect("written");
    fs::write(folder.join("ids.json"), r#"{"images": [{"id": 7, "file_name": "photo.png"}]}"#)
        .expect("written");
    kinds(folder, photos)
}

/// The same dataset as a benchmark lies on disk, with areas.
fn labelled(folder: &Path) {
    let (from, to) = (folder.join("data"), folder.join("labelled"));
    for part in ["val", "panoptic_val"] {
        fs::create_dir_all(to.join(part)).expect("a folder");
    }
    let text = fs::read(from.join("panoptic.json")).expect("annotations");
    let mut file: Value = serde_json::from_slice(&text).expect("JSON");
    for annotation in file["annotations"].as_array_mut().expect("a list") {
        let name = annotation["file_name"].as_str().expect("a name").to_owned();
        let map = image::open(from.join(&name)).expect("a map").to_rgb8();
        for segment in annotation["segments_info"].as_array_mut().expect("a list") {
            let id = segment["id"].as_u64();
            let area = map.pixels().filter(|pixel| Some(u64::from(pixel.0[0])) == id).count();
            segment["area"] = area.into();
        }
        let photo = format!("image{name}");
        fs::copy(from.join(&name), to.join("panoptic_val").join(&name)).expect("copied");
        fs::copy(from.join(&photo), to.join("val").join(&photo)).expect("copied");
    }
    fs::write(to.join("panoptic_val.json"), file.to_string()).expect("written");
}

/// A network of some thousand parameters, as a model folder.
fn model(folder: &Path) {
    let mut config = fixture::tiny();
    config.postprocess.class_threshold_thing = 0.0;
    config.postprocess.class_threshold_stuff = 0.0;
    config.postprocess.pixel_threshold = 0.0;
    let params = Params::trainable(None, 7, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(&config.network, &params).expect("a network");
    let weights = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
    let weights = weights.filter(|(name, _)| !name.starts_with("semantic_head.")).collect();
    let card = ModelCard { name: "Tiny".into(), license: "apache-2.0".into(), sections: Vec::new() };
    kmax::folder::save(folder, &config, weights, DType::F32, &card).expect("saved");
}

/// A run of two steps.
const TRAINING: &str = r#"output = "run"
seed = 3
[model]
config = "data/config.json"
[data]
train = { json = "data/panoptic.json", images = "data", panoptic = "data" }
val = { json = "data/panoptic.json", images = "data", panoptic = "data" }
workers = 1
[augment]
crop = [33, 33]
[schedule]
steps = 2
batch = 2
learning_rate = 1e-3
[checkpoints]
every = 1
"#;

/// The same picture in every format that is built in.
fn photos(folder: &Path) -> Vec<String> {
    let photo =
        RgbImage::from_fn(40, 30, |x, y| image::Rgb([(6 * x) as u8, (8 * y) as u8, (x * y % 256) as u8]));
    let mut names = Vec::new();
    for (ending, format) in [
        ("png", ImageFormat::Png),
        ("jpg", ImageFormat::Jpeg),
        ("webp", ImageFormat::WebP),
        ("bmp", ImageFormat::Bmp),
        ("ppm", ImageFormat::Pnm),
    ] {
        let name = format!("photo.{ending}");
        DynamicImage::from(photo.clone()).save_with_format(folder.join(&name), format).expect("saved");
        names.push(name);
    }
    for (name, bytes) in [("photo.tif", tiff(&photo)), ("photo.gif", GIF.to_vec())] {
        fs::write(folder.join(name), bytes).expect("written");
        names.push(name.into());
    }
    names
}

/// A picture of one strip, not compressed, little-endian.
fn tiff(photo: &RgbImage) -> Vec<u8> {
    let pixels = photo.as_raw();
    let directory = 8 + pixels.len() as u32;
    let mut file = [b"II*\0".to_vec(), directory.to_le_bytes().to_vec(), pixels.clone()].concat();
    // Tag, type (3: short, 4: long), count, value.
    let entries: [(u16, u16, u32, u32); 9] = [
        (256, 4, 1, photo.width()),
        (257, 4, 1, photo.height()),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (277, 3, 1, 3),
        (278, 4, 1, photo.height()),
        (279, 4, 1, pixels.len() as u32),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    file
}

/// One pixel.
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\x10\x20\x30\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

fn kinds(folder: &Path, photos: Vec<String>) -> Vec<Kind> {
    let kind = |name, files: &[&str], commands: &[&str], made| Kind {
        name,
        files: files.iter().map(|file| file.to_string()).collect(),
        commands: commands.iter().map(|command| words(command)).collect(),
        made,
    };
    let segment = |photo: &str| format!("segment {photo} --model model -o out");
    let done = |text: &str| {
        let done = run(&mut command(folder, &text.split(' ').collect::<Vec<_>>()));
        assert_eq!(done.code, Some(0), "{text}: {}", done.err);
    };
    // What becomes of a run, of parts and of kept predictions is read again.
    done("segment photo.png photo.bmp --model model -o parts --shard 1/1 --format coco-panoptic");
    done("eval model --dataset panoptic --root labelled --model model --predictions kept --split val");
    done("train --config train.toml");
    done("quantize model -o rounded");
    done("dataset convert labelled/panoptic_val.json objects.json --to coco-instances");
    done("dataset convert labelled/panoptic_val.json results.json --to coco-results");
    let newest = "run/checkpoint-00000002.safetensors";
    let mut all = vec![
        kind(
            "config",
            &["model/config.json"],
            &["models info model", "export model -o made.onnx", &segment("photo.png")],
            &["out", "made.onnx"],
        ),
        kind("preprocess", &["model/preprocessor_config.json"], &[&segment("photo.png")], &["out"]),
        kind("weights", &["model/model.safetensors"], &[&segment("photo.png")], &["out"]),
        kind(
            "rounded",
            &["rounded/model.safetensors"],
            &["segment photo.png --model rounded --precision int8 -o out"],
            &["out"],
        ),
        kind("list", &["list.txt"], &["segment --list list.txt --model model -o out"], &["out"]),
        kind(
            "ids",
            &["ids.json"],
            &["segment photo.png --ids ids.json --model model -o out --format coco-panoptic"],
            &["out"],
        ),
        kind("training", &["train.toml"], &["train --config train.toml --print-config"], &[]),
        kind("run", &["run/log.jsonl", newest], &["train --config train.toml"], &[]),
        kind("parts", &["parts/segment.1-of-1.jsonl"], &["merge parts"], &[]),
        kind(
            "kept",
            &["kept/finished.jsonl", "kept/panoptic/image0.png"],
            &["eval model --dataset panoptic --root labelled --model model --predictions kept --split val"],
            &[],
        ),
        kind(
            "panoptic",
            &["labelled/panoptic_val.json", "labelled/panoptic_val/1.png"],
            &[
                "eval panoptic --gt labelled/panoptic_val.json --pred labelled/panoptic_val.json",
                "dataset check labelled/panoptic_val.json --photos data",
            ],
            &[],
        ),
        kind(
            "instances",
            &["objects.json", "results.json"],
            &[
                "eval instances --gt objects.json --pred results.json",
                "dataset check objects.json --photos data",
            ],
            &[],
        ),
    ];
    all.extend(photos.into_iter().map(|photo| Kind {
        name: "photo",
        commands: vec![words(&segment(&photo))],
        files: vec![photo],
        made: &["out"],
    }));
    all.extend(forms(folder, &done));
    all.extend(checkpoints(folder));
    for file in all.iter().flat_map(|kind| &kind.files) {
        assert!(folder.join(file).is_file(), "{file} is not there");
    }
    all
}

/// A dataset in each form that the program writes and reads.
fn forms(folder: &Path, done: &dyn Fn(&str)) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for form in ["yolo", "labelme", "label-studio", "cvat-coco"] {
        let one_file = !matches!(form, "yolo" | "labelme");
        let place = if one_file { format!("{form}.json") } else { format!("form-{form}") };
        done(&format!(
            "dataset convert labelled/panoptic_val.json {place} --to {form} --photos labelled/val"
        ));
        if form == "label-studio" {
            // Written for people to look through, read when they have.
            let text = fs::read_to_string(folder.join(&place)).expect("tasks");
            fs::write(folder.join(&place), text.replace("\"predictions\"", "\"annotations\""))
                .expect("written");
        }
        let files = if one_file { vec![place.clone()] } else { below(folder, &place) };
        let split = if form == "yolo" { " --split val" } else { "" };
        let read =
            format!("dataset convert {place} made.json --to coco-instances --photos labelled/val{split}");
        kinds.push(Kind { name: "form", files, commands: vec![words(&read)], made: &["made.json"] });
    }
    // Class maps, masks of objects and Pascal VOC are folders of PNGs.
    for (form, labels) in
        [(Form::Semantic, "labels"), (Form::Voc, "SegmentationClass"), (Form::BinaryMasks, "1/masks")]
    {
        let place = format!("form-{}", form.name());
        let photos = match form {
            Form::BinaryMasks => "1/images",
            Form::Voc => "JPEGImages",
            _ => "images",
        };
        for part in [labels, photos] {
            fs::create_dir_all(folder.join(&place).join(part)).expect("a folder");
        }
        let at = |part: &str, name: &str| folder.join(&place).join(part).join(name);
        fs::copy(folder.join("data/image1.png"), at(photos, "1.png")).expect("copied");
        let map = image::GrayImage::from_fn(48, 36, |x, _| image::Luma([if x > 20 { 255 } else { 0 }]));
        map.save(at(labels, "1.png")).expect("saved");
        fs::write(folder.join(&place).join("classes.txt"), "ground\nbox\n").expect("written");
        let read = format!("dataset convert {place} made.json --to coco-instances --from {}", form.name());
        let mut files = vec![format!("{place}/{labels}/1.png"), format!("{place}/classes.txt")];
        if form == Form::BinaryMasks {
            // Of one class, as folders are called as theirs.
            files.truncate(1);
            fs::remove_file(folder.join(&place).join("classes.txt")).expect("removed");
        }
        kinds.push(Kind { name: "form", files, commands: vec![words(&read)], made: &["made.json"] });
    }
    kinds
}

/// Files of a folder and of the folders in it, but photos.
fn below(folder: &Path, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.join(place)).expect("listed") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let inner = format!("{place}/{name}");
        if folder.join(&inner).is_dir() {
            found.extend(below(folder, &inner));
        } else if !name.ends_with(".png") {
            found.push(inner);
        }
    }
    found.sort();
    found
}

/// The genuine small checkpoints that their reader is tested with.
fn checkpoints(folder: &Path) -> Vec<Kind> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kmax-checkpoints/tests/data");
    fs::create_dir_all(folder.join("foreign/bundle")).expect("a folder");
    let mut kinds = Vec::new();
    for part in ["", "bundle"] {
        for entry in fs::read_dir(source.join(part)).expect("listed").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if !path.is_file() || name.ends_with(".py") || name.ends_with(".json") {
                continue;
            }
            let file = Path::new("foreign").join(part).join(&name).display().to_string();
            fs::copy(&path, folder.join(&file)).expect("copied");
            let from = if part.is_empty() { file.clone() } else { "foreign/bundle".into() };
            let commands = vec![words(&format!("convert --from {from} --to made"))];
            kinds.push(Kind { name: "checkpoint", files: vec![file], commands, made: &["made"] });
        }
    }
    kinds
}

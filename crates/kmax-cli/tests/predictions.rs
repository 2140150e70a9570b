//! `kmax eval model --predictions`: what is kept is taken for nothing else.

mod small_model;
mod support;

use kmax_datasets::coco::{ImageEntry, PanopticWriter};
use kmax_masks::{LabelMap, Panoptic};
use small_model::{copied_model, model_folder};
use std::error::Error;
use std::path::Path;
use std::time::SystemTime;
use support::{Run, kmax, names, picture};

type Outcome = Result<(), Box<dyn Error>>;

/// A dataset of two photos under `data`.
fn dataset(folder: &Path) -> Outcome {
    let root = folder.join("data");
    std::fs::create_dir_all(root.join("annotations"))?;
    std::fs::create_dir(root.join("val"))?;
    let classes = kmax::Preset::named("kmax-people").ok_or("no preset")?.config().categories;
    let writer = PanopticWriter::create(root.join("annotations/panoptic_val.json"))?;
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for id in [1, 2] {
        let image = ImageEntry { id: id.into(), file_name: format!("{id}.png"), width: 48, height: 40 };
        picture(48, 40).save(root.join("val").join(&image.file_name))?;
        let map = LabelMap::new(48, 40, vec![7; 48 * 40])?;
        let person = classes.iter().next().ok_or("no class")?.id;
        annotations.push(writer.write(&image, &Panoptic::from_map(map, |_| (person, false)))?);
        images.push(image);
    }
    writer.finish(images, annotations, &classes)?;
    Ok(())
}

fn evaluate(folder: &Path, model: &Path) -> Run {
    let model = model.display().to_string();
    let arguments = ["model", "--dataset", "panoptic", "--root", "data", "--model", &model, "--json"];
    kmax(folder, "eval", &[&arguments[..], &["--predictions", "out"]].concat())
}

fn written(file: &Path) -> Result<SystemTime, Box<dyn Error>> {
    Ok(std::fs::metadata(file)?.modified()?)
}

#[test]
fn only_what_changed_is_predicted_again() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    let first = evaluate(folder, model_folder());
    assert_eq!(first.code, 0, "{first:?}");
    let pngs = folder.join("out/panoptic");
    assert_eq!(names(&pngs), ["1.png", "2.png"]);
    let (one, two) = (pngs.join("1.png"), pngs.join("2.png"));
    let before = (written(&one)?, written(&two)?);
    assert_eq!(evaluate(folder, model_folder()).out, first.out);
    assert_eq!((written(&one)?, written(&two)?), before, "nothing to do");

    // Another photo under the same name: its prediction is made again, the other one's is not.
    picture(58, 50).save(folder.join("data/val/1.png"))?;
    assert_eq!(evaluate(folder, model_folder()).code, 3, "another size than the annotations say");
    image::imageops::flip_horizontal(&picture(48, 40)).save(folder.join("data/val/1.png"))?;
    assert_eq!(evaluate(folder, model_folder()).code, 0);
    assert!(written(&one)? > before.0 && written(&two)? == before.1);

    // A PNG that somebody deleted is made again, once, and later runs work.
    std::fs::remove_file(&two)?;
    for _ in 0..2 {
        let run = evaluate(folder, model_folder());
        assert_eq!(run.code, 0, "{run:?}");
    }
    let made = written(&two)?;
    assert_eq!(evaluate(folder, model_folder()).code, 0);
    assert_eq!(written(&two)?, made);
    Ok(())
}

#[test]
fn another_model_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    assert_eq!(evaluate(folder, model_folder()).code, 0);
    // The same name, and one value of the weights is another.
    let copy = copied_model(folder);
    let weights = copy.join("model.safetensors");
    let mut bytes = std::fs::read(&weights)?;
    *bytes.last_mut().ok_or("empty")? ^= 1;
    std::fs::write(&weights, bytes)?;
    evaluate(folder, &copy).fails(3, &["finished.jsonl", "give another folder"]);
    Ok(())
}

#[test]
fn predictions_in_another_precision_are_told_apart() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    assert!(!evaluate(folder, model_folder()).out.contains("computed"), "as usual");
    let model = model_folder().display().to_string();
    let rounded = |out| {
        let arguments = ["model", "--dataset", "panoptic", "--root", "data", "--model", &model, "--json"];
        kmax(folder, "eval", &[&arguments[..], &["--precision", "int8", "--predictions", out]].concat())
    };
    rounded("out").fails(3, &["finished.jsonl", "give another folder"]);
    let run = rounded("other");
    assert!(run.code == 0 && run.out.contains(r#""computed": "int8 on cpu""#), "{run:?}");
    Ok(())
}

#[test]
fn a_folder_that_is_held_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    assert_eq!(evaluate(folder, model_folder()).code, 0);
    let held = std::fs::File::open(folder.join("out/finished.jsonl"))?;
    held.lock()?;
    evaluate(folder, model_folder()).fails(3, &["finished.jsonl", "another process"]);
    drop(held);
    assert_eq!(evaluate(folder, model_folder()).code, 0);
    Ok(())
}

#[test]
fn parts_are_measured_as_one_run_is() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    let model = model_folder().display().to_string();
    let evaluate = |out: &str, more: &[&str]| {
        let arguments = ["model", "data", "--model", &model, "--predictions", out];
        kmax(folder, "eval", &[&arguments[..], more].concat())
    };
    let whole = evaluate("whole", &["--json"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    for shard in ["1/2", "2/2"] {
        let run = evaluate("parts", &["--shard", shard]);
        assert!(run.code == 0 && run.out.is_empty(), "{run:?}");
        assert!(run.err.contains("1 images are predicted"), "{}", run.err);
    }
    let png = written(&folder.join("parts/panoptic/2.png"))?;
    let parts = evaluate("parts", &["--json"]);
    assert_eq!(parts.code, 0, "{parts:?}");
    assert_eq!(written(&folder.join("parts/panoptic/2.png"))?, png);
    // The numbers, and the files that the official scripts take.
    assert_eq!(parts.out.replace("parts", "whole"), whole.out);
    for file in ["panoptic.json", "coco_instances_results.json", "panoptic/1.png", "panoptic/2.png"] {
        let read = |out: &str| std::fs::read(folder.join(out).join(file));
        assert!(read("parts")? == read("whole")?, "{file}");
    }
    kmax(folder, "merge", &["parts"]).fails(3, &["kmax eval model"]);
    kmax(folder, "eval", &["model", "data", "--model", &model, "--shard", "1/2"])
        .fails(2, &["--predictions"]);
    Ok(())
}

/// Large photos of a dataset are cut by the dataset's own command to be learnt from, and by the model's to be measured.
#[test]
fn large_images_are_cut_and_objects_are_counted() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    let model = model_folder().display().to_string();
    let measure = |more: &[&str]| -> Result<serde_json::Value, Box<dyn Error>> {
        let run = kmax(folder, "eval", &[&["model", "data", "--model", &model, "--json"], more].concat());
        assert_eq!(run.code, 0, "{run:?}");
        Ok(serde_json::from_str(&run.out)?)
    };
    let whole = measure(&["--objects", "--predictions", "whole"])?;
    assert_eq!(whole["objects"]["provenance"]["images"], 2);
    assert_eq!(whole["objects"]["All"]["thresholds"].as_array().map(Vec::len), Some(9));
    // The same numbers from what was kept.
    let files = ["--gt", "data/annotations/panoptic_val.json", "--pred", "whole/panoptic.json", "--json"];
    let run = kmax(folder, "eval", &[&["objects"], &files[..]].concat());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&run.out)?["All"], whole["objects"]["All"]);
    // In tiles, which a photo of 48 x 40 has four of; what is kept of whole photos is not taken for them.
    let tiled = measure(&["--tile", "32", "--predictions", "tiled"])?;
    assert!(tiled.get("objects").is_none());
    assert_eq!(
        measure(&["--tile", "64", "--predictions", "large"])?["panoptic"]["All"],
        whole["panoptic"]["All"]
    );
    let again =
        kmax(folder, "eval", &["model", "data", "--model", &model, "--tile", "32", "--predictions", "whole"]);
    assert_ne!(again.code, 0, "{again:?}");
    let run = kmax(folder, "eval", &["model", "data", "--model", &model, "--tile", "32", "--overlap", "20"]);
    assert_eq!(run.code, 2, "{run:?}");

    let run = kmax(folder, "dataset", &["tile", "data", "cut", "--tile", "32"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("val: 8 tiles of 2 images"), "{run:?}");
    let run = kmax(folder, "dataset", &["check", "cut"]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = kmax(folder, "dataset", &["tile", "data", "cut", "--tile", "16"]);
    assert!(run.code == 3 && run.err.contains("panoptic_val.json: is there already"), "{run:?}");
    kmax(folder, "dataset", &["tile", "cut", "cut", "--tile", "16"]).fails(2, &["DATA"]);
    let run = kmax(folder, "dataset", &["tile", "data", "cut", "--tile", "8"]);
    assert_eq!((run.code, run.err.lines().count()), (2, 1), "{run:?}");
    Ok(())
}

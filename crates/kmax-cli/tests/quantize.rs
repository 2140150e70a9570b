//! `kmax quantize`: weights in 8 bits.

mod small_model;
mod support;

use small_model::model_folder;
use std::error::Error;
use std::path::Path;
use support::{kmax, names, picture};

type Outcome = Result<(), Box<dyn Error>>;

fn scores(folder: &Path, model: &str, precision: &str) -> Result<String, Box<dyn Error>> {
    let out = format!("{model}-{precision}");
    let out = Path::new(&out).file_name().ok_or("no name")?;
    let arguments =
        ["photo.png", "--model", model, "--precision", precision, "-o", out.to_str().ok_or("no text")?];
    let run = kmax(folder, "segment", &arguments);
    assert_eq!(run.code, 0, "{run:?}");
    Ok(std::fs::read_to_string(folder.join(out).join("photo.json"))?)
}

#[test]
fn a_model_becomes_half_as_large_and_segments() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    picture(50, 40).save(folder.join("photo.png"))?;
    let model = model_folder().to_str().ok_or("no text")?;
    let run = kmax(folder, "quantize", &[model, "-o", "rounded"]);
    assert!(run.code == 0 && run.out.is_empty() && run.err.contains("tensors in 8 bits"), "{run:?}");
    let files = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"];
    assert_eq!(names(&folder.join("rounded")), files);
    let size = |folder: &Path| std::fs::metadata(folder.join("model.safetensors")).map(|file| file.len());
    // The small model is in half precision, and has many small tensors.
    assert!(size(&folder.join("rounded"))? < size(model_folder())? * 7 / 10);
    let card = std::fs::read_to_string(folder.join("rounded/README.md"))?;
    assert!(card.starts_with("---\nlibrary_name: kmax") && card.contains("## Weights in 8 bits"), "{card}");
    assert_ne!(scores(folder, "rounded", "int8")?, scores(folder, model, "f32")?);

    // Its agreement with the model that it was made from, in the card as well.
    let run =
        kmax(folder, "quantize", &[model, "-o", "rounded", "--photos", "photo.png", "--keep", "decoder."]);
    assert!(run.code == 0 && run.out.starts_with("on 1 photos, in int8 against"), "{run:?}");
    let card = std::fs::read_to_string(folder.join("rounded/README.md"))?;
    assert!(card.contains(run.out.trim()) && card.contains("`decoder.`"), "{card}");
    Ok(())
}

#[test]
fn what_cannot_be_quantized_is_told_and_nothing_is_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let model = model_folder().to_str().ok_or("no text")?;
    kmax(folder, "quantize", &[model, "-o", "out", "--keep", "backbones"])
        .fails(2, &["backbones", "backbone."]);
    kmax(folder, "quantize", &[model, "-o", "out", "--photos", "none.jpg"]).fails(3, &["none.jpg"]);
    kmax(folder, "quantize", &["nothing", "-o", "out"]).fails(4, &["nothing"]);
    assert!(names(folder).is_empty());
    assert_eq!(kmax(folder, "quantize", &[model, "-o", "out"]).code, 0);
    kmax(folder, "quantize", &["out", "-o", "again"]).fails(2, &["8 bits already"]);
    std::fs::create_dir(folder.join("mine"))?;
    std::fs::write(folder.join("mine/file"), "mine")?;
    kmax(folder, "quantize", &[model, "-o", "mine"]).fails(5, &["mine", "no model folder"]);
    assert_eq!(names(&folder.join("mine")), ["file"]);
    Ok(())
}

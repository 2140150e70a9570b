//! `kmax quantize`: weights in 8 bits.

mod small_model;
mod support;

use serde_json::Value;
use small_model::{copied_model, model_folder};
use std::error::Error;
use std::path::Path;
use support::{kmax, kmax_with_input, names, picture};

type Outcome = Result<(), Box<dyn Error>>;

/// Classes and scores of what a model finds in a photo.
fn found(folder: &Path, model: &str, precision: &str) -> Result<Vec<(String, f64)>, Box<dyn Error>> {
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/astronaut.png");
    let run = kmax(folder, "segment", &[photo, "--model", model, "--precision", precision, "-o", "out"]);
    assert_eq!(run.code, 0, "{run:?}");
    let list: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("out/astronaut.json"))?)?;
    let segments = list["segments_info"].as_array().ok_or("no list")?;
    let one = |segment: &Value| Some((segment["name"].as_str()?.to_owned(), segment["score"].as_f64()?));
    segments.iter().map(|segment| one(segment).ok_or("no score".into())).collect()
}

#[test]
fn a_quantized_model_finds_what_the_model_finds() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    assert_eq!(kmax(folder, "quantize", &["kmax-people", "-o", "small"]).code, 0);
    let expected = found(folder, "kmax-people", "f32")?;
    for precision in ["f32", "int8"] {
        let segments = found(folder, "small", precision)?;
        assert_ne!(segments, expected);
        // Of what is hardly sure little is left or comes.
        for (class, score) in expected.iter().filter(|(_, score)| *score > 0.4) {
            let near = |(name, other): &&(String, f64)| name == class && (other - score).abs() < 0.1;
            assert!(
                segments.iter().any(|segment| near(&segment)),
                "{precision}, {class}: {segments:?}, {expected:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_folder_named_as_a_built_in_model_is_told_apart() -> Outcome {
    let folder = tempfile::tempdir()?;
    let quantized = |arguments: &[&str]| kmax(folder.path(), "quantize", arguments);
    let run = quantized(&["kmax-people", "-o", "kmax-people"]);
    assert!(
        run.code == 0 && run.err.matches("the folder of that name is ./kmax-people").count() == 1,
        "{run:?}"
    );
    let run = quantized(&["kmax-people", "-o", "other"]);
    assert!(run.code == 0 && run.err.contains("the folder of that name is ./kmax-people"), "{run:?}");
    quantized(&["./kmax-people", "-o", "another"]).fails(2, &["8 bits already"]);
    Ok(())
}

#[test]
fn numbers_in_the_summary_of_a_card_are_of_the_model_before() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = kmax(folder.path(), "quantize", &["kmax-people", "-o", "people", "-q"]);
    assert!(run.code == 0, "{run:?}");
    let card = std::fs::read_to_string(folder.path().join("people/README.md"))?;
    let summaries: Vec<&str> = card.lines().filter(|line| line.starts_with("summary: ")).collect();
    assert!(
        matches!(summaries[..], [line] if line.contains("the weights before; 16 classes")),
        "{summaries:?}"
    );
    Ok(())
}

#[test]
fn a_model_becomes_half_as_large_and_segments() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    picture(50, 40).save(folder.join("photo.png"))?;
    let model = model_folder().to_str().ok_or("no text")?;
    let run = kmax(folder, "quantize", &[model, "-o", "small"]);
    assert!(run.code == 0 && run.out.is_empty() && run.err.contains("tensors in 8 bits"), "{run:?}");
    let files = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"];
    assert_eq!(names(&folder.join("small")), files);
    let size = |folder: &Path| std::fs::metadata(folder.join("model.safetensors")).map(|file| file.len());
    // The small model is in half precision, and has many small tensors.
    assert!(size(&folder.join("small"))? < size(model_folder())? * 7 / 10);
    let card = std::fs::read_to_string(folder.join("small/README.md"))?;
    assert!(card.starts_with("---\nlibrary_name: kmax") && card.contains("## Weights in 8 bits"), "{card}");
    let info = kmax(folder, "models", &["info", "small"]);
    assert!(info.code == 0 && info.out.contains("weights in 8 bits"), "{info:?}");

    // Its agreement with the model that it was made from, in the card as well.
    let run =
        kmax(folder, "quantize", &[model, "-o", "small", "--photos", "photo.png", "--keep", "decoder."]);
    assert!(run.code == 0 && run.out.starts_with("on 1 photo, in int8 against"), "{run:?}");
    let share = run.out.split(", ").last().and_then(|words| words.split(' ').next()).ok_or("no share")?;
    assert!(share.parse::<f64>()? > 90.0, "{run:?}");
    let card = std::fs::read_to_string(folder.join("small/README.md"))?;
    assert!(card.contains(run.out.trim()) && card.contains("`decoder.`"), "{card}");
    Ok(())
}

#[test]
fn parts_that_lose_most_are_kept_until_both_models_agree() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/astronaut.png");
    let quantized = |output, least: &str| {
        let run =
            kmax(folder, "quantize", &["kmax-people", "-o", output, "--photos", photo, "--agree", least]);
        assert!(run.code == 0, "{run:?}");
        let quality = run.out.split("PQ ").nth(1).and_then(|words| words.split(',').next());
        let quality: f64 = quality.ok_or("no quality")?.parse()?;
        let size = std::fs::metadata(folder.join(output).join("model.safetensors"))?.len();
        Ok::<_, Box<dyn Error>>((quality, size, run))
    };
    let (before, least, run) = quantized("all", "0")?;
    assert!(before < 99.0 && !run.err.contains("left as they were"), "{run:?}");
    let (quality, size, run) = quantized("some", "99")?;
    assert!(quality >= 99.0 && size > least && size < 8_000_000, "{size}, {run:?}");
    let kept = run.err.lines().find_map(|line| line.strip_prefix("left as they were: ")).ok_or("no list")?;
    let card = std::fs::read_to_string(folder.join("some/README.md"))?;
    assert!(kept.split(", ").all(|part| card.contains(&format!("`{part}`"))), "{card}");
    // Measured in the same way once more.
    let keep: Vec<&str> = kept.split(", ").flat_map(|part| ["--keep", part]).collect();
    let again =
        kmax(folder, "quantize", &[&["kmax-people", "-o", "again", "--photos", photo], &keep[..]].concat());
    assert_eq!(again.out, run.out);
    // The same photo from standard input, which cannot be read twice.
    let input = std::fs::read(photo)?;
    let arguments = ["kmax-people", "-o", "again", "--photos", "-", "--agree", "99"];
    assert_eq!(kmax_with_input(folder, "quantize", &arguments, &input).1, run.out.as_bytes());
    for wrong in ["101", "-1", "0.99", "nan", "much"] {
        let agree = format!("--agree={wrong}");
        kmax(folder, "quantize", &["kmax-people", "-o", "out", "--photos", photo, &agree])
            .fails(2, &["--agree"]);
    }
    kmax(folder, "quantize", &["kmax-people", "-o", "out", "--agree", "99"]).fails(2, &["--photos"]);
    let nothing = ["--photos", photo, "--agree", "100", "--keep", "decoder.", "--keep", "pixel_decoder."];
    kmax(folder, "quantize", &[&["kmax-people", "-o", "out"], &nothing[..]].concat())
        .fails(2, &["no part of the model", "alone gives"]);
    assert!(!folder.join("out").exists());
    Ok(())
}

#[test]
fn what_cannot_be_quantized_is_told_and_nothing_is_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let model = model_folder().to_str().ok_or("no text")?;
    kmax(folder, "quantize", &[model, "-o", "out", "--keep", "backbones"])
        .fails(2, &["backbones", "backbone."]);
    kmax(folder, "quantize", &[model, "-o", "out", "--keep", ""]).fails(2, &["begins with ``"]);
    let all = ["--keep", "backbone.", "--keep", "decoder.", "--keep", "pixel_decoder."];
    kmax(folder, "quantize", &[&[model, "-o", "out"], &all[..]].concat()).fails(2, &["nothing is left"]);
    kmax(folder, "quantize", &[model, "-o", "out", "--photos", "none.jpg"]).fails(3, &["none.jpg"]);
    kmax(folder, "quantize", &["nothing", "-o", "out"]).fails(4, &["nothing"]);
    assert!(names(folder).is_empty());
    assert_eq!(kmax(folder, "quantize", &[model, "-o", "out"]).code, 0);
    kmax(folder, "quantize", &["out", "-o", "again"]).fails(2, &["8 bits already"]);
    let copy = copied_model(folder);
    let before = std::fs::read(copy.join("model.safetensors"))?;
    kmax(folder, "quantize", &["model", "-o", "./model"]).fails(2, &["is the model itself"]);
    assert_eq!(std::fs::read(copy.join("model.safetensors"))?, before);
    std::fs::create_dir(folder.join("mine"))?;
    std::fs::write(folder.join("mine/file"), "mine")?;
    // Before the photos are looked at.
    let run = kmax(folder, "quantize", &["out", "-o", "mine", "--photos", "none.jpg"]);
    run.fails(5, &["mine", "no model folder"]);
    assert_eq!(names(&folder.join("mine")), ["file"]);
    Ok(())
}

#[test]
fn photos_that_cannot_be_read_are_told_and_those_named_twice_count_once() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let model = model_folder().to_str().ok_or("no text")?;
    std::fs::create_dir(folder.join("photos"))?;
    picture(50, 40).save(folder.join("photos/one.png"))?;
    picture(40, 40).save(folder.join("photos/two.png"))?;
    std::fs::write(folder.join("photos/broken.png"), "broken")?;
    let arguments = [model, "-o", "small", "--photos", "photos", "photos/one.png", "./photos/two.png"];
    let run = kmax(folder, "quantize", &arguments);
    assert!(run.code == 1 && run.out.starts_with("on 2 photos"), "{run:?}");
    assert!(run.err.contains("broken.png") && run.err.contains("1 of 3 photos"), "{run:?}");
    assert!(folder.join("small/model.safetensors").is_file());
    let run = kmax(folder, "quantize", &[model, "-o", "none", "--photos", "photos/broken.png"]);
    run.fails(3, &["broken.png"]);
    assert!(!folder.join("none").exists());
    Ok(())
}

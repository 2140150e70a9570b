//! `kmax segment --tile`: photos that are larger than what the network sees at once.

mod small_model;
mod support;

use small_model::{copied_model, model_folder};
use std::error::Error;
use std::path::Path;
use support::{Run, kmax, picture};

type Outcome = Result<(), Box<dyn Error>>;

fn segment(folder: &Path, out: &str, more: &[&str]) -> Run {
    let model = model_folder().display().to_string();
    kmax(folder, "segment", &[&["--model", model.as_str(), "-o", out], more].concat())
}

fn list(folder: &Path, file: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    Ok(serde_json::from_slice(&std::fs::read(folder.join(file))?)?)
}

/// A picture as its pixels stand, in one strip.
fn tiff(picture: &image::RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let bits = 10 + 12 * 9 + 4;
    let entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, bits + 6),
        (277, 3, 1, 3),
        (278, 4, 1, height),
        (279, 4, 1, 3 * width * height),
    ];
    let mut data =
        [b"II\x2a\0".as_slice(), &8u32.to_le_bytes(), &(entries.len() as u16).to_le_bytes()].concat();
    for (tag, kind, count, value) in entries {
        let (tag, kind): (u16, u16) = (tag, kind);
        data.extend([&tag.to_le_bytes()[..], &kind.to_le_bytes()].concat());
        data.extend([u32::to_le_bytes(count), u32::to_le_bytes(value)].concat());
    }
    data.extend([0; 4]);
    data.extend([8, 0, 8, 0, 8, 0]);
    data.extend(picture.as_raw());
    data
}

#[test]
fn tiles_give_one_result() -> Outcome {
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path();
    picture(150, 110).save(folder.join("a.png"))?;
    std::fs::write(folder.join("b.tif"), tiff(&picture(150, 110)))?;
    picture(150, 110).save(folder.join("c.bmp"))?;
    let run = segment(folder, "out", &["a.png", "b.tif", "c.bmp", "--tile", "64", "--overlap", "20"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let read = |file: &str| std::fs::read(folder.join("out").join(file));
    for name in ["b", "c"] {
        assert_eq!(read(&format!("{name}.panoptic.png"))?, read("a.panoptic.png")?, "{name}");
        assert_eq!(read(&format!("{name}.overlay.png"))?, read("a.overlay.png")?, "{name}");
    }
    let told = list(folder, "out/a.json")?;
    assert_eq!((&told["image"]["width"], &told["image"]["height"]), (&150.into(), &110.into()));
    let map = image::open(folder.join("out/a.panoptic.png"))?.into_rgb8();
    let segments = told["segments_info"].as_array().ok_or("a list")?;
    for segment in segments {
        let pixels =
            map.pixels().filter(|pixel| u64::from(pixel.0[0]) + 256 * u64::from(pixel.0[1]) == segment["id"]);
        assert_eq!(pixels.count() as u64, segment["area"]);
    }
    // By class.
    let run = segment(folder, "classes", &["a.png", "--tile", "64", "--task", "semantic"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(image::image_dimensions(folder.join("classes/a.semantic.png"))?, (150, 110));
    Ok(())
}

#[test]
fn one_tile_is_the_whole_photo() -> Outcome {
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path();
    picture(90, 64).save(folder.join("a.png"))?;
    assert_eq!(segment(folder, "whole", &["a.png"]).code, 0);
    assert_eq!(segment(folder, "tile", &["a.png", "--tile", "90"]).code, 0);
    for file in ["a.panoptic.png", "a.overlay.png", "a.json"] {
        assert_eq!(
            std::fs::read(folder.join("whole").join(file))?,
            std::fs::read(folder.join("tile").join(file))?
        );
    }
    // Standard input, too.
    let model = model_folder().display().to_string();
    let data = std::fs::read(folder.join("a.png"))?;
    let arguments = ["-", "--model", &model, "--tile", "48", "--result", "map", "-o", "-"];
    let (run, map) = support::kmax_with_input(folder, "segment", &arguments, &data);
    assert_eq!((run.code, image::load_from_memory(&map)?.width()), (0, 90));
    Ok(())
}

#[test]
fn a_model_may_say_how_it_is_to_be_used() -> Outcome {
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path();
    let model = copied_model(folder);
    let file = model.join("preprocessor_config.json");
    let mut settings = list(&model, "preprocessor_config.json")?;
    settings["tiles"] = serde_json::json!({"size": 64, "overlap": 16});
    std::fs::write(&file, settings.to_string())?;
    picture(90, 90).save(folder.join("whole.png"))?;
    picture(150, 90).save(folder.join("large.png"))?;
    let run = kmax(folder, "segment", &["whole.png", "large.png", "--model", "model", "-o", "out"]);
    assert_eq!(run.code, 0, "{run:?}");
    // What was chosen is said.
    let expected = "note: large.png: 150 x 90 pixels in tiles of 64 that overlap by 16, as model has it";
    assert_eq!(run.err.lines().collect::<Vec<_>>(), [expected]);
    let asked = segment(folder, "asked", &["large.png", "--tile", "64", "--overlap", "16"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let read = |file: &str| std::fs::read(folder.join(file));
    assert_eq!(read("out/large.panoptic.png")?, read("asked/large.panoptic.png")?);
    let info = kmax(folder, "models", &["info", "model"]);
    assert!(info.out.contains("of 64 pixels that overlap by 16"), "{info:?}");
    // Instances are of whole photos.
    let run = kmax(folder, "segment", &["large.png", "--model", "model", "--task", "instance", "-o", "i"]);
    assert_eq!(run.code, 0, "{run:?}");
    settings["tiles"] = serde_json::json!({"size": 64, "overlap": 60});
    std::fs::write(&file, settings.to_string())?;
    kmax(folder, "segment", &["large.png", "--model", "model", "-o", "out"])
        .fails(4, &["tiles", "overlap by 21"]);
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused() -> Outcome {
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path();
    picture(90, 90).save(folder.join("a.png"))?;
    for (arguments, part) in [
        (&["--tile", "64", "--overlap", "22"][..], "overlap by 21 at most"),
        (&["--tile", "3"], "16..=16384"),
        (&["--tile", "64", "--task", "instance"], "instances overlap"),
        (&["--tile", "64", "--explain", "steps"], "leave out --tile"),
    ] {
        segment(folder, "out", &[&["a.png"], arguments].concat()).fails(2, &[part]);
    }
    // Damage further down.
    let data = std::fs::read(folder.join("a.png"))?;
    std::fs::write(folder.join("cut.png"), &data[..data.len() / 2])?;
    segment(folder, "out", &["cut.png", "--tile", "32"]).fails(3, &["cut.png", "damaged PNG"]);
    assert!(!folder.join("out/cut.panoptic.png").exists());
    Ok(())
}

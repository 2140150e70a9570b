//! Long lists in parts: `--shard I/N`, parts that are killed and run again, and `kmax merge`.

mod small_model;
mod support;

use small_model::model_folder;
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Run, kmax, kmax_with, names, picture};

type Outcome = Result<(), Box<dyn Error>>;

const PHOTOS: u32 = 17;

/// Photos of different sizes under `photos`, one of them damaged, and a list of them with ids.
fn photos(folder: &Path) -> Outcome {
    std::fs::create_dir(folder.join("photos"))?;
    let mut list = String::new();
    for i in 0..PHOTOS {
        let file = format!("photos/{i:02}.png");
        picture(40 + i, 30 + 2 * i).save(folder.join(&file))?;
        list += &format!("{{\"file\": \"{file}\", \"id\": {}}}\n", 100 + i);
    }
    std::fs::write(folder.join("photos/03.png"), b"no picture")?;
    std::fs::write(folder.join("list.jsonl"), list)?;
    Ok(())
}

fn arguments<'a>(out: &'a str, model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--list", "list.jsonl", "--format", "coco-panoptic", "--model", model, "-o", out][..], more].concat()
}

fn segment(folder: &Path, out: &str, more: &[&str]) -> Run {
    let model = model_folder().display().to_string();
    kmax(folder, "segment", &arguments(out, &model, more))
}

/// Begins a part and kills it when it has done something.
fn killed(folder: &Path, out: &str, shard: &str, journal: &str) -> Outcome {
    let model = model_folder().display().to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_kmax"));
    program.current_dir(folder).arg("segment").args(arguments(out, &model, &["--shard", shard]));
    let mut running = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let begun = Instant::now();
    let has_lines = || {
        let text = std::fs::read_to_string(folder.join(out).join(journal)).unwrap_or_default();
        text.lines().count() > 2
    };
    while !has_lines() && begun.elapsed() < Duration::from_secs(120) && running.try_wait()?.is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill()?;
    running.wait()?;
    assert!(has_lines(), "{shard} did nothing");
    Ok(())
}

#[test]
fn parts_of_which_some_were_killed_become_what_one_process_writes() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    photos(folder)?;
    let whole = segment(folder, "whole", &[]);
    assert_eq!(whole.code, 1, "{whole:?}");

    killed(folder, "parts", "2/4", "segment.2-of-4.jsonl")?;
    killed(folder, "parts", "3/4", "segment.3-of-4.jsonl")?;
    kmax(folder, "merge", &["parts"]).fails(3, &["part 1-of-4 was not begun"]);
    for shard in ["1/4", "2/4", "3/4", "4/4"] {
        let run = segment(folder, "parts", &["--shard", shard]);
        assert_eq!(run.code, 0, "{run:?}");
    }
    let merged = kmax(folder, "merge", &["parts"]);
    assert_eq!(merged.code, 1, "{merged:?}");
    assert_eq!(merged.err.matches("03.png").count(), 1, "{}", merged.err);
    assert!(merged.err.contains("1 of 17 photos failed"), "{}", merged.err);
    let read = |place: &str| std::fs::read(folder.join(place));
    assert!(read("whole/predictions.json")? == read("parts/predictions.json")?);
    let pngs = names(&folder.join("whole/predictions"));
    assert_eq!((pngs.len(), &pngs), (16, &names(&folder.join("parts/predictions"))));
    for png in pngs {
        assert!(read(&format!("whole/predictions/{png}"))? == read(&format!("parts/predictions/{png}"))?);
    }

    // What is done is not done again, what failed is tried again, and what lost its result is made anew.
    let again = segment(folder, "parts", &["--shard", "1/4"]);
    assert!(again.out.is_empty() && again.err.contains("5 of 17 photos, 5 of them done before"), "{again:?}");
    std::fs::copy(folder.join("photos/02.png"), folder.join("photos/03.png"))?;
    std::fs::copy(folder.join("parts/predictions/08.png"), folder.join("parts/predictions/07.png"))?;
    kmax(folder, "merge", &["parts"]).fails(3, &["1 of 17 photos", "run again 4-of-4"]);
    let mended = segment(folder, "parts", &["--shard", "4/4"]);
    assert!(mended.code == 0 && mended.err.contains("4 of 17 photos, 2 of them"), "{mended:?}");
    assert_eq!(kmax(folder, "merge", &["parts", "-o", "elsewhere"]).code, 0);
    assert!(read("elsewhere/predictions.json")? != read("parts/predictions.json")?);
    assert_eq!(kmax(folder, "merge", &["parts"]).code, 0);
    assert!(read("elsewhere/predictions.json")? == read("parts/predictions.json")?);
    assert_eq!(segment(folder, "whole", &[]).code, 0);
    assert!(read("whole/predictions.json")? == read("parts/predictions.json")?);
    Ok(())
}

#[test]
fn what_does_not_belong_together_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    photos(folder)?;
    kmax(folder, "merge", &["photos"]).fails(3, &["no part of `kmax segment --shard`"]);
    let model = model_folder().display().to_string();
    for (shard, part) in [("0/2", "expected 1 to 2"), ("3/2", "expected 1 to 2"), ("x", "expected I/N")] {
        let run = segment(folder, "out", &["--shard", shard]);
        assert!(run.code == 2 && run.err.contains(part), "{run:?}");
    }
    kmax(folder, "segment", &["-", "--shard", "1/2", "--model", &model]).fails(2, &["--shard"]);

    let arguments = arguments("out", &model, &["--shard", "auto"]);
    let run = kmax_with(folder, "segment", &arguments, &[("RANK", "1".into()), ("WORLD_SIZE", "8".into())]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("part 2-of-8: 2 of 17 photos"), "{}", run.err);
    // The same part of other settings, and parts of another division.
    segment(folder, "out", &["--shard", "2/8", "--pixel-threshold", "0.9"])
        .fails(3, &["give another folder"]);
    segment(folder, "out", &["--shard", "1/2"]).fails(3, &["holds parts of 8, not of 2"]);

    // The setting that differs, and not all of them.
    let run = segment(folder, "out", &["--shard", "2/8", "--background", "#102030"]);
    run.fails(3, &["other results: background was [255,255,255], now [16,32,48]; give another folder"]);
    assert!(run.err.len() < 300, "{}", run.err);
    // A journal says any number of photos; no loop goes as far.
    std::fs::create_dir(folder.join("lies")).expect("a folder");
    let lies = "{\"predictions_of\":\"a\"}\n{\"run\":{\"photos\":18446744073709551615,\"listed\":true,\"categories\":[]}}\n";
    std::fs::write(folder.join("lies/segment.1-of-1.jsonl"), lies).expect("written");
    kmax(folder, "merge", &["lies"])
        .fails(3, &["the results of 18446744073709551615 of 18446744073709551615 photos"]);
    std::fs::write(folder.join("out/segment.1-of-8.jsonl"), "no journal\n")?;
    kmax(folder, "merge", &["out"]).fails(3, &["segment.1-of-8.jsonl", "run part 1-of-8 again"]);
    std::fs::write(folder.join("out/segment.1-of-2.jsonl"), "")?;
    kmax(folder, "merge", &["out"]).fails(3, &["different runs: of 2, 8"]);

    let mixed = "{\"file\": \"photos/00.png\", \"id\": 2}\nphotos/01.png\n";
    std::fs::write(folder.join("mixed.txt"), mixed)?;
    let mixed = kmax(folder, "segment", &["--list", "mixed.txt", "--model", &model, "-o", "mixed"]);
    mixed.fails(3, &["photos/00.png and photos/01.png both have the id 2"]);
    Ok(())
}

/// Labels of 7 images as class maps with their photos.
fn labels(folder: &Path) -> Outcome {
    for part in ["data/images", "data/labels"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    for i in 0..7u8 {
        let size = u32::from(20 + i);
        picture(size, size).save(folder.join(format!("data/images/{i}.png")))?;
        let map = image::GrayImage::from_fn(size, size, |x, y| image::Luma([((x + y) / 9) as u8 % 2]));
        map.save(folder.join(format!("data/labels/{i}.png")))?;
    }
    std::fs::write(folder.join("classes.txt"), "sea\nland\n")?;
    Ok(())
}

#[test]
fn annotations_are_converted_in_parts() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    labels(folder)?;
    let convert = |out: &str, more: &[&str], variables: &[(&str, String)]| {
        let arguments = ["convert", "data", out, "--to", "coco-panoptic", "--classes", "classes.txt"];
        kmax_with(folder, "dataset", &[&arguments[..], more].concat(), variables)
    };
    let whole = convert("whole/a.json", &[], &[]);
    assert_eq!(whole.code, 0, "{whole:?}");
    let first = convert("parts/a.json", &["--shard", "1/2"], &[]);
    assert!(first.code == 0 && first.err.contains("part 1-of-2: 4 of 7 images, 0 of them done"), "{first:?}");
    kmax(folder, "merge", &["parts/a.json"]).fails(3, &["part 2-of-2 was not begun"]);
    let rank = [("RANK", "1".into()), ("WORLD_SIZE", "2".into())];
    assert_eq!(convert("parts/a.json", &["--shard", "auto"], &rank).code, 0);
    let merged = kmax(folder, "merge", &["parts/a.json"]);
    assert!(merged.code == 0 && merged.err.contains("7 images of 2 parts"), "{merged:?}");
    let read = |place: &str| std::fs::read(folder.join(place));
    assert!(read("whole/a.json")? == read("parts/a.json")?);
    assert!(read("whole/a/3.png")? == read("parts/a/3.png")?);

    // One that fails is told by the part and by the merge, which joins nothing.
    std::fs::write(folder.join("data/labels/2.png"), b"no picture")?;
    std::fs::remove_file(folder.join("parts/a.json"))?;
    let broken = convert("parts/a.json", &["--shard", "1/2"], &[]);
    assert!(broken.code == 0 && broken.err.contains("3 of them done before, 1 failed"), "{broken:?}");
    let merged = kmax(folder, "merge", &["parts/a.json"]);
    assert!(merged.code == 3 && merged.err.contains("1 of 7 images failed: nothing is joined"), "{merged:?}");
    assert!(merged.err.matches("2.png").count() == 1 && !folder.join("parts/a.json").exists(), "{merged:?}");
    kmax(folder, "merge", &["parts/b.json"]).fails(3, &["no part of `kmax dataset convert --shard`"]);
    Ok(())
}

#[test]
fn urls_are_refused_by_a_build_without_stores() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    photos(folder)?;
    let model = model_folder().display().to_string();
    let url = format!("file://{}/photos/00.png", folder.display());
    let run = kmax(folder, "segment", &[&url, "--model", &model, "-o", "named"]);
    assert!(run.code == 0 && names(&folder.join("named")).contains(&"00.json".into()), "{run:?}");
    let to = |photo: &str, out: &str| kmax(folder, "segment", &[photo, "--model", &model, "-o", out]);
    to("http://a/b.jpg", "out").fails(2, &["http://a/b.jpg: expected s3://"]);
    to("s3://a/../b.jpg", "out").fails(2, &["s3://a/../b.jpg: ", "."]);
    let explained = ["photos/00.png", "--model", &model, "--explain", "s3://a/b"];
    kmax(folder, "segment", &explained).fails(2, &["s3://a/b: --explain takes a folder of this machine"]);
    if !cfg!(feature = "object-store") {
        to("s3://a/b.jpg", "out").fails(3, &["s3://a/b.jpg: this build knows no object stores"]);
        to("photos/00.png", "gs://a/b").fails(5, &["gs://a/b: this build knows no object stores"]);
        kmax(folder, "merge", &["az://a/b"]).fails(3, &["az://a/b: this build knows no object stores"]);
    }
    Ok(())
}

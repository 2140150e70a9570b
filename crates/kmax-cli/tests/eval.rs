//! `kmax eval` and `kmax dataset`, from outside: what is printed where, and the exit codes.

use std::path::Path;
use std::process::{Command, Output};

use kmax_datasets::coco::{ImageEntry, PanopticWriter};
use kmax_masks::{Categories, LabelMap, Panoptic};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A dataset of one image of 4 x 2 pixels: a person and grass. (The photo is missing on purpose.)
fn dataset(folder: &Path) -> kmax_datasets::Result<()> {
    let map = LabelMap::new(4, 2, vec![7, 7, 7, 9, 7, 7, 0, 9]).expect("4 x 2");
    let panoptic = Panoptic::from_map(map, |id| (if id == 7 { 1 } else { 193 }, false));
    let image = ImageEntry { id: 5.into(), file_name: "a.jpg".into(), width: 4, height: 2 };
    let writer = PanopticWriter::create(folder.join("panoptic.json"))?;
    let annotation = writer.write(&image, &panoptic)?;
    writer.finish(vec![image], vec![annotation], &Categories::coco_panoptic())
}

fn kmax(folder: &Path, arguments: &str) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_kmax")).current_dir(folder).args(arguments.split(' ')).output()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_table_json_and_a_page_are_made() -> Outcome {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    let run = kmax(folder.path(), "eval panoptic --gt panoptic.json --pred panoptic.json --html page.html")?;
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("All       | 100.0  100.0  100.0     2"), "{}", text(&run.stdout));
    assert!(std::fs::read_to_string(folder.path().join("page.html"))?.contains("person"));

    let run = kmax(folder.path(), "eval panoptic --gt panoptic.json --pred panoptic.json --json")?;
    let report: serde_json::Value = serde_json::from_slice(&run.stdout)?;
    assert_eq!(report["All"]["pq"], 1.0);
    assert_eq!(report["per_image"]["5"]["193"]["tp"], 1);
    assert!(report["provenance"]["dataset_digest"].is_string());
    Ok(())
}

#[test]
fn the_exit_code_says_what_went_wrong() -> Outcome {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    std::fs::write(folder.path().join("broken.json"), "{\"annotations\": [{\"image_id\": 5")?;
    std::fs::create_dir(folder.path().join("broken"))?;
    std::fs::write(folder.path().join("file"), "")?;
    for (arguments, code, expected) in [
        ("eval panoptic --gt panoptic.json --pred broken.json", 3, "broken.json: annotations[0]"),
        ("eval panoptic --gt panoptic.json --pred none.json", 3, "none.json: "),
        ("eval panoptic --gt panoptic.json", 2, "--pred"),
        ("eval semantic --gt panoptic --pred panoptic --classes 3", 3, "panoptic/a.png: PNG: "),
        ("eval cityscapes --gt . --pred .", 3, "val"),
        ("eval cityscapes --gt . --pred . --split ../val", 2, "--split"),
        ("eval panoptic --gt panoptic.json --pred panoptic.json --html none/page.html", 5, "none/page.html"),
        ("dataset convert panoptic.json file/out --to semantic", 5, "file/out"),
        ("dataset check broken.json", 3, "broken.json: 1 mistake"),
    ] {
        let run = kmax(folder.path(), arguments)?;
        let errors = text(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{arguments}: {errors}");
        assert!(errors.contains(expected), "{arguments}: {errors}");
        assert!(code == 2 || errors.lines().count() == 1, "{arguments}: {errors}");
    }
    Ok(())
}

#[test]
fn a_dataset_is_checked_and_converted() -> Outcome {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    // There are labels, but no images anywhere.
    let run = kmax(folder.path(), "dataset check .")?;
    assert_eq!(run.status.code(), Some(3), "{}", text(&run.stdout));
    assert!(text(&run.stdout).contains("missing-file"), "{}", text(&run.stdout));

    let run = kmax(folder.path(), "dataset check . --photos . --json")?;
    assert_eq!(run.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&run.stdout)?;
    assert_eq!(report["findings"][0]["kind"], "missing-file");
    let run = kmax(folder.path(), "dataset check . --photos . --allow missing-file")?;
    assert_eq!(run.status.code(), Some(0));

    for (form, out) in [("coco-instances", "gt.json"), ("coco-results", "found.json")] {
        let run = kmax(folder.path(), &format!("dataset convert panoptic.json {out} --to {form}"))?;
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    }
    let run = kmax(folder.path(), "eval instances --gt gt.json --pred found.json --json")?;
    let report: serde_json::Value = serde_json::from_slice(&run.stdout)?;
    assert_eq!(report["stats"]["AP"].as_f64().map(|ap| (ap * 1e9).round() / 1e9), Some(1.0));
    Ok(())
}

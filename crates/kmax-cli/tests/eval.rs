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

#[test]
fn a_json_as_other_tools_write_it_is_evaluated() -> Outcome {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    let json = folder.path().join("panoptic.json");
    let plain = std::fs::read_to_string(&json)?;
    let evaluate = |options: &str| {
        kmax(folder.path(), &format!("eval panoptic --gt panoptic.json --pred panoptic.json{options}"))
    };

    let utf16: Vec<u8> = format!("\u{feff}{plain}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&json, utf16)?;
    let run = evaluate("")?;
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(
        text(&run.stdout).contains("Ground truth:\n\tSegmentation folder: panoptic\n"),
        "{}",
        text(&run.stdout)
    );

    // Nothing says which classes are things.
    std::fs::write(&json, plain.replace("\"isthing\":1,", "").replace("\"isthing\":0,", ""))?;
    let run = evaluate("")?;
    assert_eq!(run.status.code(), Some(3));
    assert!(text(&run.stderr).contains("`isthing` is missing (as in 132 more)"), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("--things NAMES"), "{}", text(&run.stderr));
    let run = evaluate(" --things person")?;
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("Stuff     | 100.0  100.0  100.0     1"), "{}", text(&run.stdout));
    assert_eq!(evaluate(" --things persona")?.status.code(), Some(2));
    let run = kmax(folder.path(), "dataset check panoptic.json --things person --allow missing-file")?;
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stdout));
    let run = kmax(folder.path(), "dataset convert panoptic.json out --to two-channel --things person")?;
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    Ok(())
}

#[test]
fn what_contradicts_itself_is_told_and_what_cannot_be_written_refused_first() -> Outcome {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    let json = folder.path().join("panoptic.json");
    let plain = std::fs::read_to_string(&json)?;
    assert!(plain.contains("\"area\":5"), "{plain}");
    std::fs::write(folder.path().join("odd.json"), plain.replace("\"area\":5", "\"area\":3"))?;
    let run = kmax(folder.path(), "eval panoptic --gt odd.json --gt-folder panoptic --pred panoptic.json")?;
    assert_eq!(run.status.code(), Some(0));
    let warnings = text(&run.stderr);
    assert!(warnings.contains("warning: odd.json: image 5: class 1 (person): an SQ of "), "{warnings}");
    assert!(warnings.contains("segment 7: an area of 3, but its mask has 5 pixels"), "{warnings}");

    let run = kmax(folder.path(), "eval panoptic --gt none.json --pred none.json --html none/page.html")?;
    assert_eq!(run.status.code(), Some(5));
    assert!(text(&run.stderr).contains("none/page.html: there is no folder none"), "{}", text(&run.stderr));

    // Splits whose classes differ.
    std::fs::rename(&json, folder.path().join("panoptic_a.json"))?;
    std::fs::rename(folder.path().join("panoptic"), folder.path().join("panoptic_a"))?;
    std::fs::create_dir(folder.path().join("panoptic_b"))?;
    std::fs::copy(folder.path().join("panoptic_a/a.png"), folder.path().join("panoptic_b/a.png"))?;
    std::fs::write(folder.path().join("panoptic_b.json"), plain.replace("\"grass-merged\"", "\"lawn\""))?;
    let run = kmax(folder.path(), "dataset check . --allow missing-file")?;
    assert_eq!(run.status.code(), Some(3));
    let expected = "id 193 is lawn (stuff) here and grass-merged (stuff) there";
    assert!(text(&run.stdout).contains(expected), "{}", text(&run.stdout));
    Ok(())
}

//! From an annotation tool's export to a model: `kmax dataset show`, `kmax train DATA`, `kmax dataset convert`.

mod small_model;
mod support;

use small_model::model_folder;
use std::error::Error;
use std::path::Path;
use support::{Run, kmax, kmax_with, names, picture};

type Outcome = Result<(), Box<dyn Error>>;

/// Six photos in YOLO's form under `data`, a box of one of two classes in each.
fn dataset(folder: &Path) -> Outcome {
    let root = folder.join("data");
    for part in ["images/train", "labels/train"] {
        std::fs::create_dir_all(root.join(part))?;
    }
    std::fs::write(root.join("data.yaml"), "train: images/train\nnames:\n  0: cup\n  1: spoon\n")?;
    for i in 0..6 {
        picture(64, 48).save(root.join(format!("images/train/{i}.png")))?;
        let left = 0.1 * f64::from(i);
        let right = left + 0.4;
        let line = format!("{} {left} 0.2 {right} 0.2 {right} 0.8 {left} 0.8\n", i % 2);
        std::fs::write(root.join(format!("labels/train/{i}.txt")), line)?;
    }
    Ok(())
}

fn train(folder: &Path, more: &[&str]) -> Run {
    let model = model_folder().display().to_string();
    let plan = ["data", "-o", "run", "--model", &model, "--size", "65", "--batch", "2"];
    kmax(folder, "train", &[&plan[..], more].concat())
}

#[test]
fn an_export_becomes_a_page_a_run_and_a_model() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;

    let shown = kmax(folder, "dataset", &["show", "data", "-o", "page.html"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let page = std::fs::read_to_string(folder.join("page.html"))?;
    assert!(page.contains("spoon") && page.contains("background") && page.contains("data:image/"));

    let printed = kmax(folder, "train", &["data", "--print-config"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(printed.out.contains("[schedule]") && printed.out.contains("kmax-people"), "{}", printed.out);
    assert!(!folder.join("run").exists());

    let run = train(folder, &["--steps", "2"]);
    assert_eq!(run.code, 0, "{run:?}");
    for part in ["form `yolo`", "set aside", "2 steps of 2 crops", "class heads", "trained model:"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let found = names(&folder.join("run"));
    for name in ["events.out.tfevents.0.kmax", "log.jsonl", "model", "report.html", "train.toml"] {
        assert!(found.iter().any(|found| found == name), "{name}: {found:?}");
    }
    let config = std::fs::read_to_string(folder.join("run/model/config.json"))?;
    assert!(config.contains("spoon") && !config.contains("trousers"));

    // The same command goes on; another one says that it is another run.
    assert!(train(folder, &["--steps", "2"]).err.contains("resuming from"));
    let other = train(folder, &["--steps", "3"]);
    assert_eq!(other.code, 2, "{other:?}");
    for part in ["train.toml", "other settings", "--fresh"] {
        assert!(other.err.contains(part), "{part}: {}", other.err);
    }
    let longer = kmax(folder, "train", &["--config", "run/train.toml"]);
    assert_eq!(longer.code, 0, "{longer:?}");
    // What is measured is what the run did not learn from, and the page shows it.
    let measured =
        kmax(folder, "eval", &["model", "data", "--model", "run/model", "--html", "eval.html", "--json"]);
    assert_eq!(measured.code, 0, "{measured:?}");
    assert!(measured.err.contains("1 of 6 images are set aside"), "{}", measured.err);
    assert!(measured.out.contains("\"images\": 1"), "{}", measured.out);
    let page = std::fs::read_to_string(folder.join("eval.html"))?;
    for part in ["background", "data:image/jpeg", "Errors by kind"] {
        assert!(page.contains(part), "{part}");
    }
    kmax(folder, "eval", &["model", "data", "--model", "run/model", "--split", "text"])
        .fails(3, &["no split \"text\"; there are train"]);
    let other = kmax(folder, "eval", &["model", "data", "--model", "kmax-people"]);
    assert!(
        other.code == 3 && other.err.contains("the model's class 1 (background) is spoon here"),
        "{other:?}"
    );
    let segmented =
        kmax(folder, "segment", &["data/images/train/0.png", "--model", "run/model", "-o", "out"]);
    assert_eq!(segmented.code, 0, "{segmented:?}");
    Ok(())
}

#[test]
fn an_export_becomes_another_tools() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    for (to, out) in
        [("coco-panoptic", "p.json"), ("labelme", "labelme"), ("geojson", "geojson"), ("yolo", "yolo")]
    {
        let run = kmax(folder, "dataset", &["convert", "data", out, "--to", to]);
        assert_eq!(run.code, 0, "{to}: {run:?}");
        assert!(run.err.contains("6 images"), "{}", run.err);
    }
    assert_eq!(names(&folder.join("p")).len(), 6);
    let checked = kmax(folder, "dataset", &["check", "p.json", "--photos", "data/images/train"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    kmax(folder, "dataset", &["convert", "data", "x", "--to", "yolo", "--from", "nothing"])
        .fails(2, &["label-studio"]);
    Ok(())
}

#[cfg(not(feature = "mpi"))]
#[test]
fn several_processes_need_the_feature() -> Outcome {
    let folder = tempfile::tempdir()?;
    dataset(folder.path())?;
    let launched = |name| [(name, "2".to_string())];
    for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
        let run = kmax_with(folder.path(), "train", &["data", "-o", "run"], &launched(name));
        run.fails(2, &["one of 2 processes", "feature `mpi`"]);
    }
    assert!(!folder.path().join("run").exists());
    Ok(())
}

#[test]
fn what_cannot_be_trained_on_is_said_in_a_line() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    dataset(folder)?;
    kmax(folder, "train", &["nowhere", "-o", "run"]).fails(3, &["nowhere"]);
    std::fs::create_dir(folder.join("empty"))?;
    kmax(folder, "train", &["empty", "-o", "run"]).fails(3, &["empty"]);
    kmax(folder, "train", &["data", "-o", "run", "--size", "100"]).fails(3, &["32 k + 1"]);
    assert!(!folder.join("run").exists());
    Ok(())
}

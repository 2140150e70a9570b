//! What cannot be done, and how that is told.

use crate::small_model::{copied_model, model};
use crate::support::names;
use crate::{folder, segment, with_model};

#[cfg(target_os = "linux")]
#[test]
fn a_standard_error_that_cannot_be_written_to_ends_nothing() {
    let folder = folder();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_kmax"));
    program.current_dir(folder.path()).arg("segment").args(with_model(&[
        "none.jpg",
        "photo.png",
        "-o",
        "out",
    ]));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("opened");
    let done = program.stderr(full).output().expect("the program runs");
    assert_eq!(done.status.code(), Some(1));
    assert!(folder.path().join("out/photo.json").is_file());
}

#[test]
fn names_in_messages_stay_on_their_line() {
    let folder = folder();
    let run = segment(folder.path(), &with_model(&["no\u{1b}[2J\nerror: x.jpg", "-o", "out"]));
    run.fails(3, &["x.jpg"]);
    assert!(!run.err.contains('\u{1b}'), "{}", run.err);
}

#[test]
fn places_that_cannot_be_written() {
    let folder = folder();
    let before = names(folder.path());
    for out in ["photo.png", "photo.png/below"] {
        segment(folder.path(), &with_model(&["photo.png", "-o", out])).fails(5, &["photo.png"]);
    }
    assert_eq!(names(folder.path()), before);
}

#[test]
fn arguments_that_make_no_sense() {
    let folder = folder();
    for arguments in [
        &["photo.png", "--task", "semantic", "--format", "coco-panoptic"][..],
        &["photo.png", "--min-score", "0.5"],
        &["photo.png", "--thing-area-limit", "5"],
    ] {
        segment(folder.path(), &with_model(arguments)).fails(2, &[]);
    }
    for arguments in [&["photo.png", "--pixel-threshold", "1.5"][..], &[], &["photo.png", "--threads", "0"]] {
        let run = segment(folder.path(), &with_model(arguments));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:?}");
    }
    assert_eq!(names(folder.path()), ["photo.png"]);
}

#[test]
fn models_that_cannot_be_loaded() {
    let folder = folder();
    let path = folder.path();
    let run = |model: &str| segment(path, &["photo.png", "--model", model, "-o", "out"]);
    run("no-such-model").fails(4, &["no-such-model"]);
    run(".").fails(4, &["config.json"]);
    let model_path = copied_model(path);
    let file = |name: &str| model_path.join(name);
    let (config, mut weights) = model();

    let whole = std::fs::read(file("model.safetensors")).expect("read");
    std::fs::write(file("model.safetensors"), &whole[..whole.len() / 2]).expect("written");
    run("model").fails(4, &["model.safetensors"]);
    let name = "decoder.queries";
    let queries = weights.remove(name).expect("queries");
    candle_core::safetensors::save(&weights, file("model.safetensors")).expect("saved");
    run("model").fails(4, &["model.safetensors", name]);
    weights.insert(name.into(), queries.narrow(0, 0, 1).and_then(|part| part.contiguous()).expect("a part"));
    candle_core::safetensors::save(&weights, file("model.safetensors")).expect("saved");
    run("model").fails(4, &["model.safetensors", name, &format!("{:?}", queries.dims())]);
    std::fs::remove_file(file("model.safetensors")).expect("removed");
    run("model").fails(4, &["model.safetensors"]);

    std::fs::write(file("model.safetensors"), &whole).expect("written");
    let mut wrong = config.to_json();
    wrong["num_queries"] = "many".into();
    std::fs::write(file("config.json"), wrong.to_string()).expect("written");
    run("model").fails(4, &["config.json", "num_queries"]);
    std::fs::write(file("config.json"), "{").expect("written");
    run("model").fails(4, &["config.json"]);
    assert!(!path.join("out").exists());
}

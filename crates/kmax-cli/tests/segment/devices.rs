//! Devices and precisions.

use crate::small_model::model_folder;
use crate::support::{kmax, names};
use crate::{folder, read, segment, with_model};

#[test]
fn the_processor_computes_in_every_precision_of_its_own() {
    let folder = folder();
    let path = folder.path();
    // Drawn weights are as unsure in each; trained ones are not.
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/astronaut.png");
    let mut scores = Vec::new();
    for (precision, said) in [("f32", ""), ("bf16", ""), ("int8", ""), ("auto", "precision: ")] {
        let out = format!("out-{precision}");
        let run = segment(path, &[photo, "--model", "kmax-people", "--precision", precision, "-o", &out]);
        assert!(run.code == 0 && run.err.contains(said), "{precision}: {run:?}");
        assert!(path.join(&out).join("astronaut.panoptic.png").exists(), "{precision}");
        scores.push(read(&path.join(out).join("astronaut.json"))["segments_info"].to_string());
    }
    // What was asked for is what was computed in.
    assert!(scores[0] != scores[1] && scores[0] != scores[2] && scores[1] != scores[2], "{scores:?}");
}

#[test]
fn a_device_that_is_not_there_is_a_line_and_never_another_one() {
    let folder = folder();
    let path = folder.path();
    for device in ["cuda:4096", "metal:4096"] {
        segment(path, &with_model(&["photo.png", "--device", device, "-o", "out"])).fails(2, &[device]);
    }
    segment(path, &with_model(&["photo.png", "--device", "gpu"])).fails(2, &["gpu", "cuda:N"]);
    segment(path, &with_model(&["photo.png", "--precision", "f16"])).fails(2, &["cpu", "f32", "f16"]);
    segment(path, &with_model(&["photo.png", "--precision", "f64"])).fails(2, &["f64", "bf16"]);
    assert_eq!(names(path), ["photo.png"]);
    let run = segment(path, &with_model(&["photo.png", "--device", "auto", "-o", "out"]));
    assert_eq!((run.code, run.err.lines().count()), (0, 1), "{run:?}");
    assert!(run.err.starts_with("device: "), "{run:?}");
    let model = model_folder().to_str().expect("a plain name");
    for (command, arguments) in [
        ("eval", &["model", ".", "--model", model, "--device", "cuda:4096"][..]),
        ("train", &[".", "-o", "run", "--device", "cuda:4096"]),
        ("serve", &["--port", "0", "--device", "cuda:4096"]),
    ] {
        if command == "serve" && !cfg!(feature = "serve") {
            continue;
        }
        kmax(path, command, arguments).fails(2, &["cuda:4096"]);
    }
    kmax(path, "train", &[".", "-o", "run", "--device", "metal"]).fails(2, &["metal:0", "cannot train"]);
}

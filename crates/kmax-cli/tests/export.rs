//! `kmax export` as a user meets it. That the files say what the program says is tested in `crates/kmax-onnx/tests/run`.

mod small_model;
mod support;

use small_model::model_folder;
use std::fs;
use support::{kmax, names};

#[test]
fn a_model_is_written_whole_and_its_inputs_and_outputs_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = model_folder().display().to_string();
    let run = kmax(folder.path(), "export", &[&model, "-o", "m.onnx", "--size", "65", "96"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
    for line in [
        "input pixel_values float32 [1, 3, 65, 96]",
        "output class_logits float32 [1, 32, 17]",
        "output mask_logits float32 [1, 32, 17, 24]",
    ] {
        assert!(run.err.lines().any(|told| told == line), "{line}: {}", run.err);
    }
    let first = fs::read(folder.path().join("m.onnx")).expect("written");
    // The same again in the place of the first, byte for byte.
    let again = kmax(folder.path(), "export", &[&model, "-o", "m.onnx", "--size", "65", "96", "--quiet"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    assert_eq!(fs::read(folder.path().join("m.onnx")).expect("written"), first);
    assert_eq!(names(folder.path()), ["m.onnx"]);

    let whole = ["--with-preprocess", "--with-postprocess", "--precision", "f16", "--opset", "21"];
    let run = kmax(folder.path(), "export", &[&[model.as_str(), "-o", "whole.onnx"], &whole[..]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("output panoptic_label_map int32 [image_height, image_width]"), "{}", run.err);
    let half = fs::metadata(folder.path().join("whole.onnx")).expect("written").len();
    assert!(half < 3 * first.len() as u64 / 4, "{half}");
}

#[test]
fn mistakes_are_one_line_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("taken")).expect("a folder");
    let model = model_folder().display().to_string();
    let model = model.as_str();
    for (arguments, code, parts) in [
        (&["no-such-model", "-o", "m.onnx"][..], 4, &["no-such-model"][..]),
        (&[model, "-o", "taken"], 5, &["taken", "folder"]),
        (&[model, "-o", "absent/m.onnx"], 5, &["absent", "there is no folder"]),
        (&[model, "-o", "m.onnx", "--opset", "9"], 2, &["operator set 9", "17 to 21"]),
        (&[model, "-o", "m.onnx", "--size", "100", "64"], 2, &["100 x 64", "multiple of 32"]),
        (&[model, "-o", "m.onnx", "--size", "64", "64", "--dynamic"], 2, &["--size", "--dynamic"]),
        (&[model, "-o", "m.onnx", "--size", "64", "64", "--with-preprocess"], 2, &["shape of each image"]),
        (&[model, "-o", "m.onnx", "--batch", "some"], 2, &["--batch", "dynamic"]),
        (&[model, "-o", "m.onnx", "--batch", "4", "--with-postprocess"], 2, &["one image"]),
        (&[model], 2, &["--output"]),
    ] {
        kmax(folder.path(), "export", arguments).fails(code, parts);
        assert_eq!(names(folder.path()), ["taken"], "{arguments:?}");
    }
}

/// To replace one would take it away, and with it what others do with it.
#[cfg(unix)]
#[test]
fn a_device_and_a_pipe_are_not_replaced_and_a_link_is_followed() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    assert!(std::process::Command::new("mkfifo").arg(place("pipe")).status().expect("run").success());
    fs::write(place("file"), "before").expect("written");
    symlink("file", place("link")).expect("linked");
    symlink("nowhere", place("dangling")).expect("linked");
    let model = model_folder().display().to_string();
    let export = |output: &str| kmax(folder.path(), "export", &[&model, "-o", output, "--size", "65", "96"]);
    export("pipe").fails(5, &["pipe", "expected the name of a file"]);
    export("dangling").fails(5, &["a link to nothing"]);
    assert!(fs::symlink_metadata(place("pipe")).expect("there").file_type().is_fifo());
    assert_eq!(export("link").code, 0);
    assert!(fs::symlink_metadata(place("link")).expect("there").is_symlink());
    assert_ne!(fs::read(place("file")).expect("read"), b"before");
}

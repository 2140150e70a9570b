//! `kmax segment`, run as a program.

mod small_model;
mod support;

use image::{DynamicImage, ImageFormat};
use kmax_datasets::coco::CocoPredictions;
use kmax_masks::{Categories, codec};
use serde_json::Value;
use small_model::{copied_model, model, model_folder};
use std::ffi::OsStr;
use std::io::Cursor;
use std::path::Path;
use support::{Run, kmax, kmax_with_input, names, picture};

fn segment<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Run {
    kmax(folder, "segment", arguments)
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// A new folder, with `photo.png` in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    picture(50, 40).save(folder.path().join("photo.png")).expect("saved");
    folder
}

fn with_model<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let model = ["--model", model_folder().to_str().expect("a plain name")];
    arguments.iter().copied().chain(model).collect()
}

#[test]
fn a_photo_becomes_a_picture_a_map_and_a_list() {
    let folder = folder();
    let run = segment(folder.path(), &with_model(&["photo.png", "-o", "out/deep"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    assert!(run.out.starts_with("class"), "{}", run.out);
    let out = folder.path().join("out/deep");
    assert_eq!(names(&out), ["photo.json", "photo.overlay.png", "photo.panoptic.png"]);
    let map =
        codec::decode_panoptic(&std::fs::read(out.join("photo.panoptic.png")).expect("read")).expect("a map");
    let overlay = image::open(out.join("photo.overlay.png")).expect("a picture");
    assert_eq!(((map.width(), map.height()), (overlay.width(), overlay.height())), ((50, 40), (50, 40)));
    let list = read(&out.join("photo.json"));
    assert_eq!(
        (&list["file_name"], &list["image_id"]),
        (&Value::from("photo.panoptic.png"), &Value::from(1))
    );
    let segments = list["segments_info"].as_array().expect("segments");
    assert!(!segments.is_empty());
    let extents = map.extents();
    for segment in segments {
        let (_, extent) = extents.iter().find(|(id, _)| segment["id"] == *id).expect("in the map");
        assert_eq!(segment["area"], extent.area);
        assert!(segment["name"].is_string() && segment["score"].is_number());
    }
    assert_eq!(extents.iter().filter(|(id, _)| *id != 0).count(), segments.len());

    let run = segment(folder.path(), &with_model(&["photo.png", "--json", "--threads", "1", "-o", "out"]));
    let line: Value = serde_json::from_str(&run.out).expect("one line of JSON");
    assert_eq!(line["segments"].as_array().map(Vec::len), Some(segments.len()));
}

#[test]
fn photos_come_from_standard_input_and_results_go_to_standard_output() {
    let folder = folder();
    let path = folder.path();
    let photo = std::fs::read(path.join("photo.png")).expect("read");
    let piped = |arguments: &[&str]| kmax_with_input(path, "segment", &with_model(arguments), &photo);
    let (run, out) = piped(&["-", "-o", "-"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let overlay = image::load_from_memory_with_format(&out, ImageFormat::Png).expect("a PNG alone");
    assert_eq!((overlay.width(), overlay.height()), (50, 40));
    let (run, out) = piped(&["-", "-o", "-", "--result", "map"]);
    assert!(run.code == 0 && codec::decode_panoptic(&out).is_ok(), "{run:?}");
    let (run, out) = piped(&["photo.png", "-o", "-", "--result", "json", "--task", "instance"]);
    let list: Value = serde_json::from_slice(&out).expect("JSON alone");
    assert!(run.code == 0 && list["annotations"].is_array(), "{run:?}");
    assert_eq!(names(path), ["photo.png"]);

    let (run, _) = piped(&["-", "photo.png", "-o", "out"]);
    assert_eq!((run.code, names(&path.join("out")).len()), (0, 6), "{run:?}");
    assert!(names(&path.join("out")).contains(&"stdin.json".to_string()));
    let (run, out) = kmax_with_input(path, "segment", &with_model(&["-", "-o", "-"]), b"no photo");
    run.fails(3, &["stdin"]);
    assert!(out.is_empty());
    for arguments in [
        &["photo.png", "-", "-o", "-"][..],
        &["-", "photo.png", "--result", "json"],
        &["-", "-"],
        &["photo.png", "-o", "-", "--json"],
        &["photo.png", "--result", "map"],
        &["photo.png", "-o", "-", "--task", "instance", "--result", "map"],
    ] {
        segment(path, &with_model(arguments)).fails(2, &["-"]);
    }
}

#[test]
fn who_finds_nothing_learns_what_the_model_knows() {
    let folder = folder();
    let arguments = ["photo.png", "--class-threshold-thing", "1", "--class-threshold-stuff", "1"];
    let run = segment(folder.path(), &with_model(&arguments));
    assert!(run.code == 0 && run.out.contains("nothing found"), "{run:?}");
    assert_eq!(run.err.lines().count(), 1, "{run:?}");
    assert!(run.err.contains(" knows ") && run.err.contains("kmax models"), "{run:?}");
    let quiet = segment(folder.path(), &with_model(&[&arguments[..], &["--quiet"]].concat()));
    assert_eq!((quiet.code, quiet.err.as_str(), quiet.out), (0, "", run.out));
    let more = segment(folder.path(), &with_model(&["photo.png", "--verbose"]));
    assert!(more.code == 0 && more.err.contains("kernels: ") && more.err.contains("photo.png: "), "{more:?}");
}

#[test]
fn a_profile_tells_where_the_time_went() {
    let folder = folder();
    let run = segment(folder.path(), &with_model(&["photo.png", "--profile"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    for line in
        ["class ", "stage ", "reading the photo ", "backbone ", "heads ", "writing results ", "operation "]
    {
        assert!(run.out.lines().any(|told| told.starts_with(line)), "no {line}: {}", run.out);
    }
    let run = segment(folder.path(), &with_model(&["photo.png", "--profile", "--json"]));
    let lines: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let profile = &lines[1]["profile"];
    assert!(lines.len() == 2 && lines[0]["segments"].is_array() && profile["gemm_gflops"].is_number());
    for kind in ["stages", "operations"] {
        let rows = profile[kind].as_array().expect("rows");
        let sum: f64 = rows.iter().filter_map(|row| row["share"].as_f64()).sum();
        assert!(rows.len() > 3 && sum < 1.0 + 1e-9, "{profile}");
    }
    let convolution = |row: &Value| row["operation"].as_str().is_some_and(|name| name.starts_with("conv"));
    let rows = profile["operations"].as_array().expect("rows");
    assert!(rows.iter().any(|row| convolution(row) && row["efficiency"].as_f64() > Some(0.0)), "{profile}");
}

#[test]
fn instances_and_classes() {
    let folder = folder();
    let run = segment(folder.path(), &with_model(&["photo.png", "--task", "instance", "--min-score", "0"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let instances = read(&folder.path().join("photo.json"))["annotations"].clone();
    let instances = instances.as_array().expect("instances");
    assert!(!instances.is_empty());
    for instance in instances {
        let mask: kmax_masks::Rle = serde_json::from_value(instance["segmentation"].clone()).expect("a mask");
        assert_eq!(
            (mask.width(), mask.height(), Value::from(mask.area())),
            (50, 40, instance["area"].clone())
        );
        assert_eq!(instance["isthing"], true);
    }
    let scores: Vec<f64> = instances.iter().filter_map(|instance| instance["score"].as_f64()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.len() == instances.len());

    let run = segment(folder.path(), &with_model(&["photo.png", "--task", "semantic", "--quiet"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let map = std::fs::read(folder.path().join("photo.semantic.png")).expect("read");
    let map = codec::decode_labels(&map).expect("a map");
    let classes = read(&folder.path().join("photo.json"))["classes"].clone();
    let listed: Vec<_> =
        classes.as_array().expect("classes").iter().map(|c| c["category_id"].clone()).collect();
    let present: Vec<_> = map.extents().into_iter().map(|(id, _)| Value::from(id)).collect();
    assert_eq!(listed, present);
}

#[test]
fn pictures_of_every_kind_are_taken() {
    let folder = folder();
    let path = folder.path();
    let rgb = DynamicImage::from(picture(50, 40));
    rgb.to_luma16().save(path.join("grey16.png")).expect("saved");
    rgb.to_rgba8().save(path.join("alpha.png")).expect("saved");
    rgb.save_with_format(path.join("a photo.webp"), ImageFormat::WebP).expect("saved");
    rgb.save_with_format(path.join("photo.jpeg"), ImageFormat::Jpeg).expect("saved");
    picture(1, 1).save(path.join("dot.png")).expect("saved");
    picture(300, 7).save(path.join("wide.png")).expect("saved");
    for (name, stem) in [
        ("grey16.png", "grey16"),
        ("alpha.png", "alpha"),
        ("a photo.webp", "a photo"),
        ("photo.jpeg", "photo"),
        ("dot.png", "dot"),
        ("wide.png", "wide"),
    ] {
        for task in ["panoptic", "instance", "semantic"] {
            let run = segment(path, &with_model(&[name, "-o", "out", "--task", task, "-q"]));
            assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}: {run:?}");
            assert!(path.join("out").join(format!("{stem}.overlay.png")).is_file());
        }
    }
}

#[test]
fn what_is_no_photo_is_told_in_a_line() {
    let folder = folder();
    let path = folder.path();
    let mut jpeg = Vec::new();
    DynamicImage::from(picture(90, 90))
        .write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg)
        .expect("encoded");
    std::fs::write(path.join("cut.jpg"), &jpeg[..jpeg.len() / 2]).expect("written");
    std::fs::write(path.join("text.jpg"), "dear diary").expect("written");
    std::fs::write(path.join("empty.png"), "").expect("written");
    for name in ["absent.jpg", "cut.jpg", "text.jpg", "empty.png"] {
        segment(path, &with_model(&[name, "-o", "out"])).fails(3, &["error: ", name]);
        assert!(names(&path.join("out")).is_empty(), "{name}");
    }
    // A pixel across is more than the share of so thin a photo.
    picture(1, 5000).save(path.join("thread.png")).expect("saved");
    let run = segment(path, &with_model(&["thread.png", "-o", "out"]));
    assert_eq!((run.code, names(&path.join("out")).len()), (0, 3), "{run:?}");
}

#[test]
fn one_bad_photo_does_not_stop_the_rest() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("broken.png"), "no").expect("written");
    picture(20, 30).save(path.join("second.png")).expect("saved");
    std::fs::create_dir(path.join("other")).expect("a folder");
    picture(21, 30).save(path.join("other/second.png")).expect("saved");
    let run = segment(path, &with_model(&[".", "absent.jpg", "other", "-o", "out", "--json"]));
    assert_eq!(run.code, 1, "{run:?}");
    for part in ["broken.png", "absent.jpg", "2 of 5 photos failed", "second-2"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let lines: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().filter(|line| line.get("error").is_some()).count(), 2);
    assert_eq!((lines.len(), names(&path.join("out")).len()), (5, 9));
    let width = |name: &str| image::open(path.join("out").join(name)).expect("a picture").width();
    assert_eq!((width("second.overlay.png"), width("second-2.overlay.png")), (20, 21));
}

/// What a run wrote, by name.
fn written(folder: &Path) -> Vec<(String, Vec<u8>)> {
    names(folder)
        .into_iter()
        .map(|name| (name.clone(), std::fs::read(folder.join(&name)).expect("read")))
        .collect()
}

#[test]
fn photos_that_go_through_together_are_found_and_told_as_alone() {
    let folder = folder();
    let path = folder.path();
    let photos = path.join("photos");
    std::fs::create_dir(&photos).expect("a folder");
    // Of two sizes at the network, so that batches are of one, of the other, and of both.
    for (k, (width, height)) in
        [(50, 40), (40, 50), (50, 40), (50, 40), (30, 24), (40, 50), (50, 40)].iter().enumerate()
    {
        let mut photo = picture(*width, *height);
        photo.put_pixel(k as u32, 3, image::Rgb([255; 3]));
        photo.save(photos.join(format!("{k}.png"))).expect("saved");
    }
    std::fs::write(photos.join("3b.png"), "no photo").expect("written");
    let run = |out: &str, more: &[&str]| {
        let run = segment(path, &with_model(&[&["photos", "--json", "-o", out], more].concat()));
        assert_eq!((run.code, run.err.matches("error: photos/3b.png").count()), (1, 1), "{run:?}");
        (run.out, written(&path.join(out)))
    };
    let (told, files) = run("alone", &["--threads", "1", "--batch", "1"]);
    assert_eq!((told.lines().count(), files.len()), (8, 21));
    let file = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["file"].clone();
    let order: Vec<_> = told.lines().map(file).collect();
    let expected =
        ["0", "1", "2", "3", "3b", "4", "5", "6"].map(|name| Value::from(format!("photos/{name}.png")));
    assert_eq!(order, expected);
    for more in [&["--batch", "3"][..], &["--batch", "64"], &[], &["--threads", "3", "--batch", "2"]] {
        let (again, other) = run("together", more);
        assert_eq!(again, told, "{more:?}");
        for ((name, bytes), (other_name, other_bytes)) in files.iter().zip(&other) {
            assert!(name == other_name && bytes == other_bytes, "{more:?}: {name}");
        }
        assert_eq!(other.len(), files.len());
    }
    segment(path, &with_model(&["photo.png", "--batch", "0"])).fails(2, &["--batch", "auto"]);
}

#[test]
fn the_processor_computes_in_every_precision_of_its_own() {
    let folder = folder();
    let path = folder.path();
    for (precision, said) in [("f32", ""), ("bf16", ""), ("int8", ""), ("auto", "precision: ")] {
        let out = format!("out-{precision}");
        let run = segment(path, &with_model(&["photo.png", "--precision", precision, "-o", &out]));
        assert!(run.code == 0 && run.err.contains(said), "{precision}: {run:?}");
        assert!(path.join(out).join("photo.panoptic.png").exists(), "{precision}");
    }
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

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_file_is_not_read() {
    let folder = folder();
    segment(folder.path(), &with_model(&["photo.png", "-o", "out", "--ids", "/dev/zero"]))
        .fails(3, &["/dev/zero", "no regular file"]);
    let model = folder.path().join("model");
    std::fs::create_dir(&model).expect("made");
    for name in ["config.json", "preprocessor_config.json", "model.safetensors"] {
        for other in names(model_folder()) {
            std::fs::copy(model_folder().join(&other), model.join(&other)).expect("copied");
        }
        std::fs::remove_file(model.join(name)).expect("removed");
        std::os::unix::fs::symlink("/dev/zero", model.join(name)).expect("linked");
        let run = segment(folder.path(), &["photo.png", "-o", "out", "--model", "model"]);
        run.fails(4, &["model"]);
        std::fs::remove_file(model.join(name)).expect("removed");
    }
}

#[test]
fn predictions_for_the_official_evaluation() {
    let folder = folder();
    let path = folder.path();
    picture(30, 20).save(path.join("b.png")).expect("saved");
    let ids = r#"{"images": [{"id": 40, "file_name": "x/photo.png"}, {"id": 41, "file_name": "b.png"}]}"#;
    std::fs::write(path.join("ids.json"), ids).expect("written");
    let arguments = ["photo.png", "b.png", "--format", "coco-panoptic", "--ids", "ids.json", "-o", "out"];
    let run = segment(path, &with_model(&arguments));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    assert_eq!(names(&path.join("out")), ["predictions", "predictions.json"]);
    let json = path.join("out/predictions.json");
    let predictions = CocoPredictions::open(&json, path.join("out/predictions")).expect("predictions");
    let categories: Categories =
        serde_json::from_value(read(&json)["categories"].clone()).expect("categories");
    for (id, width) in [(40, 50), (41, 30)] {
        let panoptic = predictions.panoptic(&id.into(), &categories).expect("a prediction");
        panoptic.validate(&categories).expect("valid");
        assert_eq!(panoptic.map.width(), width);
    }
    // What is there stays if nothing replaces it, and an id goes to one photo.
    let before = std::fs::read(&json).expect("read");
    let again = |photos: &[&str]| {
        let arguments = ["--format", "coco-panoptic", "--ids", "ids.json", "-o", "out"];
        segment(path, &with_model(&[photos, &arguments].concat()))
    };
    again(&["ids.json"]).fails(3, &["ids.json"]);
    assert_eq!(std::fs::read(&json).expect("read"), before);
    let run = again(&["photo.png", "photo.png"]);
    assert!(run.code == 1 && run.err.contains("its id went to another photo"), "{run:?}");
    let twice = r#"[{"id": 40, "file_name": "photo.png"}, {"id": 40, "file_name": "b.png"}]"#;
    std::fs::write(path.join("ids.json"), twice).expect("written");
    again(&["photo.png"]).fails(3, &["ids.json", "40"]);
    segment(path, &with_model(&["photo.png", "--ids", "photo.png"])).fails(3, &["photo.png"]);
    std::fs::write(path.join("ids.json"), "[]").expect("written");
    segment(path, &with_model(&["photo.png", "--ids", "ids.json"])).fails(3, &["photo.png", "ids"]);
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

/// A picture that another program made.
fn made(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../kmax-transforms/tests/photos").join(name)
}

#[test]
fn photos_of_other_formats_are_read_and_what_was_chosen_is_told() {
    let folder = folder();
    let path = folder.path();
    // What a file is, it says itself.
    std::fs::copy(made("pages.tif"), path.join("scan.jpg")).expect("copied");
    std::fs::write(path.join("layers.png"), b"8BPS\0\x01").expect("written");
    for name in ["film.mov", "._scan.jpg", "list.txt"] {
        std::fs::write(path.join(name), "").expect("written");
    }
    let run = segment(path, &with_model(&[".", "-o", "out"]));
    assert_eq!(run.code, 1, "{run:?}");
    for part in [
        "note: 2 files of other kinds left out (.mov, .txt)",
        "scan.jpg: it has several pages; the first is taken",
        "layers.png: a Photoshop document, which is not read here; convert it to JPEG, PNG or TIFF",
        "1 of 3 photos failed",
    ] {
        assert!(run.err.lines().any(|line| line.contains(part)), "{part}: {}", run.err);
    }
    assert_eq!(names(&path.join("out")).len(), 6);
}

#[test]
fn what_shows_behind_transparent_pixels_is_chosen() {
    let folder = folder();
    let path = folder.path();
    image::RgbaImage::from_pixel(30, 20, image::Rgba([0; 4])).save(path.join("glass.png")).expect("saved");
    let mut overlays = Vec::new();
    for colour in ["#0000ff", "0000ff", "#ffffff"] {
        let run = segment(path, &with_model(&["glass.png", "-o", "out", "--background", colour, "-q"]));
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
        overlays.push(std::fs::read(path.join("out/glass.overlay.png")).expect("read"));
    }
    assert!(overlays[0] == overlays[1] && overlays[1] != overlays[2]);
    let run = segment(path, &with_model(&["glass.png", "--background", "blue"]));
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn a_photo_from_standard_input_goes_to_standard_output() {
    let folder = folder();
    let path = folder.path();
    let photo = std::fs::read(path.join("photo.png")).expect("read");
    let piped = |arguments: &[&str]| kmax_with_input(path, "segment", &with_model(arguments), &photo);
    let (run, out) = piped(&["-"]);
    let overlay = image::load_from_memory_with_format(&out, ImageFormat::Png).expect("a PNG alone");
    assert_eq!((run.code, overlay.width(), overlay.height()), (0, 50, 40), "{run:?}");
    let (run, out) = piped(&["-", "--result", "json"]);
    assert!(run.code == 0 && serde_json::from_slice::<Value>(&out).is_ok(), "{run:?}");
    assert_eq!(names(path), ["photo.png"]);
    // With a line of JSON, the pictures are files.
    let (run, out) = piped(&["-", "--json"]);
    assert!(run.code == 0 && out.starts_with(b"{\"file\":\"stdin\""), "{run:?}");
    assert!(names(path).contains(&"stdin.overlay.png".to_owned()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_photo_that_needs_too_much_memory_is_refused_before_the_work() {
    let folder = folder();
    let path = folder.path();
    // The header of a BMP of 19,000 x 19,000 pixels, and not one of them.
    let header = [
        &b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"[..],
        &[0x38, 0x4a, 0, 0, 0x38, 0x4a, 0, 0, 1, 0, 24, 0],
        &[0; 24],
    ];
    std::fs::write(path.join("large.bmp"), header.concat()).expect("written");
    let limited = format!(
        "ulimit -v 3500000; exec {} segment large.bmp -o out --model {}",
        env!("CARGO_BIN_EXE_kmax"),
        model_folder().display()
    );
    let mut shell = std::process::Command::new("sh");
    let done = shell.current_dir(path).args(["-c", &limited]).output().expect("the program runs");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    let run = Run { code: done.status.code().unwrap_or(-1), out: String::new(), err: told };
    run.fails(6, &["large.bmp: 19000x19000 pixels need about 5.1 GB of memory"]);
    assert!(names(&path.join("out")).is_empty());
}

#[test]
fn the_steps_are_pictures_an_animation_and_a_list() {
    let folder = folder();
    let run = segment(folder.path(), &with_model(&["photo.png", "-o", "out", "--explain", "why"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let list = read(&folder.path().join("why/photo.steps.json"));
    let steps = list["steps"].as_array().expect("steps");
    let mut expected: Vec<String> = (1..=steps.len()).map(|k| format!("photo.step{k}.png")).collect();
    expected.extend(["photo.steps.gif", "photo.steps.json"].map(String::from));
    assert_eq!(names(&folder.path().join("why")), expected);
    for k in 1..=steps.len() {
        let picture = image::open(folder.path().join(format!("why/photo.step{k}.png"))).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (50, 40));
    }
    // Of each segment in the list of results there is a query, with a place in every step.
    let found = read(&folder.path().join("out/photo.json"));
    let queries = list["queries"].as_array().expect("queries");
    for segment in found["segments_info"].as_array().expect("segments") {
        let mut of = queries.iter().filter(|query| query["segment_id"] == segment["id"]);
        let query = of.next().expect("a query");
        // Drawn weights may be surest of void, which no segment is of.
        assert!(query["category_id"].is_null() || query["category_id"] == segment["category_id"]);
        assert_eq!(query["history"].as_array().map(Vec::len), Some(steps.len()));
    }
    let gif = std::fs::File::open(folder.path().join("why/photo.steps.gif")).expect("there");
    let mut frames = gif::DecodeOptions::new().read_info(std::io::BufReader::new(gif)).expect("a GIF");
    assert_eq!((frames.width(), frames.height()), (50, 40));
    let mut count = 0;
    while frames.read_next_frame().expect("whole").is_some() {
        count += 1;
    }
    assert_eq!(count, steps.len() + 2);
    // Pictures of an explanation are no photos.
    let run = segment(folder.path(), &with_model(&["why", "-o", "again"]));
    assert_ne!(run.code, 0, "{run:?}");
}

//! What is found, and how it is written.

use crate::support::{names, picture};
use crate::{folder, read, segment, with_model};
use kmax_datasets::coco::CocoPredictions;
use kmax_masks::{Categories, codec};
use serde_json::Value;
use std::path::Path;

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

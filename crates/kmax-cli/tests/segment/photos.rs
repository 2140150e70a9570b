//! Photos of every kind, from files and from standard input.

use crate::small_model::model_folder;
use crate::support::{Run, kmax_with_input, names, picture};
use crate::{folder, segment, with_model};
use image::{DynamicImage, ImageFormat};
use kmax_masks::codec;
use serde_json::Value;
use std::io::Cursor;
use std::path::Path;

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

//! `kmax page` as a user meets it. What the folder does in a browser is tested in `crates/kmax-page/tests/run`.

mod small_model;
mod support;

use small_model::model_folder;
use std::fs;
use std::path::Path;
use support::{kmax, kmax_with, names};

/// A package that has the files that a page needs, if not their content.
fn package(folder: &Path) {
    fs::create_dir_all(folder.join("dist")).expect("a folder");
    for name in ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"] {
        fs::write(folder.join("dist").join(name), name).expect("written");
    }
    let about = r#"{"name": "onnxruntime-web", "version": "9.8.7", "license": "MIT"}"#;
    fs::write(folder.join("package.json"), about).expect("written");
}

#[test]
fn a_folder_is_written_with_model_and_engine_and_again() {
    let folder = tempfile::tempdir().expect("a folder");
    package(&folder.path().join("ort"));
    let model = model_folder().display().to_string();
    let arguments = ["-o", "site", "--model", &model, "--runtime", "ort"];
    for _ in 0..2 {
        let run = kmax(folder.path(), "page", &arguments);
        assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
        assert!(run.err.contains("written: site"), "{}", run.err);
    }
    let site = folder.path().join("site");
    let text = fs::read_to_string(site.join("config.json")).expect("there");
    let config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let told = &config["models"][0];
    assert_eq!(
        (config["backend"].as_str(), config["runtime"]["version"].as_str()),
        (Some("browser"), Some("9.8.7"))
    );
    assert_eq!((told["queries"].as_u64(), told["layers"].as_array().map(Vec::len)), (Some(32), Some(3)));
    assert_eq!(told["categories"][1]["name"], "skin");
    let onnx = fs::metadata(site.join(told["file"].as_str().expect("a file"))).expect("there");
    assert_eq!(Some(onnx.len()), told["bytes"].as_u64());
    assert!(site.join("index.html").is_file() && site.join("runtime/ort.wasm.min.mjs").is_file());
}

#[test]
fn mistakes_are_one_line_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("taken")).expect("a folder");
    fs::write(folder.path().join("taken/index.html"), "mine").expect("written");
    package(&folder.path().join("ort"));
    fs::create_dir(folder.path().join("other")).expect("a folder");
    let before = names(folder.path());
    let model = model_folder().display().to_string();
    let model = model.as_str();
    for (arguments, code, parts) in [
        (&["-o", "taken", "--runtime", "ort"][..], 5, &["taken", "other files"][..]),
        (&["-o", "site", "--runtime", "absent"], 3, &["absent"]),
        (&["-o", "site", "--runtime", "other"], 3, &["other", "ort.wasm.min.mjs"]),
        (&["-o", "site", "--runtime", "ort", "--model", "no-such-model"], 4, &["no-such-model"]),
        (&["-o", "site", "--runtime", "ort", "--model", model, "--model", model], 2, &["twice"]),
        (&["--runtime", "ort"], 2, &["--output"]),
    ] {
        kmax(folder.path(), "page", arguments).fails(code, parts);
        assert_eq!(names(folder.path()), before, "{arguments:?}");
    }
}

#[cfg(feature = "hub")]
#[test]
fn without_a_connection_it_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = [("KMAX_CACHE", folder.path().join("cache").display().to_string())];
    let run = kmax_with(folder.path(), "page", &["-o", "site", "--offline"], &cache);
    run.fails(3, &["onnxruntime-web", "offline", "--runtime"]);
    let registry = [cache[0].clone(), ("NPM_CONFIG_REGISTRY", "nowhere".into())];
    let run = kmax_with(folder.path(), "page", &["-o", "site"], &registry);
    run.fails(2, &["NPM_CONFIG_REGISTRY", "nowhere"]);
    assert!(!folder.path().join("site").exists());
}

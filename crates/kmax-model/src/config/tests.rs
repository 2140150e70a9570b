//! Configurations that say more than there can be.

use super::Config;
use crate::presets::Preset;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What is refused must be refused at once, on a busy machine too.
const AT_ONCE: Duration = Duration::from_secs(30);

/// JSON pointers to all integers of the parts that shape a network or an allocation.
fn integers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                integers(value, format!("{path}/{name}"), found);
            }
        }
        Value::Array(values) => {
            for (i, value) in values.iter().enumerate() {
                integers(value, format!("{path}/{i}"), found);
            }
        }
        // An area limit is compared with areas; nothing is made of it.
        Value::Number(number) if number.is_u64() && !path.ends_with("_area_limit") => found.push(path),
        _ => {}
    }
}

fn refused(file: Value) -> String {
    let start = Instant::now();
    let message = Config::parse(file).expect_err("a hostile configuration").to_string();
    assert!(start.elapsed() < AT_ONCE, "{:?}: {message}", start.elapsed());
    message
}

#[test]
fn no_number_is_taken_at_its_word() {
    for preset in [Preset::People, Preset::named("kmax-resnet50-coco").expect("a preset"), convnext()] {
        let file = preset.config().to_json();
        let mut paths = Vec::new();
        for (name, value) in file.as_object().expect("an object") {
            if !["categories", "thing_ids", "label2id", "id2label"].contains(&name.as_str()) {
                integers(value, format!("/{name}"), &mut paths);
            }
        }
        assert!(paths.len() > 20, "{paths:?}");
        for path in paths {
            for huge in [1u64 << 61, 1 << 31, 1_000_000_000, 1_000_000] {
                // As many pixels as a million can be sampled.
                if path.ends_with("/semantic_samples") && huge == 1_000_000 {
                    continue;
                }
                let mut file = file.clone();
                *file.pointer_mut(&path).expect("a number") = json!(huge);
                let message = refused(file);
                // `depths[2]` is told as `depths`, with all its values.
                let field = path.rsplit('/').find(|part| part.parse::<usize>().is_err()).expect("a name");
                assert!(message.contains(field), "{path} = {huge}: {message}");
            }
        }
    }
}

fn convnext() -> Preset {
    Preset::all()
        .into_iter()
        .find(|preset| preset.config().to_json()["backbone_config"]["kind"] == "convnext")
        .expect("a preset")
}

#[test]
fn numbers_within_their_limits_may_be_too_much_together() {
    let mut file = Preset::People.config().to_json();
    for (path, most) in [
        ("/decoder_config/layers", json!([1000, 1000, 1000])),
        ("/hidden_dim", json!(65536)),
        ("/dim_feedforward", json!(65536)),
        ("/num_queries", json!(65000)),
    ] {
        *file.pointer_mut(path).expect("a field") = most;
    }
    let message = refused(file);
    assert!(message.contains("parameters") && message.contains("4000000000"), "{message}");
    // The most names that there can be.
    let mut file = Preset::People.config().to_json();
    file["decoder_config"]["layers"] = json!([1000, 1000, 1000]);
    for stage in file["pixel_decoder_config"]["stages"].as_array_mut().expect("stages") {
        stage["blocks"] = json!(1000);
    }
    let start = Instant::now();
    let config = Config::parse(file);
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert!(config.is_ok());
}

#[test]
fn every_preset_is_checked_in_no_time() {
    let start = Instant::now();
    let presets: Vec<_> = Preset::all().into_iter().map(|preset| preset.config()).collect();
    assert!(presets.iter().all(|config| config.validate().is_ok()));
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
}

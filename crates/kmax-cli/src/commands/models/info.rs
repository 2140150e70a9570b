//! `kmax models info`: what a model is.

use super::checkpoint;
use crate::exit::{OrExit, Outcome};
use crate::output::print;
use kmax::{Config, Model, Preset};
use serde_json::{Value, json};
use std::path::Path;

/// Describes a model.
pub fn run(name: &str, as_json: bool) -> Outcome {
    let built_in = Model::built_in_names().any(|built_in| built_in == name);
    // A published variant has no weights here, but a configuration.
    let preset = Preset::named(name).filter(|_| !built_in && !Path::new(name).exists());
    let (config, size) = match preset {
        Some(preset) => {
            let config = preset.config();
            let shapes = config.network.shapes(false).or_fail_loading()?;
            let parameters = shapes.values().map(|shape| shape.iter().product::<usize>()).sum();
            (config, Size { parameters, bytes: None })
        }
        None => {
            let model = crate::model::open(name)?;
            (model.config().clone(), Size::of(&model))
        }
    };
    let facts = facts(name, preset, &config, &size, license(name, built_in, preset));
    if as_json {
        return print(&format!("{facts:#}"));
    }
    print(&table(&facts))
}

/// How large the weights are.
struct Size {
    parameters: usize,
    /// In the file; `None` where there is no file.
    bytes: Option<usize>,
}

impl Size {
    fn of(model: &Model) -> Self {
        let weights = model.weights();
        let (mut parameters, mut bytes) = (0, 0);
        for (name, shape) in weights.shapes() {
            let count: usize = shape.iter().product();
            parameters += count;
            bytes += count * weights.dtype(&name).map_or(0, |dtype| dtype.bitsize() / 8);
        }
        Self { parameters, bytes: Some(bytes) }
    }
}

/// The licence of the weights: ours and the published ones have one; a folder's stands in the header of its card.
fn license(name: &str, built_in: bool, preset: Option<Preset>) -> Option<String> {
    match preset {
        Some(Preset::Published(variant)) => return Some(variant.release().license().into()),
        _ if built_in || preset.is_some() => return Some(kmax::LICENSE.into()),
        _ => {}
    }
    let card = std::fs::read_to_string(Path::new(name).join("README.md")).ok()?;
    let mut lines = card.lines();
    lines.next().filter(|line| *line == "---")?;
    let mut header = lines.take_while(|line| *line != "---");
    header.find_map(|line| Some(line.strip_prefix("license:")?.trim().to_string()))
}

fn facts(name: &str, preset: Option<Preset>, config: &Config, size: &Size, license: Option<String>) -> Value {
    let [height, width] = config.preprocess.size;
    let file = config.to_json();
    let names = |things: bool| -> Vec<&str> {
        let classes = config.categories.iter().filter(|class| class.isthing == things);
        classes.map(|class| class.name.as_str()).collect()
    };
    let mut postprocess = file["postprocess_config"].clone();
    plain(&mut postprocess);
    let checkpoints: Vec<_> = match preset {
        Some(Preset::Published(variant)) => vec![checkpoint(variant.release())],
        _ => Vec::new(),
    };
    json!({
        "model": preset.map_or_else(|| name.to_string(), |preset| preset.name()),
        "backbone": file["backbone_config"]["kind"],
        "parameters": size.parameters,
        "weights_bytes": size.bytes,
        "license": license,
        "queries": config.network.decoder.queries,
        "input": format!("{height}x{width}"),
        "mask_stride": config.network.mask_stride(),
        "things": names(true),
        "stuff": names(false),
        "postprocess": postprocess,
        "checkpoints": checkpoints,
    })
}

/// Takes float32 noise off: 0.4 is not 0.4000000059604645.
fn plain(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(plain),
        Value::Number(number) if number.is_f64() => {
            // A float32 prints itself with as many digits as it has.
            let short = number.as_f64().and_then(|float| (float as f32).to_string().parse::<f64>().ok());
            *value = json!(short);
        }
        _ => {}
    }
}

/// A line a fact.
fn table(facts: &Value) -> String {
    let list = |value: &Value| -> Vec<String> {
        let names = value.as_array().into_iter().flatten();
        names.filter_map(|name| Some(name.as_str()?.to_string())).collect()
    };
    let mut text = String::new();
    let mut line = |key: &str, value: &str| text += &format!("{key:<14} {value}\n");
    for (key, value) in facts.as_object().into_iter().flatten() {
        let title = key.replace('_', " ");
        match (key.as_str(), value) {
            ("weights_bytes", value) => {
                let size = value.as_f64().map(|bytes| format!("{:.1} MB", 1e-6 * bytes));
                line("weights", &size.unwrap_or_else(|| "elsewhere: see checkpoint".into()));
            }
            ("license", Value::Null) => line("license", "not stated"),
            ("things" | "stuff", value) => {
                let names = list(value);
                line(&title, &format!("{}: {}", names.len(), names.join(", ")));
            }
            ("postprocess", Value::Object(fields)) => {
                let fields = fields.iter().map(|(name, value)| match value.as_str() {
                    Some(text) => format!("{name} {text}"),
                    None => format!("{name} {value}"),
                });
                line(&title, &fields.collect::<Vec<_>>().join(", "));
            }
            ("checkpoints", value) => {
                for checkpoint in value.as_array().into_iter().flatten() {
                    let text = |key: &str| checkpoint[key].as_str().unwrap_or_default();
                    let value = format!("{} PQ {} {}", text("url"), checkpoint["pq"], text("note"));
                    line("checkpoint", value.trim_end());
                }
            }
            (_, Value::String(value)) => line(&title, value),
            (_, value) => line(&title, &value.to_string()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_noise_goes() {
        let mut value = json!({"a": f64::from(0.4f32), "b": 2, "c": {"d": f64::from(0.7f32)}});
        plain(&mut value);
        assert_eq!(value.to_string(), r#"{"a":0.4,"b":2,"c":{"d":0.7}}"#);
    }

    #[test]
    fn the_card_of_a_folder_states_a_licence() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let name = folder.path().to_string_lossy();
        assert_eq!(license(&name, false, None), None);
        std::fs::write(folder.path().join("README.md"), "---\nlicense: mit\n---\n# A\n").expect("written");
        assert_eq!(license(&name, false, None).as_deref(), Some("mit"));
        assert_eq!(license("kmax-people", true, None).as_deref(), Some("apache-2.0"));
    }

    #[test]
    fn published_weights_have_the_licence_of_their_page() {
        for (name, expected) in [
            ("kmax-resnet50-coco.pytorch", "apache-2.0"),
            ("kmax-people", "apache-2.0"),
            ("kmax-convnext-large-coco.coconut-s", "cc"),
        ] {
            let preset = Preset::named(name);
            assert!(preset.is_some());
            assert_eq!(license(name, false, preset).as_deref(), Some(expected), "{name}");
        }
    }
}

//! `kmax models info`: what a model is.

use super::{card, checkpoint};
use crate::exit::{OrExit, Outcome};
use crate::model;
use crate::output::{megabytes, print};
use kmax::{Cache, Config, Model, Preset};
use kmax_base::read::{MAX_SETTINGS, read_text};
use serde_json::{Value, json};
use std::path::Path;

/// Describes a model.
pub fn run(name: &str, as_json: bool) -> Outcome {
    let built_in = Model::built_in_names().any(|built_in| built_in == name);
    let preset = Preset::named(name).filter(|_| !built_in && !Path::new(name).exists());
    let cached = preset.and_then(|preset| Cache::from_env()?.model(&preset.name()));
    let facts = match (preset, cached) {
        // Nothing is fetched to be described: a published variant has a configuration without weights.
        (Some(preset), None) => {
            let config = preset.config();
            let shapes = config.network.shapes(false).or_fail_loading()?;
            let parameters = shapes.values().map(|shape| shape.iter().product::<usize>()).sum();
            let size = Size { parameters, bytes: None, quantized: false };
            let license = match preset {
                Preset::Published(variant) => variant.release().license(),
                Preset::People => kmax::LICENSE,
            };
            facts(name, Some(preset), &config, &size, Some(license.into()))
        }
        (preset, _) => {
            let folder = model::folder(name)?;
            let license = match &folder {
                Some(folder) => license(folder),
                None => {
                    Model::built_in_card(name).and_then(|text| card::field(text, "license")).map(Into::into)
                }
            };
            let model = model::open_in(name, folder)?;
            facts(name, preset, model.config(), &Size::of(&model), license)
        }
    };
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
    /// Whether there are integers of 8 bits among them.
    quantized: bool,
}

impl Size {
    fn of(model: &Model) -> Self {
        let weights = model.weights();
        let (parameters, bytes) = weights.size();
        Self { parameters, bytes: Some(bytes), quantized: weights.are_quantized() }
    }
}

/// The licence that the header of a folder's card states.
fn license(folder: &Path) -> Option<String> {
    let text = read_text(&folder.join("README.md"), MAX_SETTINGS).ok()?;
    Some(card::field(&text, "license")?.into())
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
        "quantized": size.quantized,
        "license": license,
        "queries": config.network.decoder.queries,
        "input": format!("{height}x{width}"),
        "tiles": config.preprocess.tiles,
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
                let size = value.as_u64().map(megabytes);
                line("weights", &size.unwrap_or_else(|| "not here: `kmax pull` fetches them".into()));
            }
            // Told of those that are, alone.
            ("quantized", Value::Bool(false)) => {}
            ("quantized", _) => line("quantized", "weights in 8 bits"),
            // Most models see whole photos.
            ("tiles", Value::Null) => {}
            ("tiles", value) => {
                line("tiles", &format!("of {} pixels that overlap by {}", value["size"], value["overlap"]));
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
        assert_eq!(license(folder.path()), None);
        std::fs::write(folder.path().join("README.md"), "---\nlicense: mit\n---\n# A\n").expect("written");
        assert_eq!(license(folder.path()).as_deref(), Some("mit"));
    }
}

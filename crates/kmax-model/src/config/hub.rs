//! `config.json` of the Hugging Face Hub.
//!
//! Fields carry the names of transformers' `Mask2FormerConfig` where they mean the same, and stand at the top as
//! there; the rest stands in one object for each part of the model.

use super::Config;
use crate::error::{Error, Result};
use kmax_backbones::BackboneConfig;
use kmax_masks::{Categories, Category, colors};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The `model_type` of every configuration.
pub const MODEL_TYPE: &str = "kmax-deeplab";

/// A value read from JSON, and the fields of it that mean nothing here, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// What was read.
    pub value: T,
    /// Dotted names of unknown fields, which were left out.
    pub warnings: Vec<String>,
}

/// Where a field of the file stands in [`Config`]. What moves out of an object comes before the object.
const FIELDS: [(&str, &str); 17] = [
    ("num_queries", "network.decoder.queries"),
    ("hidden_dim", "network.decoder.channels"),
    ("mask_feature_size", "network.decoder.embedding"),
    ("num_attention_heads", "network.decoder.heads"),
    ("dim_feedforward", "network.decoder.feed_forward"),
    ("class_weight", "losses.class_weight"),
    ("mask_weight", "losses.mask_weight"),
    ("dice_weight", "losses.dice_weight"),
    ("use_auxiliary_loss", "losses.deep_supervision"),
    ("backbone_config", "network.backbone"),
    ("feature_levels", "network.levels"),
    ("resize_rule", "network.resize"),
    ("pixel_decoder_config", "network.pixel_decoder"),
    ("decoder_config", "network.decoder"),
    ("semantic_head_config", "network.semantic_head"),
    ("loss_config", "losses"),
    ("postprocess_config", "postprocess"),
];

impl Config {
    /// As `config.json`, without what stands in `preprocessor_config.json`.
    pub fn to_json(&self) -> Value {
        let mut tree = plain(self);
        let labels = self.categories.iter().enumerate();
        let mut file = json!({
            "model_type": MODEL_TYPE,
            "architectures": ["KMaxDeepLab"],
            "id2label": labels.clone().map(|(i, c)| (i.to_string(), json!(c.name))).collect::<Map<_, _>>(),
            "label2id": labels.map(|(i, c)| (c.name.clone(), json!(i))).collect::<Map<_, _>>(),
            "thing_ids": self.thing_ids(),
            "class_order": self.class_order,
        });
        for (name, path) in FIELDS {
            if let Some(value) = take(&mut tree, path) {
                file[name] = value;
            }
        }
        // Last, because it is long.
        file["categories"] = json!(self.categories);
        file
    }

    /// Reads what [`Self::to_json`] gives. Preprocessing is [unset](PreprocessConfig::unset).
    pub(super) fn parse(value: Value) -> Result<Parsed<Self>> {
        let fail = |field: &str, reason: String| Error::Config { field: field.into(), reason };
        let Value::Object(mut file) = value else {
            return Err(fail("config", "must be an object".into()));
        };
        match file.shift_remove("model_type") {
            Some(Value::String(found)) if found == MODEL_TYPE => {}
            found => {
                let found = found.map_or("missing".into(), |value| value.to_string());
                return Err(fail("model_type", format!("must be \"{MODEL_TYPE}\", but is {found}")));
            }
        }
        file.shift_remove("architectures");
        let categories = categories(&mut file)?;
        let mut tree = json!({});
        // Objects first, what moves into them after.
        for (name, path) in FIELDS.into_iter().rev() {
            let Some(value) = file.shift_remove(name) else { continue };
            if name.ends_with("_config") && !value.is_object() {
                return Err(fail(name, "must be an object".into()));
            }
            put(&mut tree, path, value);
        }
        put(&mut tree, "network.classes", json!(categories.len()));
        tree["categories"] = json!(categories);
        tree["class_order"] = file.shift_remove("class_order").unwrap_or(json!("contiguous"));
        check_backbone(tree["network"].get("backbone").unwrap_or(&Value::Null))?;
        let mut parsed: Parsed<Self> = deserialize(&tree).map_err(in_file)?;
        parsed.value.validate().map_err(in_file)?;
        parsed.warnings = parsed.warnings.iter().map(|path| name_in_file(path)).collect();
        parsed.warnings.extend(file.into_iter().map(|(name, _)| name));
        parsed.warnings.sort_unstable();
        Ok(parsed)
    }
}

/// The classes: `categories`, which must agree with `id2label` and `thing_ids` where these are given, or those alone.
fn categories(file: &mut Map<String, Value>) -> Result<Categories> {
    let fail = |field: &str, reason: String| Error::Config { field: field.into(), reason };
    let (labels, things) = (file.shift_remove("id2label"), file.shift_remove("thing_ids"));
    // The inverse of `id2label` by convention; nothing reads it.
    file.shift_remove("label2id");
    let labels: Option<Map<String, Value>> = labels.map(|v| part(&v, "id2label")).transpose()?;
    let things: Option<Vec<usize>> = things.map(|v| part(&v, "thing_ids")).transpose()?;
    let label = |labels: &Map<String, Value>, i: usize| -> Result<String> {
        let label = labels.get(&i.to_string()).and_then(Value::as_str);
        Ok(label.ok_or_else(|| fail("id2label", format!("has no label for {i}")))?.to_string())
    };
    let categories = match (file.shift_remove("categories"), &labels) {
        (Some(list), _) => part::<Categories>(&list, "categories")?,
        (None, Some(labels)) => {
            let things = things.as_ref().ok_or_else(|| fail("thing_ids", "is missing".into()))?;
            let class = |i: usize| {
                let (name, isthing) = (label(labels, i)?, things.contains(&i));
                Ok(Category { id: i as u32, name, isthing, color: colors::palette(i), supercategory: None })
            };
            let list = (0..labels.len()).map(class).collect::<Result<Vec<_>>>()?;
            Categories::new(list).map_err(|e| fail("id2label", e.to_string()))?
        }
        (None, None) => return Err(fail("id2label", "is missing, and so is `categories`".into())),
    };
    for (i, class) in categories.iter().enumerate() {
        if let Some(labels) = &labels
            && label(labels, i)? != class.name
        {
            return Err(fail(
                "id2label",
                format!("calls class {i} otherwise than `categories`: {}", class.name),
            ));
        }
        if things.as_ref().is_some_and(|things| things.contains(&i) != class.isthing) {
            return Err(fail("thing_ids", format!("disagrees with `categories` about class {i}")));
        }
    }
    let count = categories.len();
    if labels.as_ref().is_some_and(|labels| labels.len() != count) {
        return Err(fail("id2label", format!("must name the {count} classes of `categories`")));
    }
    match things.into_iter().flatten().find(|i| *i >= count) {
        Some(id) => Err(fail("thing_ids", format!("holds {id}, but there are only {count} classes"))),
        None => Ok(categories),
    }
}

/// A backbone whose kind decides its fields: read by itself, so that an error names the field.
fn check_backbone(value: &Value) -> Result<()> {
    let fields = |inner: Result<()>| inner.map_err(|error| below("backbone_config", error));
    match value.get("kind").and_then(Value::as_str) {
        Some("resnet") => fields(deserialize::<kmax_backbones::ResNetConfig>(value).map(drop)),
        Some("convnext") => fields(deserialize::<kmax_backbones::ConvNeXtConfig>(value).map(drop)),
        Some(_) => Ok(()),
        None => {
            let kinds = "must say which backbone it is: resnet, convnext or efficientnet_lite";
            Err(Error::Config { field: "backbone_config.kind".into(), reason: kinds.into() })
        }
    }?;
    part::<BackboneConfig>(value, "backbone_config").map(drop)
}

/// One field, by itself.
fn part<T: DeserializeOwned>(value: &Value, name: &str) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = match error.path().to_string() {
            path if path == "." => name.to_string(),
            path if path.starts_with('[') => format!("{name}{path}"),
            path => format!("{name}.{path}"),
        };
        Error::Config { field, reason: error.inner().to_string() }
    })
}

/// Reads `value`; what does not come back when the result is written again is unknown.
pub(super) fn deserialize<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Parsed<T>> {
    let read: T = serde_path_to_error::deserialize(value).map_err(|error| Error::Config {
        field: error.path().to_string(),
        reason: error.inner().to_string(),
    })?;
    let mut warnings = Vec::new();
    unknown(value, &json!(read), "", &mut warnings);
    Ok(Parsed { value: read, warnings })
}

fn unknown(given: &Value, understood: &Value, path: &str, names: &mut Vec<String>) {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            for (key, value) in given {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match understood.get(key) {
                    Some(known) => unknown(value, known, &path, names),
                    None if value.is_null() => {}
                    None => names.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(understood)) => {
            for (i, (value, known)) in given.iter().zip(understood).enumerate() {
                unknown(value, known, &format!("{path}[{i}]"), names);
            }
        }
        _ => {}
    }
}

/// The file's name of a path in [`Config`].
fn name_in_file(path: &str) -> String {
    for (name, ours) in FIELDS {
        match path.strip_prefix(ours) {
            Some("") => return name.into(),
            Some(rest) if rest.starts_with(['.', '[']) => return format!("{name}{rest}"),
            _ => {}
        }
    }
    path.into()
}

fn in_file(error: Error) -> Error {
    let Error::Config { field, reason } = error else { return error };
    // A missing field is reported at the object that lacks it: name the field where the file has it elsewhere.
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match missing {
        Some(missing) if field == "." => {
            Error::Config { field: name_in_file(missing), reason: "is missing".into() }
        }
        Some(missing) => {
            Error::Config { field: name_in_file(&format!("{field}.{missing}")), reason: "is missing".into() }
        }
        None => Error::Config { field: name_in_file(&field), reason },
    }
}

fn below(name: &str, error: Error) -> Error {
    match error {
        Error::Config { field, reason } if field == "." => Error::Config { field: name.into(), reason },
        Error::Config { field, reason } => Error::Config { field: format!("{name}.{field}"), reason },
        other => other,
    }
}

/// Takes the value at a dotted path out of nested objects.
fn take(tree: &mut Value, path: &str) -> Option<Value> {
    match path.split_once('.') {
        None => tree.as_object_mut()?.shift_remove(path),
        Some((first, rest)) => take(tree.get_mut(first)?, rest),
    }
}

/// Puts a value at a dotted path of nested objects, making them on the way.
fn put(tree: &mut Value, path: &str, value: Value) {
    match path.split_once('.') {
        None => tree[path] = value,
        Some((first, rest)) => {
            if tree[first].is_null() {
                tree[first] = json!({});
            }
            put(&mut tree[first], rest, value);
        }
    }
}

/// As a tree of plain values. By way of text, which writes a float32 with the digits it needs and no more.
fn plain(config: &Config) -> Value {
    let text = serde_json::to_string(config);
    text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;

    fn config() -> Config {
        Preset::named("kmax-resnet50-cityscapes").expect("a preset").config()
    }

    #[test]
    fn every_preset_survives_its_file() -> Result<()> {
        for preset in Preset::all() {
            let config = preset.config();
            let text = config.to_json().to_string();
            let parsed = Config::parse(serde_json::from_str(&text).expect("JSON"))?;
            let expected = Config { preprocess: parsed.value.preprocess.clone(), ..config };
            assert_eq!((parsed.value, parsed.warnings), (expected, vec![]), "{}", preset.name());
        }
        Ok(())
    }

    #[test]
    fn fields_have_the_names_of_mask2former() {
        let file = config().to_json();
        assert_eq!(file["model_type"], "kmax-deeplab");
        assert_eq!((&file["num_queries"], &file["hidden_dim"]), (&json!(256), &json!(256)));
        assert_eq!(file["id2label"]["0"], "person");
        assert_eq!(file["label2id"]["road"], 8);
        assert_eq!(file["thing_ids"], json!([0, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(file["postprocess_config"]["class_threshold_stuff"].to_string(), "0.3");
        assert!(file["decoder_config"].get("queries").is_none());
    }

    #[test]
    fn labels_and_things_alone_make_classes() -> Result<()> {
        let mut file = config().to_json();
        file.as_object_mut().map(|fields| fields.shift_remove("categories"));
        let parsed = Config::parse(file)?.value;
        let names = |c: &Categories| c.iter().map(|c| (c.name.clone(), c.isthing)).collect::<Vec<_>>();
        assert_eq!(names(&parsed.categories), names(&config().categories));
        Ok(())
    }

    #[test]
    fn unknown_fields_are_named() -> Result<()> {
        let mut file = config().to_json();
        file["transformers_version"] = json!("5.0");
        file["backbone_config"]["widht"] = json!(3);
        file["pixel_decoder_config"]["stages"][1]["colour"] = json!("red");
        let warnings = Config::parse(file)?.warnings;
        assert_eq!(
            warnings,
            ["backbone_config.widht", "pixel_decoder_config.stages[1].colour", "transformers_version"]
        );
        Ok(())
    }

    #[test]
    fn wrong_fields_are_errors_that_name_them() {
        let cases: [(&str, Value, &[&str]); 14] = [
            ("model_type", json!("mask2former"), &["model_type", "kmax-deeplab"]),
            ("num_queries", json!("many"), &["num_queries", "usize"]),
            ("num_queries", json!(0), &["queries", "at least 1"]),
            ("backbone_config", json!({}), &["backbone_config.kind", "resnet"]),
            ("backbone_config", json!({ "kind": "vgg" }), &["backbone_config", "vgg", "convnext"]),
            ("backbone_config", json!({ "kind": "convnext" }), &["backbone_config", "depths"]),
            ("decoder_config", json!(3), &["decoder_config", "object"]),
            ("decoder_config", json!({ "layers": [1, 2] }), &["decoder_config.layers", "array of length 3"]),
            ("thing_ids", json!([0, 99]), &["thing_ids"]),
            ("thing_ids", json!([-1]), &["thing_ids[0]", "usize"]),
            ("id2label", json!({ "0": "cat" }), &["id2label"]),
            ("class_order", json!("random"), &["class_order", "things_first"]),
            ("loss_config", json!({ "pixel_samples": 0.5 }), &["loss_config.pixel_samples", "usize"]),
            ("feature_levels", json!(null), &["feature_levels"]),
        ];
        for (field, wrong, expected) in cases {
            let mut file = config().to_json();
            file[field] = wrong;
            let message = Config::parse(file).expect_err(field).to_string();
            assert!(expected.iter().all(|part| message.contains(part)), "{field}: {message}");
        }
        let mut file = config().to_json();
        file["backbone_config"]["depths"][2] = json!("six");
        let message = Config::parse(file).expect_err("a word").to_string();
        assert!(message.contains("backbone_config.depths[2]"), "{message}");
        let mut file = config().to_json();
        file.as_object_mut().map(|fields| fields.shift_remove("pixel_decoder_config"));
        let message = Config::parse(file).expect_err("missing").to_string();
        assert!(message.contains("pixel_decoder_config") && message.contains("missing"), "{message}");
    }
}

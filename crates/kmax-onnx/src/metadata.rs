//! What an exported file says of itself.

use crate::options::{Options, Precision};
use crate::proto::Property;
use kmax_model::Config;
use serde_json::{Value, json};

/// Properties by name; values that are more than a word are JSON.
pub fn properties(name: &str, config: &Config, options: &Options) -> Vec<Property> {
    let category = |category: &kmax_masks::Category| {
        json!({
            "id": category.id, "name": category.name, "isthing": category.isthing, "color": category.color,
        })
    };
    let categories: Vec<Value> = config.categories.iter().map(category).collect();
    let names: serde_json::Map<String, Value> = config
        .categories
        .iter()
        .enumerate()
        .map(|(index, category)| (index.to_string(), json!(category.name)))
        .collect();
    let precision = match options.precision {
        Precision::Float32 => "f32",
        Precision::Float16 => "f16",
    };
    let pairs = [
        ("model", name.to_string()),
        ("categories", json!(categories).to_string()),
        ("names", Value::Object(names).to_string()),
        ("preprocess", config.preprocess.to_json().to_string()),
        ("postprocess", json!(config.postprocess).to_string()),
        ("mask_stride", config.network.mask_stride().to_string()),
        ("precision", precision.into()),
    ];
    let property = |(key, value): (&str, String)| Property { key: Some(key.into()), value: Some(value) };
    pairs.into_iter().map(property).collect()
}

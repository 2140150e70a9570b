//! What a page must know of a model.

use kmax::Config;
use serde_json::{Value, json};

/// Its classes and sizes, and the settings around the network.
pub fn about(config: &Config) -> Value {
    let (network, file) = (&config.network, config.to_json());
    let layers = network.decoder.layers;
    let categories = config.categories.iter().map(
        |class| json!({ "id": class.id, "name": class.name, "isthing": class.isthing, "color": class.color }),
    );
    json!({
        "architecture": file["backbone_config"]["kind"],
        "input": config.preprocess.size,
        "queries": network.decoder.queries,
        "layers": layers,
        "steps": layers.iter().sum::<usize>(),
        "mask_stride": network.mask_stride(),
        "resize_rule": network.resize,
        "categories": categories.collect::<Vec<_>>(),
        "preprocess": config.preprocess.to_json(),
        "postprocess": config.postprocess,
    })
}

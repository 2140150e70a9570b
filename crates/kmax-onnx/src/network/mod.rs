//! The network as operators, part by part as the crates of the network compose it.

mod backbone;
mod convnext;
mod decoder;
mod efficientnet;
mod pixel_decoder;
mod predictor;
mod resnet;

use crate::error::Result;
use crate::graph::{Graph, Map, Value};
use kmax_backbones::Level;
use kmax_model::NetworkConfig;
use kmax_nn::Params;

/// What the network says: class logits `[batch, queries, classes + 1]` and mask logits `[batch, queries, h, w]`.
pub struct Logits {
    pub classes: Value,
    pub masks: Map,
}

/// What the network says, and on the way to it.
pub struct Said {
    /// In the end.
    pub logits: Logits,
    /// Of the queries as they enter each k-means step; nothing unless asked for.
    pub steps: Vec<Logits>,
}

/// Writes the network behind `image`, a normalised map of three channels; with its `steps`, if they are wanted.
pub fn network(
    g: &mut Graph,
    config: &NetworkConfig,
    image: &Map,
    params: &Params,
    steps: bool,
) -> Result<Said> {
    let features = backbone::backbone(g, &config.backbone, image, &params.pp("backbone"))?;
    let maps: Vec<&Map> = config.levels.iter().map(|level| &features[level.index()]).collect();
    let pixel = pixel_decoder::pixel_decoder(
        g,
        &config.pixel_decoder,
        &maps,
        config.resize,
        &params.pp("pixel_decoder"),
    )?;
    decoder::decoder(g, &config.decoder, &pixel, config.classes, &params.pp("decoder"), steps)
}

/// The maps of a backbone, in the order of [`Level::ALL`].
type Features = [Map; Level::ALL.len()];

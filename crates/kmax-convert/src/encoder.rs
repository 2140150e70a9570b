//! Encoders trained on ImageNet, for a training to begin with.

use crate::chosen::Chosen;
use crate::contents::{Contents, Parameter};
use crate::error::{Error, Result};
use crate::names::naming::Naming;
use crate::write::Weights;
use kmax_backbones::{BackboneConfig, ConvNeXtSize};
use kmax_checkpoints::{Checkpoint, WeightSet};
use kmax_model::Params;
use std::collections::BTreeMap;
use std::path::Path;

/// What was converted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncoderSummary {
    /// Which backbone it is.
    pub backbone: &'static str,
    /// Whose names the checkpoint has.
    pub naming: Naming,
    /// What of the checkpoint was converted, and what else it holds.
    pub chosen: Chosen,
    /// Tensors that became parameters.
    pub mapped: usize,
    /// Tensors left out: counters, and a classification head.
    pub left_out: usize,
    /// Bytes written.
    pub bytes: u64,
}

fn backbones() -> [(&'static str, BackboneConfig); 6] {
    let convnext = |size| BackboneConfig::convnext(size, 0.0);
    [
        ("ResNet-50", BackboneConfig::resnet50_deeplab2()),
        ("MaX-S", BackboneConfig::max_s()),
        ("ConvNeXt-T", convnext(ConvNeXtSize::Tiny)),
        ("ConvNeXt-S", convnext(ConvNeXtSize::Small)),
        ("ConvNeXt-B", convnext(ConvNeXtSize::Base)),
        ("ConvNeXt-L", convnext(ConvNeXtSize::Large)),
    ]
}

/// Converts an encoder's checkpoint (deeplab2's, torchvision's, detectron2's, timm's or facebookresearch's) into one
/// safetensors file, whose tensors have the names that they have in a whole model. `weights` says which are meant, where the
/// checkpoint holds several sets.
///
/// # Errors
/// If it is none of the known encoders, or cannot be read or written.
pub fn encoder(from: &Path, to: &Path, weights: &WeightSet) -> Result<EncoderSummary> {
    let checkpoint = Checkpoint::open_set(from, weights)?;
    let chosen = Chosen::of(&checkpoint, weights)?;
    let contents = Contents::of(&checkpoint, &chosen)?;
    let whole = !contents.is_encoder();
    let Contents { naming, parameters, .. } = contents;
    let fail = |reason: String| Error::contents(from, reason);
    if whole {
        return Err(fail("a whole model: write it to a folder".into()));
    }
    let mut nearest = (usize::MAX, "");
    for (backbone, config) in backbones() {
        let count = misfits(&parameters, &config)?;
        if count == 0 {
            let left_out = checkpoint.len() - parameters.len();
            let weights =
                Weights { checkpoint: &checkpoint, parameters: &parameters, rows: None, half: false };
            let bytes = weights.write_atomically(to)?;
            let mapped = parameters.len();
            return Ok(EncoderSummary { backbone, naming, chosen, mapped, left_out, bytes });
        }
        nearest = nearest.min((count, backbone));
    }
    let (count, backbone) = nearest;
    let (known, all) = (parameters.len(), checkpoint.len());
    Err(fail(format!(
        "no known encoder: {known} of {all} names are known, and {count} tensors differ even from {backbone}"
    )))
}

/// Tensors that a backbone lacks, has besides, or has in other shapes.
fn misfits(parameters: &BTreeMap<String, Parameter>, config: &BackboneConfig) -> Result<usize> {
    let params = Params::probe();
    kmax_backbones::build(config, &params.pp("backbone")).map_err(kmax_model::Error::from)?;
    let shapes = params.shapes();
    let fits =
        |name: &str, shape| parameters.get(name).is_some_and(|found| found.ours.as_ref() == Some(shape));
    let missing = shapes.iter().filter(|(name, shape)| !fits(name, *shape)).count();
    Ok(missing + parameters.keys().filter(|name| !shapes.contains_key(*name)).count())
}

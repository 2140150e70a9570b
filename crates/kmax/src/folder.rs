use crate::{Config, Error, Result};
use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::path::Path;

/// temporary
pub fn save(folder: &Path, _config: &Config, weights: &HashMap<String, Tensor>, _dtype: DType) -> Result<()> {
    let fail = |e: &dyn std::fmt::Display| Error::File { file: folder.into(), reason: e.to_string() };
    std::fs::create_dir_all(folder).map_err(|e| fail(&e))?;
    candle_core::safetensors::save(weights, folder.join("model.safetensors")).map_err(|e| fail(&e))
}

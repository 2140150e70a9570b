use crate::{Error, NetworkConfig, Result};
use kmax_losses::LossConfig;
use kmax_masks::Categories;
use serde::{Deserialize, Serialize};

/// temporary
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// network
    pub network: NetworkConfig,
    /// categories
    pub categories: Categories,
    /// losses
    pub losses: LossConfig,
}

impl Config {
    /// named
    pub fn named(name: &str) -> Result<Self> {
        let text = std::fs::read_to_string(name).map_err(|e| Error::UnknownModel(format!("{name}: {e}")))?;
        serde_json::from_str(&text).map_err(|e| Error::UnknownModel(format!("{name}: {e}")))
    }
}

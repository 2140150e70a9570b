//! Where things are, and what may be asked.

use crate::error::Result;
use kmax_model::Cache;
use std::time::Duration;

/// Names the mirror.
const MIRROR: &str = "KMAX_ENDPOINT";

/// Cache, Hub and mirror.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where converted models are kept.
    pub cache: Cache,
    /// The Hub and its own cache.
    pub hub: kmax_hub::Settings,
    /// What stands in place of the hosts of published files: `http://host/path`.
    pub mirror: Option<String>,
    /// Pause before a failed request is repeated for the first time; it doubles with each repetition.
    pub pause: Duration,
}

impl Settings {
    /// Reads `KMAX_CACHE` and `KMAX_ENDPOINT`, and what [`kmax_hub::Settings::from_env`] reads. A mirror stands for the Hub as well,
    /// unless `HF_ENDPOINT` names another; the token is not sent to it.
    ///
    /// # Errors
    /// If a variable makes no sense, or there is no home for a cache.
    pub fn from_env() -> Result<Self> {
        let mut hub = kmax_hub::Settings::from_env()?;
        let cache = Cache::from_env().ok_or_else(|| kmax_hub::Error::Setting {
            name: "KMAX_CACHE",
            reason: "is not set, and there is no HOME".into(),
        })?;
        let mirror = std::env::var(MIRROR).ok().filter(|text| !text.trim().is_empty());
        let mirror = mirror.map(|text| kmax_hub::endpoint(MIRROR, &text)).transpose()?;
        if let Some(mirror) = &mirror
            && std::env::var_os("HF_ENDPOINT").is_none_or(|value| value.is_empty())
        {
            hub.endpoint.clone_from(mirror);
            hub.token = None;
        }
        let pause = hub.pause;
        Ok(Self { cache, hub, mirror, pause })
    }

    /// The same, asking nobody.
    #[must_use]
    pub fn offline(mut self) -> Self {
        self.hub.offline = true;
        self
    }
}

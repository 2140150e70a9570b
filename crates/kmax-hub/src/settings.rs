//! What the environment says, by the variables of Python's `huggingface_hub`.

use crate::error::{Error, Result};
use kmax_base::read::read_text;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the Hub and its cache are.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address of the Hub, without a slash at the end.
    pub endpoint: String,
    /// Folder of the cache, which holds a folder for each repository.
    pub cache: PathBuf,
    /// Sent to the endpoint, and to no other host.
    pub token: Option<String>,
    /// Whether only the cache may be used.
    pub offline: bool,
    /// Pause before a failed request is repeated for the first time; it doubles with each repetition.
    pub pause: Duration,
}

/// Largest file of a token, in bytes.
const LONGEST_TOKEN: u64 = 1 << 16;

const ENDPOINT: &str = "https://huggingface.co";

impl Settings {
    /// Reads `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH` and `HF_HUB_OFFLINE`. Without a token
    /// in the environment the one that `hf auth login` saved is taken.
    ///
    /// # Errors
    /// If a variable makes no sense.
    pub fn from_env() -> Result<Self> {
        Self::read(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// As [`Self::from_env`]; `variable` gives the values.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let home = variable("HOME").map(PathBuf::from).or_else(std::env::home_dir);
        let path = |name: &str| variable(name).map(|value| expand(PathBuf::from(value), home.as_deref()));
        let text = |name: &'static str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value.trim().to_string())),
            Some(Err(_)) => Err(Error::Setting { name, reason: "is no UTF-8".into() }),
        };
        let hf_home = match (path("HF_HOME"), path("XDG_CACHE_HOME"), &home) {
            (Some(folder), ..) => folder,
            (None, Some(caches), _) => caches.join("huggingface"),
            (None, None, Some(home)) => home.join(".cache/huggingface"),
            (None, None, None) => {
                return Err(Error::Setting {
                    name: "HF_HOME",
                    reason: "is not set, and there is no HOME".into(),
                });
            }
        };
        let endpoint = endpoint("HF_ENDPOINT", &text("HF_ENDPOINT")?.unwrap_or_else(|| ENDPOINT.into()))?;
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| hf_home.join("token"));
        let token = match text("HF_TOKEN")? {
            Some(token) => Some(token),
            None => read_text(&token_file, LONGEST_TOKEN).ok().map(|token| token.trim().to_string()),
        };
        let token = token.filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(Error::Setting {
                name: "HF_TOKEN",
                reason: "holds characters that no token has".into(),
            });
        }
        Ok(Self {
            endpoint,
            cache: path("HF_HUB_CACHE").unwrap_or_else(|| hf_home.join("hub")),
            token,
            offline: text("HF_HUB_OFFLINE")?.is_some_and(|value| is_true(&value)),
            pause: Duration::from_secs(1),
        })
    }
}

/// The address of a server as the variable `name` gives it, without white space around it and slashes at its end.
///
/// # Errors
/// If it is none of `http://…` or `https://…`.
pub fn endpoint(name: &'static str, text: &str) -> Result<String> {
    let endpoint = text.trim().trim_end_matches('/');
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        let reason = format!("`{endpoint}` is no address: expected http://… or https://…");
        return Err(Error::Setting { name, reason });
    }
    Ok(endpoint.into())
}

/// Python's reading.
fn is_true(value: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str())
}

/// `~` at the beginning is the home folder.
fn expand(path: PathBuf, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

/// Without the token.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, cache, token, offline, pause } = self;
        f.debug_struct("Settings")
            .field("endpoint", endpoint)
            .field("cache", cache)
            .field("token", &token.as_ref().map(|_| "…"))
            .field("offline", offline)
            .field("pause", pause)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings> {
        Settings::read(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn folders_follow_the_variables() -> Result<()> {
        let cache = |pairs: &[(&str, &str)]| read(pairs).map(|settings| settings.cache);
        assert_eq!(cache(&[("HOME", "/h")])?, Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")])?, Path::new("/c/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("HF_HOME", "~/hf")])?, Path::new("/h/hf/hub"));
        assert_eq!(cache(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/x")])?, Path::new("/x"));
        Ok(())
    }

    #[test]
    fn endpoint_token_and_offline() -> Result<()> {
        let home = tempfile::tempdir().map_err(|e| Error::io(Path::new("temp"), e))?;
        std::fs::write(home.path().join("token"), "hf_saved\n").map_err(|e| Error::io(home.path(), e))?;
        let folder = home.path().to_str().unwrap_or_default();
        let settings = read(&[("HF_HOME", folder), ("HF_ENDPOINT", "http://localhost:1/")])?;
        assert_eq!((settings.endpoint.as_str(), settings.offline), ("http://localhost:1", false));
        assert_eq!(settings.token.as_deref(), Some("hf_saved"));
        assert!(!format!("{settings:?}").contains("hf_saved"));
        let settings = read(&[("HF_HOME", folder), ("HF_TOKEN", "hf_given"), ("HF_HUB_OFFLINE", "True")])?;
        assert_eq!((settings.token.as_deref(), settings.offline), (Some("hf_given"), true));
        assert!(read(&[("HF_HOME", folder), ("HF_ENDPOINT", "localhost")]).is_err());
        assert!(read(&[("HF_HOME", folder), ("HF_TOKEN", "a\r\nb")]).is_err());
        Ok(())
    }
}

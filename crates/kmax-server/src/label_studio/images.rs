//! The images that tasks refer to.
//!
//! A task's author writes the address, so it is not followed blindly: only images that lie in the task itself (`data:`), and those of the one
//! Label Studio that the server was told of, by its own address or as a path on it. Redirects are not followed: they would lead elsewhere.

use super::asked::Asked;
use super::token::authorization;
use crate::problem::Problem;
use crate::settings::LabelStudio;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kmax_base::ErrorKind;
use std::time::Duration;

/// The longest that a request of a fetch may take.
const TIME: Duration = Duration::from_secs(30);

/// Where an image is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// In the task.
    Here(Vec<u8>),
    /// At an address that may be fetched.
    There(String),
}

/// What an address means.
///
/// # Errors
/// If it may not be fetched, or is damaged.
pub(crate) fn source(address: &str, studio: Option<&LabelStudio>) -> Result<Source, Problem> {
    if let Some(data) = address.strip_prefix("data:") {
        let damaged = |reason: &str| Problem::of(ErrorKind::Damaged, format!("data: address: {reason}"));
        let (kind, text) = data.split_once(',').ok_or_else(|| damaged("has no comma"))?;
        if !kind.ends_with(";base64") {
            return Err(damaged("expected base64"));
        }
        return STANDARD.decode(text.trim()).map(Source::Here).map_err(|error| damaged(&error.to_string()));
    }
    let shown: String = address.chars().take(100).collect();
    let refused = |why: &str| Problem::of(ErrorKind::Unsupported, format!("{shown}: {why}"));
    let Some(studio) = studio else {
        return Err(refused(
            "images are fetched from the Label Studio of --label-studio-url only, and none was given",
        ));
    };
    let root = studio.url.trim_end_matches('/');
    let whole = match address.strip_prefix('/') {
        // Two slashes would begin the name of another machine.
        Some(path) if !path.starts_with(['/', '\\']) => format!("{root}/{path}"),
        _ => address.to_owned(),
    };
    // Below it, not beside it: http://studio.evil.example begins with http://studio.
    let below = whole.strip_prefix(root).is_some_and(|path| path.starts_with('/'));
    let plain = !whole.contains(['\\', '@', '#']) && !whole.chars().any(|c| c.is_control() || c == ' ');
    let steps = whole
        .split(['/', '?'])
        .any(|part| matches!(part.to_ascii_lowercase().as_str(), ".." | "%2e%2e" | ".%2e" | "%2e."));
    if !below || !plain || steps {
        return Err(refused("is not an address of the Label Studio of --label-studio-url"));
    }
    Ok(Source::There(whole))
}

/// Fetches an image; it waits for the other side, so it runs on a thread of its own.
///
/// # Errors
/// If it cannot be had, or is larger than `limit`.
pub(crate) fn fetch(address: &str, studio: Option<&LabelStudio>, limit: u64) -> Result<Vec<u8>, Problem> {
    let asked = Asked::new(TIME);
    let authorization = studio.map(|studio| authorization(&asked, studio)).transpose()?.flatten();
    asked.get(address, authorization.as_deref(), limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_label_studio_is_asked() {
        let studio = LabelStudio::new("http://studio:8081/", None);
        let to = |address: &str| source(address, Some(&studio));
        for (address, whole) in [
            ("/data/upload/1/a%20b.jpg", "http://studio:8081/data/upload/1/a%20b.jpg"),
            ("/data/local-files/?d=a/b.jpg", "http://studio:8081/data/local-files/?d=a/b.jpg"),
            ("http://studio:8081/data/a.jpg", "http://studio:8081/data/a.jpg"),
        ] {
            assert_eq!(to(address), Ok(Source::There(whole.into())), "{address}");
        }
        for address in [
            "http://169.254.169.254/latest/meta-data",
            "http://studio:8081.evil.example/a",
            "http://studio:8081@evil.example/a",
            "http://studio:80/a",
            "https://studio:8081/a",
            "//evil.example/a",
            "/\\evil.example/a",
            "/data/../admin",
            "/data/%2e%2E/admin",
            "file:///etc/passwd",
            "s3://bucket/a.jpg",
            "a.jpg",
            "",
        ] {
            assert_eq!(to(address).expect_err(address).status(), 415, "{address}");
            assert!(source(address, None).is_err(), "{address}");
        }
        assert_eq!(source("data:image/png;base64,AAEC", None), Ok(Source::Here(vec![0, 1, 2])));
        for address in ["data:", "data:image/png,abc", "data:;base64,!"] {
            assert_eq!(source(address, None).expect_err(address).status(), 422, "{address}");
        }
    }
}

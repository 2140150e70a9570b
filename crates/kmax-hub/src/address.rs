//! Where a plain file is, outside the Hub.

use crate::drive;
use sha2::{Digest, Sha256};
use std::fmt;

/// A file on the web.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// At an address of its own, `https://…`.
    Url(String),
    /// Public on Google Drive, by its id.
    GoogleDrive(String),
}

impl Address {
    /// The address that is asked first.
    pub fn url(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::GoogleDrive(id) => drive::address(id),
        }
    }

    /// What it is called when it is spoken of.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Url(url) => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                path.rsplit('/').next().unwrap_or_default().to_string()
            }
            Self::GoogleDrive(id) => id.clone(),
        }
    }

    /// A name for files that belong to it: readable, its own, and good on any file system.
    pub(crate) fn key(&self) -> String {
        let url = self.url();
        let digest = Sha256::digest(url.as_bytes());
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = self.name().chars().filter(plain).collect();
        let name = name.trim_start_matches('.');
        // The end says what kind of file it is.
        let start = name.len().saturating_sub(100);
        format!("{digits}-{}", &name[start..])
    }

    /// Hosts that a mirror stands for.
    pub(crate) fn hosts(&self) -> Vec<String> {
        match self {
            Self::Url(url) => host(url).into_iter().collect(),
            Self::GoogleDrive(_) => drive::HOSTS.map(String::from).to_vec(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::GoogleDrive(id) => write!(f, "https://drive.google.com/file/d/{id}/view"),
        }
    }
}

/// The host of an address, with its port.
pub(crate) fn host(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    Some(rest.split(['/', '?', '#']).next()?.to_ascii_lowercase())
}

/// The same path at a mirror, if the address is at one of `hosts`.
pub(crate) fn mirrored(url: String, mirror: Option<&str>, hosts: &[String]) -> String {
    let (Some(mirror), Some(host)) = (mirror, host(&url)) else { return url };
    if !hosts.contains(&host) {
        return url;
    }
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    format!("{}/{path}", mirror.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_names() {
        let key = Address::Url("https://a.example/b/kmax_resnet50.tar.gz?x=1".into()).key();
        assert!(key.ends_with("-kmax_resnet50.tar.gz"), "{key}");
        for url in ["https://a/..", "https://a", "https://a/é/\u{0}", "x"] {
            let key = Address::Url(url.into()).key();
            assert!(key.len() <= 120 && !key.contains(['/', '\0']) && !key.starts_with('.'), "{key}");
        }
        let drive = |id: &str| Address::GoogleDrive(id.into()).key();
        assert_ne!(drive("a"), drive("b"));
    }

    #[test]
    fn a_mirror_stands_for_its_hosts() {
        let hosts = Address::GoogleDrive("1".into()).hosts();
        let at = |url: &str| mirrored(url.into(), Some("http://m:1/k/"), &hosts);
        assert_eq!(at("https://drive.google.com/uc?id=1"), "http://m:1/k/uc?id=1");
        assert_eq!(at("https://drive.usercontent.google.com/download?id=1"), "http://m:1/k/download?id=1");
        assert_eq!(at("https://elsewhere.example/uc"), "https://elsewhere.example/uc");
        assert_eq!(mirrored("https://docs.google.com/x".into(), None, &hosts), "https://docs.google.com/x");
    }
}

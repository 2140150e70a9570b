//! URLs of objects.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Something on this machine, or in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path, as it is or as `file://` names it.
    Local(PathBuf),
    /// An object, or what is below it.
    Store(Url),
}

/// The stores that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    S3,
    Gs,
    Az,
}

impl Scheme {
    fn named(name: &str) -> Option<Self> {
        match name {
            "s3" | "s3a" => Some(Self::S3),
            "gs" => Some(Self::Gs),
            "az" | "azure" => Some(Self::Az),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
        }
    }
}

/// The URL of an object, or of what is below it: `SCHEME://BUCKET/KEY`. The key stands there as it is, as in the stores' own programs: nothing is
/// escaped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    pub(crate) scheme: Scheme,
    pub(crate) bucket: String,
    /// Parts with `/` between them; none begins or ends it.
    pub(crate) key: String,
}

impl Place {
    /// What a path of a command line names.
    ///
    /// # Errors
    /// If it is the URL of no known store, or names no bucket.
    pub fn read(path: &Path) -> Result<Self> {
        let local = || Ok(Self::Local(path.to_path_buf()));
        let Some(text) = path.to_str() else { return local() };
        let Some((scheme, rest)) = text.split_once("://") else { return local() };
        if scheme.len() < 2 || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
            return local();
        }
        let fail = |reason: &str| Error::Url { url: text.to_owned(), reason: reason.to_owned() };
        if scheme == "file" {
            // After a host, which is this one, the path begins with a slash.
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            return match path.starts_with('/') {
                true => Ok(Self::Local(path.into())),
                false => Err(fail("expected file:///PATH, with the whole path")),
            };
        }
        let scheme = Scheme::named(scheme)
            .ok_or_else(|| fail("expected s3://, gs://, az:// or file:///, or the path of a file"))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['?', '#', '@', '\\', ' ']) {
            return Err(fail("expected the name of a bucket behind ://"));
        }
        let key = key.trim_end_matches('/');
        check(key).map_err(|reason| fail(&reason))?;
        Ok(Self::Store(Url { scheme, bucket: bucket.to_owned(), key: key.to_owned() }))
    }
}

impl Url {
    /// An object below this one.
    ///
    /// # Errors
    /// If the name leads elsewhere.
    pub fn join(&self, name: &str) -> Result<Self> {
        let fail = |reason: String| Error::Url { url: format!("{self}/{name}"), reason };
        if name.is_empty() {
            return Err(fail("expected a name behind the slash".into()));
        }
        check(name).map_err(fail)?;
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{}/{name}", self.key) };
        Ok(Self { key, ..self.clone() })
    }
}

/// Refuses keys that lead elsewhere, or that clients cannot say.
fn check(key: &str) -> std::result::Result<(), String> {
    let is_bad = |part: &str| part.is_empty() || part == "." || part == "..";
    if !key.is_empty() && key.split('/').any(is_bad) {
        return Err("expected parts with one / between them, none of them . or ..".into());
    }
    if key.chars().any(char::is_control) {
        return Err("has a control character".into());
    }
    Ok(())
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.bucket)?;
        if self.key.is_empty() { Ok(()) } else { write!(f, "/{}", self.key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Place> {
        Place::read(Path::new(text))
    }

    #[test]
    fn urls_are_told_from_paths() -> Result<()> {
        for (text, said) in [
            ("s3://b/a b/c.jpg", "s3://b/a b/c.jpg"),
            ("s3a://b/c/", "s3://b/c"),
            ("gs://b", "gs://b"),
            ("az://b/", "az://b"),
            ("s3://b/a%20?x#y", "s3://b/a%20?x#y"),
        ] {
            assert!(matches!(read(text)?, Place::Store(url) if url.to_string() == said), "{text}");
        }
        for text in ["a/b.jpg", "/a/b", "-", "C:/a", "c://a", "a b://c", ""] {
            assert_eq!(read(text)?, Place::Local(text.into()));
        }
        for text in ["file:///a/b", "file://localhost/a/b"] {
            assert_eq!(read(text)?, Place::Local("/a/b".into()));
        }
        Ok(())
    }

    #[test]
    fn what_names_nothing_is_refused() -> Result<()> {
        for text in [
            "http://a/b",
            "file://a/b",
            "s3://",
            "s3:///a",
            "s3://a@b/c",
            "s3://b/a//c",
            "s3://b/../c",
            "s3://b/./c",
            "s3://b/a\u{7}",
            "s3://b//",
        ] {
            let refused = match text {
                // Slashes at the end say no more than one does.
                "s3://b//" => continue,
                _ => read(text).expect_err(text),
            };
            assert!(refused.to_string().starts_with(text), "{refused}");
        }
        let Place::Store(url) = read("s3://b/out")? else { panic!("a URL") };
        assert_eq!(url.join("a/b.png")?.to_string(), "s3://b/out/a/b.png");
        for name in ["..", "a/../b", "/a", "a/", "", "a\n"] {
            assert!(url.join(name).is_err(), "{name:?}");
        }
        Ok(())
    }
}

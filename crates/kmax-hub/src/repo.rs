//! Names of repositories on the Hugging Face Hub.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// What begins the name of a repository where a folder could stand as well.
pub const SCHEME: &str = "hf://";

/// A repository of the Hub at a revision, spelled `hf://owner/name` or `hf://owner/name@revision`.
///
/// Neither part can leave the folder of a cache: owner and name follow the Hub's own rule, and a revision is made of
/// names that are no `.` and no `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubRepo {
    owner: String,
    name: String,
    revision: String,
}

impl HubRepo {
    /// The revision that is meant where none is given.
    pub const MAIN: &str = "main";

    /// A repository at a branch, tag or commit.
    ///
    /// # Errors
    /// If one of them is no such name.
    pub fn new(owner: &str, name: &str, revision: &str) -> Result<Self, Error> {
        for (what, part) in [("owner", owner), ("name", name)] {
            if !is_name(part) {
                return Err(Error::Name(format!(
                    "hub repository {owner}/{name}: `{part}` is no {what}: expected letters, digits, `-`, `_`, `.`, \
                     at most 96, neither first nor last a `-` or `.`, no `--` and no `..`"
                )));
            }
        }
        if !is_revision(revision) {
            return Err(Error::Name(format!(
                "hub repository {owner}/{name}: `{revision}` is no revision: expected a branch, tag or commit"
            )));
        }
        Ok(Self { owner: owner.into(), name: name.into(), revision: revision.into() })
    }

    /// `owner/name`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Branch, tag or commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl FromStr for HubRepo {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (id, revision) = rest.split_once('@').unwrap_or((rest, Self::MAIN));
        let Some((owner, name)) = id.split_once('/') else {
            let expected = "expected hf://owner/name or hf://owner/name@revision";
            return Err(Error::Name(format!("hub repository `{text}`: {expected}")));
        };
        Self::new(owner, name, revision)
    }
}

impl fmt::Display for HubRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.owner, self.name)?;
        if self.revision == Self::MAIN { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

/// One file of a repository, spelled `hf://owner/name/path/to/file[@revision]`.
///
/// Its path can leave neither the folder of a snapshot nor hide in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubFile {
    repo: HubRepo,
    path: String,
}

impl HubFile {
    /// A file of a repository by its path there, with `/` between folders.
    ///
    /// # Errors
    /// If it is no such path.
    pub fn new(repo: HubRepo, path: &str) -> Result<Self, Error> {
        if !is_path(path) {
            let reason = format!("`{path}` is no path of a file: expected names with `/` between them");
            return Err(Error::Name(format!("{repo}: {reason}")));
        }
        Ok(Self { repo, path: path.into() })
    }

    /// The repository, at a revision.
    pub fn repo(&self) -> &HubRepo {
        &self.repo
    }

    /// The path in the repository.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether a text is spelled as a file of a repository, rather than as a repository: it has a third part.
    pub fn is_spelled(text: &str) -> bool {
        let id = text.strip_prefix(SCHEME).map(|rest| rest.split_once('@').map_or(rest, |(id, _)| id));
        id.is_some_and(|id| id.split('/').count() > 2)
    }
}

impl FromStr for HubFile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (id, revision) = rest.split_once('@').unwrap_or((rest, HubRepo::MAIN));
        let mut parts = id.splitn(3, '/');
        let (Some(owner), Some(name), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            let expected = "expected hf://owner/name/path/to/file or hf://owner/name/path/to/file@revision";
            return Err(Error::Name(format!("file of a hub repository `{text}`: {expected}")));
        };
        Self::new(HubRepo::new(owner, name, revision)?, path)
    }
}

impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.repo.id(), self.path)?;
        let revision = self.repo.revision();
        if revision == HubRepo::MAIN { Ok(()) } else { write!(f, "@{revision}") }
    }
}

/// A file that a repository lists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepoFile {
    /// Its path, as the Hub says it.
    pub name: String,
    /// Its size in bytes, where the Hub says it.
    pub size: Option<u64>,
}

/// The Hub's rule for owners and repositories, which also keeps `--` free to join them in a cache.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=96).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
        && !text.contains("--")
        && !text.contains("..")
}

/// Names that no file system reads otherwise, at most 32 of them.
fn is_path(text: &str) -> bool {
    let strange =
        |c: char| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '@');
    let name = |part: &str| (1..=200).contains(&part.len()) && !part.starts_with('.') && !part.ends_with('.');
    !text.contains(strange) && text.split('/').count() <= 32 && text.split('/').all(name)
}

/// Git's names, `refs/pr/1` among them, less what a file system may read otherwise.
fn is_revision(text: &str) -> bool {
    let strange = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
    };
    (1..=200).contains(&text.len())
        && !text.contains(strange)
        && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() -> Result<(), Error> {
        let repo: HubRepo = "hf://some-one/kmax_r50.v2@refs/pr/1".parse()?;
        assert_eq!((repo.id().as_str(), repo.revision()), ("some-one/kmax_r50.v2", "refs/pr/1"));
        assert_eq!(repo.to_string(), "hf://some-one/kmax_r50.v2@refs/pr/1");
        let repo: HubRepo = "hf://a/b".parse()?;
        assert_eq!((repo.revision(), repo.to_string().as_str()), ("main", "hf://a/b"));
        Ok(())
    }

    #[test]
    fn files_of_repositories() -> Result<(), Error> {
        let file: HubFile = "hf://a/b/models/r50 v2.pth@v1".parse()?;
        assert_eq!((file.repo().id().as_str(), file.path()), ("a/b", "models/r50 v2.pth"));
        assert_eq!(file.to_string(), "hf://a/b/models/r50 v2.pth@v1");
        assert!(HubFile::is_spelled("hf://a/b/c") && HubFile::is_spelled("hf://a/b/c@refs/pr/1"));
        assert!(!HubFile::is_spelled("hf://a/b@refs/pr/1") && !HubFile::is_spelled("a/b/c"));
        for text in
            ["hf://a/b", "hf://a/b/", "hf://a/b/../c", "hf://a/b/c//d", "hf://a/b/.git", "hf://a/b/c\\d"]
        {
            assert!(text.parse::<HubFile>().is_err(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn nothing_leaves_the_cache() {
        for text in [
            "hf://a",
            "hf://",
            "hf:///b",
            "hf://a/",
            "hf://../b",
            "hf://a/..",
            "hf://a/b/c",
            "hf://a--b/c",
            "hf://a/-b",
            "hf://a/b@",
            "hf://a/b@..",
            "hf://a/b@../../x",
            "hf://a/b@x/../y",
            "hf://a/b@/etc",
            "hf://a/b@x//y",
            "hf://a/b@c:\\x",
            "hf://a/b@x\0y",
            "hf://a/b@.hidden",
            "hf://a b/c",
            "hf://a/b@x y",
        ] {
            assert!(text.parse::<HubRepo>().is_err(), "{text:?}");
        }
    }
}

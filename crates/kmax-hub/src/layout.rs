//! The cache on disk, laid out as Python's `huggingface_hub` does it, so that both share it.
//!
//! ```text
//! models--owner--name/blobs/ETAG                     contents
//! models--owner--name/snapshots/COMMIT/config.json   symbolic links to blobs, or copies where there are no links
//! models--owner--name/refs/main                      a commit
//! models--owner--name/.no_exist/COMMIT/README.md     empty: known to be absent
//! .locks/models--owner--name/ETAG.lock               held while a blob is written
//! ```

use crate::client::is_commit;
use crate::error::{Error, Result};
use crate::etag::ETag;
use crate::repo::HubRepo;
use kmax_base::read::read_text;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Largest file that names a commit, in bytes.
const LONGEST_REF: u64 = 1 << 10;

/// The folders of one repository.
pub(crate) struct Layout {
    folder: PathBuf,
    locks: PathBuf,
}

impl Layout {
    pub fn new(cache: &Path, repo: &HubRepo) -> Self {
        let name = format!("models--{}--{}", repo.owner(), repo.name());
        Self { folder: cache.join(&name), locks: cache.join(".locks").join(name) }
    }

    /// The folder of a snapshot.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The commit that a revision was when it was last looked up.
    pub fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.into());
        }
        let text = read_text(&self.folder.join("refs").join(revision), LONGEST_REF).ok()?;
        Some(text.trim().to_string()).filter(|commit| is_commit(commit))
    }

    /// Remembers the commit of a branch or tag. A cache that cannot be written keeps what it knows.
    pub fn remember(&self, revision: &str, commit: &str) -> Result<()> {
        if self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let file = self.folder.join("refs").join(revision);
        create_parent(&file)?;
        kmax_base::write_atomically(&file, commit.as_bytes()).map_err(|e| Error::io(&file, e))
    }

    pub fn has(&self, commit: &str, file: &str) -> bool {
        self.snapshot(commit).join(file).is_file()
    }

    /// Whether the repository is known to lack the file.
    pub fn lacks(&self, commit: &str, file: &str) -> bool {
        self.folder.join(".no_exist").join(commit).join(file).is_file()
    }

    pub fn remember_absence(&self, commit: &str, file: &str) -> Result<()> {
        let file = self.folder.join(".no_exist").join(commit).join(file);
        create_parent(&file)?;
        kmax_base::write_atomically(&file, b"").map_err(|e| Error::io(&file, e))
    }

    pub fn blob(&self, etag: &ETag) -> PathBuf {
        self.folder.join("blobs").join(etag.as_str())
    }

    /// Where a blob grows.
    pub fn partial(&self, etag: &ETag) -> PathBuf {
        self.folder.join("blobs").join(format!("{}.incomplete", etag.as_str()))
    }

    /// Locks a blob against other programs, as [`lock`] does.
    pub fn lock(&self, etag: &ETag, waiting: impl FnOnce()) -> Result<Option<fs::File>> {
        lock(&self.locks.join(format!("{}.lock", etag.as_str())), waiting)
    }

    /// Puts a blob into a snapshot. `fresh` if nothing else can have used it yet.
    pub fn link(&self, etag: &ETag, commit: &str, file: &str, fresh: bool) -> Result<()> {
        self.link_by(symlink, etag, commit, file, fresh)
    }

    fn link_by(
        &self,
        symlink: impl Fn(&Path, &Path) -> io::Result<()>,
        etag: &ETag,
        commit: &str,
        file: &str,
        fresh: bool,
    ) -> Result<()> {
        let (blob, pointer) = (self.blob(etag), self.snapshot(commit).join(file));
        create_parent(&pointer)?;
        // Made beside and renamed: it replaces a link to a blob that somebody removed.
        let beside = pointer.with_file_name(format!(".{}.{}", etag.as_str(), std::process::id()));
        let fail = |e| Error::io(&pointer, e);
        if beside.symlink_metadata().is_ok() {
            fs::remove_file(&beside).map_err(fail)?;
        }
        let up = "../".repeat(2 + file.matches('/').count());
        let target = Path::new(&up).join("blobs").join(etag.as_str());
        match symlink(&target, &beside) {
            Ok(()) => {}
            // No links here (FAT, or Windows without the right to make them): as Python, a new blob moves.
            Err(_) if fresh => fs::rename(&blob, &beside).map_err(fail)?,
            Err(_) => fs::copy(&blob, &beside).map(drop).map_err(fail)?,
        }
        fs::rename(&beside, &pointer).map_err(fail)
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As [`kmax_base::lock::wait`].
pub(crate) fn lock(path: &Path, waiting: impl FnOnce()) -> Result<Option<fs::File>> {
    kmax_base::lock::wait(path, waiting).map_err(|e| Error::io(path, e))
}

pub(crate) fn create_parent(file: &Path) -> Result<()> {
    let parent = kmax_base::write::folder_of(file);
    fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))
}

/// Repositories in a cache with the revisions it knows, sorted. Entries that are no repositories are left out.
pub(crate) fn repositories(cache: &Path) -> Vec<HubRepo> {
    let names = |folder: &Path| -> Vec<(String, PathBuf)> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
    };
    let mut found = Vec::new();
    for (folder, path) in names(cache) {
        let id = folder.strip_prefix("models--").and_then(|rest| rest.split_once("--"));
        let Some((owner, name)) = id else { continue };
        let refs = path.join("refs");
        let mut open = vec![String::new()];
        // Names of branches may hold slashes, which are folders here.
        while let Some(prefix) = open.pop() {
            for (part, path) in names(&refs.join(&prefix)) {
                let revision = if prefix.is_empty() { part } else { format!("{prefix}/{part}") };
                match HubRepo::new(owner, name, &revision) {
                    Ok(_) if path.is_dir() => open.push(revision),
                    Ok(repo) => found.push(repo),
                    Err(_) => {}
                }
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn layout() -> (tempfile::TempDir, Layout, ETag) {
        let cache = tempfile::tempdir().expect("a temporary folder");
        let repo: HubRepo = "hf://a/b".parse().expect("a name");
        let layout = Layout::new(cache.path(), &repo);
        let etag = ETag::parse("\"e1\"").expect("an ETag");
        create_parent(&layout.blob(&etag)).expect("created");
        fs::write(layout.blob(&etag), "content").expect("written");
        (cache, layout, etag)
    }

    #[test]
    fn without_links_a_new_blob_moves_and_an_old_one_is_copied() -> Result<()> {
        let no_links = |_: &Path, _: &Path| Err(io::ErrorKind::Unsupported.into());
        for fresh in [true, false] {
            let (_cache, layout, etag) = layout();
            layout.link_by(no_links, &etag, COMMIT, "config.json", fresh)?;
            let pointer = layout.snapshot(COMMIT).join("config.json");
            assert_eq!(fs::read_to_string(&pointer).ok().as_deref(), Some("content"));
            assert_eq!(layout.blob(&etag).exists(), !fresh);
            assert_eq!(fs::read_dir(layout.snapshot(COMMIT)).expect("read").count(), 1);
        }
        Ok(())
    }

    #[test]
    #[cfg(unix)]
    fn links_are_relative_and_replace_dead_ones() -> Result<()> {
        let (_cache, layout, etag) = layout();
        layout.link(&etag, COMMIT, "config.json", true)?;
        layout.link(&etag, COMMIT, "config.json", false)?;
        let target = fs::read_link(layout.snapshot(COMMIT).join("config.json")).expect("a link");
        assert_eq!(target, Path::new("../../blobs/e1"));
        layout.link(&etag, COMMIT, "models/large/a.pth", false)?;
        let target = fs::read_link(layout.snapshot(COMMIT).join("models/large/a.pth")).expect("a link");
        assert_eq!(target, Path::new("../../../../blobs/e1"));
        assert!(layout.has(COMMIT, "models/large/a.pth"));
        assert!(layout.has(COMMIT, "config.json"));
        fs::remove_file(layout.blob(&etag)).expect("removed");
        assert!(!layout.has(COMMIT, "config.json"));
        Ok(())
    }

    #[test]
    fn refs_are_commits_or_nothing() -> Result<()> {
        let (cache, layout, _) = layout();
        layout.remember("main", COMMIT)?;
        layout.remember("refs/pr/1", COMMIT)?;
        assert_eq!(layout.commit("refs/pr/1").as_deref(), Some(COMMIT));
        fs::write(cache.path().join("models--a--b/refs/bad"), "../../../etc").expect("written");
        assert_eq!(layout.commit("bad"), None);
        let revisions: Vec<_> = repositories(cache.path()).iter().map(|r| r.revision().to_string()).collect();
        assert_eq!(revisions, ["bad", "main", "refs/pr/1"]);
        Ok(())
    }
}

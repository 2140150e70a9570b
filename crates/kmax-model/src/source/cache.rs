//! The cache of published models: converted once, then found by name.

use crate::config::CONFIG_FILE;
use crate::folder::WEIGHTS_FILE;
use kmax_base::read::MAX_HEADER;
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder of models and encoders by name, and of downloads that have begun.
///
/// ```text
/// models/NAME/                 a model folder
/// encoders/NAME.safetensors    an encoder
/// downloads/                   checkpoints on their way
/// ```
///
/// A model is put into its place when it is complete, so that what is there is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

/// A model in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedModel {
    /// Its name, which finds it again.
    pub name: String,
    /// Its folder, or the file of an encoder.
    pub path: PathBuf,
    /// Bytes on disk.
    pub bytes: u64,
}

impl Cache {
    /// In that folder, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the environment says: `KMAX_CACHE`, else `$XDG_CACHE_HOME/kmax`, else `~/.cache/kmax`. `None` where there is no home.
    pub fn from_env() -> Option<Self> {
        Self::read(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        if let Some(folder) = variable("KMAX_CACHE") {
            return Some(Self::new(Path::new(&folder)));
        }
        let caches = variable("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || variable("HOME").map(PathBuf::from).or_else(std::env::home_dir);
        let caches = caches.or_else(|| home().map(|home| home.join(".cache")))?;
        Some(Self::new(&caches.join("kmax")))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where downloads grow.
    pub fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    /// Where the model of a name is, or would be. A name is that of a preset, or one that [`Self::hub_name`] made.
    pub fn place_of(&self, name: &str) -> PathBuf {
        self.folder.join("models").join(name)
    }

    /// Where the encoder of a name is, or would be.
    pub fn place_of_encoder(&self, name: &str) -> PathBuf {
        self.folder.join("encoders").join(format!("{name}.safetensors"))
    }

    /// The folder of a model that is there, with all its weights.
    pub fn model(&self, name: &str) -> Option<PathBuf> {
        // A name is one folder.
        let folder = Some(self.place_of(name)).filter(|_| !name.contains(['/', '\\']) && name != "..")?;
        (folder.join(CONFIG_FILE).is_file() && has_its_size(&folder.join(WEIGHTS_FILE))).then_some(folder)
    }

    /// What a checkpoint on the Hub was converted to, whatever was chosen for it: the names of all.
    pub fn converted(&self, owner: &str, name: &str, digest: &str) -> Vec<String> {
        let plain = Self::hub_name(owner, name, digest, &[]);
        let models = self.models().into_iter().map(|model| model.name);
        models
            .filter(|name| {
                name.strip_prefix(&plain).is_some_and(|rest| rest.is_empty() || rest.starts_with("--"))
            })
            .collect()
    }

    /// The file of an encoder that is there.
    pub fn encoder(&self, name: &str) -> Option<PathBuf> {
        Some(self.place_of_encoder(name)).filter(|file| file.is_file())
    }

    /// The name of what a checkpoint on the Hub was converted to: of `hf://owner/name/file.pth`, by its content's digest and by what was
    /// `chosen`, such as a variant.
    pub fn hub_name(owner: &str, name: &str, digest: &str, chosen: &[&str]) -> String {
        let digest: String = digest.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        let strange = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.');
        let chosen: String = chosen.iter().map(|word| format!("--{}", word.replace(strange, "_"))).collect();
        format!("hf--{owner}--{name}--{digest}{chosen}")
    }

    /// All models and encoders, sorted by name.
    pub fn models(&self) -> Vec<CachedModel> {
        let entries =
            |folder: &str| std::fs::read_dir(self.folder.join(folder)).into_iter().flatten().flatten();
        let named = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(String::from);
        let models = entries("models").filter_map(|entry| {
            let name = named(&entry.path())?;
            let path = self.model(&name)?;
            let files = std::fs::read_dir(&path).into_iter().flatten().flatten();
            let bytes = files.filter_map(|file| Some(file.metadata().ok()?.len())).sum();
            Some(CachedModel { name, path, bytes })
        });
        let encoders = entries("encoders").filter_map(|entry| {
            let name = named(&entry.path())?.strip_suffix(".safetensors")?.to_string();
            let path = self.encoder(&name)?;
            Some(CachedModel { name, bytes: entry.metadata().ok()?.len(), path })
        });
        let mut found: Vec<_> = models.chain(encoders).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }
}

/// Whether a safetensors file ends where its header says. One that was cut off does not.
fn has_its_size(file: &Path) -> bool {
    let Ok(mut open) = kmax_base::read::open(file) else { return false };
    let (mut length, mut header) = ([0; 8], Vec::new());
    let Ok(size) = open.metadata().map(|metadata| metadata.len()) else { return false };
    if open.read_exact(&mut length).is_err() {
        return false;
    }
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER || (&mut open).take(length).read_to_end(&mut header).is_err() {
        return false;
    }
    let parsed: Option<Map<String, Value>> = serde_json::from_slice(&header).ok();
    let ends = parsed.iter().flatten().filter_map(|(_, tensor)| tensor["data_offsets"][1].as_u64());
    ends.max().is_some_and(|end| end.checked_add(8 + length) == Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where() {
        let at = |set: &[(&str, &str)]| {
            let set: Vec<_> =
                set.iter().map(|(name, value)| (name.to_string(), OsString::from(value))).collect();
            let cache =
                Cache::read(|name| set.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()));
            cache.map(|cache| cache.folder)
        };
        assert_eq!(at(&[("KMAX_CACHE", "/a"), ("XDG_CACHE_HOME", "/b")]), Some("/a".into()));
        assert_eq!(at(&[("XDG_CACHE_HOME", "/b"), ("HOME", "/c")]), Some("/b/kmax".into()));
        assert_eq!(at(&[("HOME", "/c")]), Some("/c/.cache/kmax".into()));
    }

    #[test]
    fn what_is_incomplete_is_not_there() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::new(folder.path());
        assert_eq!(cache.models(), []);
        let place = cache.place_of("a");
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join(CONFIG_FILE), "{}")?;
        assert_eq!(cache.model("a"), None);
        let header = br#"{"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}"#;
        let whole = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat();
        for cut in 0..whole.len() {
            std::fs::write(place.join(WEIGHTS_FILE), &whole[..cut])?;
            assert_eq!(cache.model("a"), None, "{cut}");
        }
        std::fs::write(place.join(WEIGHTS_FILE), &whole)?;
        assert!(cache.model("../models/a").is_none() && cache.model("..").is_none());
        std::fs::create_dir_all(folder.path().join("encoders"))?;
        std::fs::write(cache.place_of_encoder("imagenet-b.c"), "123")?;
        let found: Vec<_> = cache.models().into_iter().map(|model| (model.name, model.bytes)).collect();
        let size = 2 + whole.len() as u64;
        assert_eq!(found, [("a".to_string(), size), ("imagenet-b.c".to_string(), 3)]);
        Ok(())
    }

    #[test]
    fn names_of_files_of_the_hub() {
        let name = Cache::hub_name("a", "b", "0123456789abcdef0123", &[]);
        assert_eq!(name, "hf--a--b--0123456789abcdef");
        let name = Cache::hub_name("a", "b", "../x", &["kmax-resnet50-coco.coconut-s", "a/b"]);
        assert_eq!(name, "hf--a--b--x--kmax-resnet50-coco.coconut-s--a_b");
    }
}

//! Where models and configurations come from, by name.

mod built_in;
mod cache;
#[cfg(feature = "hub")]
mod hub;
mod repo;

pub use cache::{Cache, CachedModel};
#[cfg(feature = "hub")]
pub use hub::{HubModel, fetch_model, hub_files};
pub use repo::ModelRepo;

use crate::config::{CONFIG_FILE, Config, Draft, PREPROCESSOR_FILE, Parsed};
use crate::error::{Error, Result};
use crate::folder::{CARD_FILE, Model, WEIGHTS_FILE};
use crate::presets::{Encoder, Preset};
use kmax_base::nearest;
use kmax_base::read::{MAX_SETTINGS, MAX_WEIGHTS};
use std::path::Path;

/// Begins the name of a repository of the Hugging Face Hub.
const HUB: &str = "hf://";

/// A file of a model folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelFile {
    /// Its name.
    pub name: &'static str,
    /// Whether a model cannot do without it.
    pub required: bool,
    /// The most bytes that it can have.
    pub limit: u64,
}

/// What a model folder is made of. The small files come first.
pub const MODEL_FILES: [ModelFile; 4] = [
    ModelFile { name: CONFIG_FILE, required: true, limit: MAX_SETTINGS },
    ModelFile { name: PREPROCESSOR_FILE, required: true, limit: MAX_SETTINGS },
    ModelFile { name: CARD_FILE, required: false, limit: MAX_SETTINGS },
    ModelFile { name: WEIGHTS_FILE, required: true, limit: MAX_WEIGHTS },
];

/// Whether a name means a model that may have to be fetched before it can be opened: one of the Hugging Face Hub, or a published
/// one that no file or folder is called like.
pub fn is_remote(name: &str) -> bool {
    let published = || matches!(Preset::named(name), Some(Preset::Published(_)));
    name.starts_with(HUB) || (!Path::new(name).exists() && published())
}

impl Model {
    /// The model of that name: a built-in one, a model folder by its path, one that was pulled into the [`Cache`], or with
    /// the feature `hub` a repository of the Hugging Face Hub, `hf://owner/name[@revision]`.
    ///
    /// # Errors
    /// If there is no such model, or a file of it is missing or wrong.
    pub fn named(name: &str) -> Result<Self> {
        if name.starts_with(HUB) {
            return Self::from_hub(name);
        }
        if Self::built_in_names().any(|built_in| built_in == name) {
            return Self::built_in(name);
        }
        if Path::new(name).exists() {
            return Self::open(Path::new(name));
        }
        let full = Preset::named(name).map_or_else(|| name.to_string(), |preset| preset.name());
        if let Some(folder) = Cache::from_env().and_then(|cache| cache.model(&full)) {
            return Self::open(&folder);
        }
        if let Some(encoder) = Encoder::named(name) {
            let reason = "is an encoder, for `backbone_weights` of a training, and no whole model";
            return Err(Error::UnknownModel(format!("{} {reason}", encoder.name)));
        }
        let built_in: Vec<_> = Self::built_in_names().collect();
        let built_in = if built_in.is_empty() { "none".into() } else { built_in.join(", ") };
        Err(Error::UnknownModel(match Preset::named(name) {
            Some(preset @ Preset::Published(_)) => format!(
                "{name} is neither built in (there is: {built_in}) nor in the cache: `kmax pull {}` fetches and converts it",
                preset.name()
            ),
            Some(Preset::People) => format!("{name}: this program was built without the feature `builtin`"),
            None => {
                let like = like(name);
                format!("{name}: neither a model folder nor the name of a model (built in: {built_in}){like}")
            }
        }))
    }

    #[cfg(feature = "hub")]
    fn from_hub(name: &str) -> Result<Self> {
        hub::open(name)
    }

    #[cfg(not(feature = "hub"))]
    fn from_hub(name: &str) -> Result<Self> {
        Err(Error::UnknownModel(format!("{name}: this program was built without the feature `hub`")))
    }
}

impl Draft {
    /// That of a built-in model or a preset by its name, or the configuration in a file or a model folder.
    ///
    /// # Errors
    /// If there is nothing of that name, or if the file is wrong.
    pub fn named(name: &str) -> Result<Parsed<Self>> {
        if let Some(config) = Config::of_built_in(name) {
            return Ok(Parsed { value: config?.into(), warnings: Vec::new() });
        }
        if let Some(preset) = Preset::named(name) {
            return Ok(Parsed { value: preset.config().into(), warnings: Vec::new() });
        }
        let path = Path::new(name);
        if path.is_dir() {
            return Self::read(&path.join(CONFIG_FILE));
        }
        if path.is_file() {
            return Self::read(path);
        }
        Err(Error::UnknownModel(format!("`{name}` is no file and no model known here{}", like(name))))
    }
}

impl Config {
    /// As [`Draft::named`], complete.
    ///
    /// # Errors
    /// As [`Draft::named`], and if the preprocessing is missing.
    pub fn named(name: &str) -> Result<Parsed<Self>> {
        let Parsed { value, warnings } = Draft::named(name)?;
        Ok(Parsed { value: value.complete()?, warnings })
    }
}

/// The known name that was probably meant, in words.
fn like(name: &str) -> String {
    let longer = Preset::continuations(name);
    if !longer.is_empty() {
        return format!("; did you mean {}?", longer.join(" or "));
    }
    let presets = Preset::all().into_iter().flat_map(|p| p.aliases().into_iter().chain([p.name()]));
    let known: Vec<_> = presets.chain(Model::built_in_names().map(Into::into)).collect();
    let near = nearest(name, known.iter().map(String::as_str));
    near.map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_variant_says_how_to_get_it() {
        let is_cached = || Cache::from_env()?.model("kmax-maxs-coco.deeplab2");
        for name in ["kmax-maxs-coco", "kmax-maxs-coco.deeplab2"].iter().filter(|_| is_cached().is_none()) {
            let message = Model::named(name).expect_err("not built in").to_string();
            assert!(message.contains("kmax pull kmax-maxs-coco.deeplab2"), "{message}");
        }
        let message = Model::named("hf://a/../b").expect_err("no repository").to_string();
        assert!(message.contains("a/.."), "{message}");
    }

    #[test]
    fn what_may_have_to_be_fetched_is_known_by_its_name() {
        for name in ["hf://owner/name", "kmax-maxs-coco", "kmax-maxs-coco.deeplab2"] {
            assert!(is_remote(name), "{name}");
        }
        for name in ["kmax-people", "src", "no-such-model", ""] {
            assert!(!is_remote(name), "{name}");
        }
    }

    #[test]
    fn presets_and_folders_have_names() -> Result<()> {
        let expected = Preset::People.config();
        assert_eq!(Config::named("kmax-people")?.value, expected);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let name = folder.path().display().to_string();
        std::fs::write(folder.path().join(CONFIG_FILE), expected.to_json().to_string()).expect("written");
        assert_eq!(Draft::named(&name)?.value.network(), &expected.network);
        assert!(Config::named(&name).is_err());
        let message = Config::named("kmax-resnet-coco").expect_err("unknown").to_string();
        assert!(message.contains("kmax-resnet50-coco"), "{message}");
        let message = Config::named("kmax-resnet50-coco.coconut-s").expect_err("two of them").to_string();
        assert!(message.contains("coconut-s-tf or kmax-resnet50-coco.coconut-s-torch?"), "{message}");
        Ok(())
    }
}

//! Configurations from names and files.

use super::{Config, Parsed, PreprocessConfig};
use crate::{Error, Preset, Result};
use serde_json::Value;
use std::path::Path;

/// Configurations are small; a larger file is something else.
const LARGEST_FILE: u64 = 1 << 24;

/// Name of the configuration in a model folder.
pub(crate) const CONFIG_FILE: &str = "config.json";
/// Name of the preprocessing settings in a model folder.
pub(crate) const PREPROCESSOR_FILE: &str = "preprocessor_config.json";

impl Config {
    /// A preset by its name, or the configuration in a file or a model folder.
    ///
    /// # Errors
    /// If there is neither a preset nor a file of that name, or if the file is wrong.
    pub fn named(name: &str) -> Result<Parsed<Self>> {
        if let Some(preset) = Preset::named(name) {
            return Ok(Parsed { value: preset.config(), warnings: Vec::new() });
        }
        let path = Path::new(name);
        if path.is_dir() {
            return Self::read(&path.join(CONFIG_FILE));
        }
        if path.is_file() {
            return Self::read(path);
        }
        let names: Vec<String> = Preset::all().iter().map(Preset::name).collect();
        let nearest = kmax_checkpoints::nearest(name, names.iter().map(String::as_str));
        let hint = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        Err(Error::UnknownModel(format!("`{name}` is no file and no model known here{hint}")))
    }

    /// Reads a `config.json` and the `preprocessor_config.json` beside it. Where the latter is missing, the port's COCO
    /// settings with the backbone's normalisation take its place.
    ///
    /// # Errors
    /// [`Error::File`] naming the file and the field.
    pub fn read(file: &Path) -> Result<Parsed<Self>> {
        let in_file =
            |file: &Path, error: Error| Error::File { file: file.into(), reason: error.to_string() };
        let mut parsed = Self::from_json(json(file)?).map_err(|e| in_file(file, e))?;
        let beside = file.with_file_name(PREPROCESSOR_FILE);
        if !beside.exists() {
            let normalization = parsed.value.network.backbone.normalization();
            parsed.value.preprocess = PreprocessConfig::default().normalized(normalization);
            return Ok(parsed);
        }
        let preprocess = PreprocessConfig::from_json(json(&beside)?).map_err(|e| in_file(&beside, e))?;
        parsed.value.preprocess = preprocess.value;
        parsed
            .warnings
            .extend(preprocess.warnings.into_iter().map(|name| format!("{PREPROCESSOR_FILE}: {name}")));
        Ok(parsed)
    }
}

fn json(file: &Path) -> Result<Value> {
    let fail = |reason: String| Error::File { file: file.into(), reason };
    let size = std::fs::metadata(file).map_err(|e| fail(e.to_string()))?.len();
    if size > LARGEST_FILE {
        return Err(fail(format!("{size} bytes are too many for a configuration")));
    }
    let text = std::fs::read_to_string(file).map_err(|e| fail(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| fail(format!("is not JSON: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_files_and_folders_have_names() -> Result<()> {
        let expected = Preset::People.config();
        assert_eq!(Config::named("kmax-people")?.value, expected);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, value: Value| {
            std::fs::write(folder.path().join(name), value.to_string()).expect("written");
        };
        write(CONFIG_FILE, expected.to_json());
        let alone = Config::named(&folder.path().display().to_string())?.value;
        assert_eq!(alone.preprocess.mean, [127.0; 3]);
        write(PREPROCESSOR_FILE, expected.preprocess.to_json());
        let file = folder.path().join(CONFIG_FILE).display().to_string();
        assert_eq!(Config::named(&file)?, Parsed { value: expected, warnings: vec![] });
        Ok(())
    }

    #[test]
    fn mistakes_name_the_file_and_the_nearest_model() {
        let message = Config::named("kmax-resnet-coco").expect_err("unknown").to_string();
        assert!(message.contains("kmax-resnet50-coco"), "{message}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join(CONFIG_FILE);
        std::fs::write(&file, "{").expect("written");
        let message = Config::read(&file).expect_err("no JSON").to_string();
        assert!(message.contains(CONFIG_FILE) && message.contains("JSON"), "{message}");
    }
}

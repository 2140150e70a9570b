//! Configurations in files, which may not say yet at which size the model runs.

use super::{Config, Parsed, PreprocessConfig};
use crate::error::{Error, Result};
use crate::network::NetworkConfig;
use kmax_base::ErrorKind;
use kmax_base::read::{MAX_SETTINGS, read_text};
use kmax_masks::Categories;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Name of the configuration in a model folder.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the preprocessing settings in a model folder.
pub const PREPROCESSOR_FILE: &str = "preprocessor_config.json";

/// A configuration whose preprocessing may be open: a `config.json` without a `preprocessor_config.json` beside it.
///
/// At which size a model runs, and how values are normalised, belongs to the model as much as its weights. Nothing fills
/// that in silently: a [`Config`] comes of a draft that has it ([`Self::complete`]), or of somebody who says it
/// ([`Self::with_preprocess`]), such as a trainer that knows its crop.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    config: Config,
    preprocess: Option<PreprocessConfig>,
    file: PathBuf,
}

impl From<Config> for Draft {
    fn from(config: Config) -> Self {
        Self { preprocess: Some(config.preprocess.clone()), config, file: PathBuf::new() }
    }
}

impl Draft {
    /// Reads a `config.json`, and the `preprocessor_config.json` beside it if there is one.
    ///
    /// # Errors
    /// [`Error::File`] naming the file and the field.
    pub fn read(file: &Path) -> Result<Parsed<Self>> {
        let parsed = Config::parse(json(file)?).map_err(|error| within(file, error))?;
        let (config, mut warnings) = (parsed.value, parsed.warnings);
        let beside = file.with_file_name(PREPROCESSOR_FILE);
        let mut preprocess = None;
        if beside.exists() {
            let read = PreprocessConfig::from_json(json(&beside)?).map_err(|error| within(&beside, error))?;
            warnings.extend(read.warnings.into_iter().map(|name| format!("{PREPROCESSOR_FILE}: {name}")));
            preprocess = Some(read.value);
        }
        Ok(Parsed { value: Self { config, preprocess, file: file.into() }, warnings })
    }

    /// The network.
    pub fn network(&self) -> &NetworkConfig {
        &self.config.network
    }

    /// The classes.
    pub fn categories(&self) -> &Categories {
        &self.config.categories
    }

    /// The preprocessing, if it is known.
    pub fn preprocess(&self) -> Option<&PreprocessConfig> {
        self.preprocess.as_ref()
    }

    /// The configuration.
    ///
    /// # Errors
    /// [`Error::File`] if the preprocessing is open.
    pub fn complete(self) -> Result<Config> {
        match self.preprocess {
            Some(preprocess) => Ok(Config { preprocess, ..self.config }),
            None => {
                let file = self.file.with_file_name(PREPROCESSOR_FILE);
                let reason = format!(
                    "is missing beside {CONFIG_FILE}: it says at which size and with which normalisation the model runs"
                );
                Err(Error::file(&file, ErrorKind::NotFound, reason))
            }
        }
    }

    /// The configuration with that preprocessing, whatever it was before.
    ///
    /// # Errors
    /// [`Error::Config`] if the preprocessing is out of range.
    pub fn with_preprocess(self, preprocess: PreprocessConfig) -> Result<Config> {
        preprocess.validate()?;
        Ok(Config { preprocess, ..self.config })
    }
}

impl Config {
    /// Reads a `config.json` and the `preprocessor_config.json` beside it.
    ///
    /// # Errors
    /// [`Error::File`] naming the file and the field, or the file that is missing.
    pub fn read(file: &Path) -> Result<Parsed<Self>> {
        let Parsed { value, warnings } = Draft::read(file)?;
        Ok(Parsed { value: value.complete()?, warnings })
    }

    /// From the contents of `config.json` and `preprocessor_config.json`, as [`Self::to_json`] and
    /// [`PreprocessConfig::to_json`] give them. `categories` may be missing: `id2label` and `thing_ids` then say it all.
    /// Fields that mean nothing here are named in the warnings.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field that is wrong or missing, and what was expected.
    pub fn from_json(config: Value, preprocessor: Value) -> Result<Parsed<Self>> {
        let (config, preprocess) = (Self::parse(config)?, PreprocessConfig::from_json(preprocessor)?);
        let warnings = config.warnings.into_iter().chain(preprocess.warnings).collect();
        Ok(Parsed { value: Self { preprocess: preprocess.value, ..config.value }, warnings })
    }
}

/// A fault of the file's contents.
fn within(file: &Path, error: Error) -> Error {
    Error::file(file, ErrorKind::Damaged, error)
}

fn json(file: &Path) -> Result<Value> {
    let text = read_text(file, MAX_SETTINGS).map_err(Error::reading(file))?;
    serde_json::from_str(&text)
        .map_err(|e| Error::file(file, ErrorKind::Damaged, format!("is not JSON: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;

    #[test]
    fn nothing_fills_a_missing_size_in() -> Result<()> {
        let expected = Preset::People.config();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join(CONFIG_FILE);
        std::fs::write(&file, expected.to_json().to_string()).expect("written");
        let draft = Draft::read(&file)?.value;
        assert_eq!((draft.network(), draft.preprocess()), (&expected.network, None));
        let message = draft.clone().complete().expect_err("no size").to_string();
        assert!(message.contains(PREPROCESSOR_FILE) && message.contains("missing"), "{message}");
        assert_eq!(Config::read(&file).expect_err("no size").kind(), ErrorKind::NotFound);
        assert_eq!(draft.with_preprocess(expected.preprocess.clone())?, expected);
        let beside = folder.path().join(PREPROCESSOR_FILE);
        std::fs::write(&beside, expected.preprocess.to_json().to_string()).expect("written");
        assert_eq!(Config::read(&file)?, Parsed { value: expected, warnings: vec![] });
        Ok(())
    }

    #[test]
    fn mistakes_name_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join(CONFIG_FILE);
        assert_eq!(Draft::read(&file).expect_err("no file").kind(), ErrorKind::NotFound);
        std::fs::write(&file, "{").expect("written");
        let error = Draft::read(&file).expect_err("no JSON");
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains(CONFIG_FILE) && error.to_string().contains("JSON"), "{error}");
    }
}

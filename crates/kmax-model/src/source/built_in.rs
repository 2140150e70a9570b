//! Models that are part of the program: the feature `builtin`.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::folder::Model;

impl Model {
    /// Names of the models that need no file; none without the feature `builtin`.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        #[cfg(feature = "builtin")]
        let names = kmax_builtin::MODELS.iter().map(|model| model.name);
        #[cfg(not(feature = "builtin"))]
        let names = std::iter::empty();
        names
    }

    /// The card of the built-in model of that name: its data, licence and numbers, in Markdown with a header of `name: value` lines.
    pub fn built_in_card(name: &str) -> Option<&'static str> {
        #[cfg(feature = "builtin")]
        let card = kmax_builtin::find(name).map(|model| model.card);
        #[cfg(not(feature = "builtin"))]
        let card = None.filter(|_: &&str| !name.is_empty());
        card
    }

    /// The built-in model of that name.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] if there is none.
    pub fn built_in(name: &str) -> Result<Self> {
        #[cfg(feature = "builtin")]
        if let Some(model) = kmax_builtin::find(name) {
            let damaged = |error: std::io::Error| {
                let file = std::path::Path::new(name).join(crate::folder::WEIGHTS_FILE);
                Error::file(&file, kmax_base::ErrorKind::Damaged, error.to_string())
            };
            let weights = model.weights().map_err(damaged)?;
            return Self::from_bytes(model.name, model.config, model.preprocessor, weights);
        }
        let names: Vec<_> = Self::built_in_names().collect();
        let names = if names.is_empty() { "none".into() } else { names.join(", ") };
        Err(Error::UnknownModel(format!("{name} is not built in (there is: {names})")))
    }
}

impl Config {
    /// That of the built-in model of that name, if there is one.
    pub(super) fn of_built_in(name: &str) -> Option<Result<Self>> {
        #[cfg(feature = "builtin")]
        let config = kmax_builtin::find(name).map(|model| {
            let json = |text: &str| {
                serde_json::from_str(text).map_err(|e| {
                    Error::file(std::path::Path::new(name), kmax_base::ErrorKind::Damaged, e.to_string())
                })
            };
            Ok(Self::from_json(json(model.config)?, json(model.preprocessor)?)?.value)
        });
        #[cfg(not(feature = "builtin"))]
        let config = None.filter(|_: &Result<Self>| !name.is_empty());
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;

    #[test]
    fn a_configuration_is_that_of_the_model_of_its_name() -> Result<()> {
        for name in Model::built_in_names() {
            let model = Model::built_in(name)?;
            assert_eq!(&Config::named(name)?.value, model.config(), "{name}");
            if let Some(preset) = Preset::named(name) {
                assert_eq!(&preset.config(), model.config(), "{name}");
            }
        }
        Ok(())
    }

    #[test]
    fn every_built_in_model_loads() -> Result<()> {
        for name in Model::built_in_names() {
            let model = Model::built_in(name)?;
            assert_eq!(model.warnings(), &[] as &[String], "{name}");
            let digest = model.digest();
            assert!(digest.len() == 71 && digest == Model::built_in(name)?.digest(), "{digest}");
        }
        assert!(matches!(Model::built_in("nothing"), Err(Error::UnknownModel(_))));
        Ok(())
    }
}

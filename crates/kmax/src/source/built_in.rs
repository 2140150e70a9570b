//! Models that are part of the library.

use crate::{Error, Model, Preset, Result};
use kmax_checkpoints::nearest;

/// The files of a model folder.
struct BuiltIn {
    name: &'static str,
    config: &'static str,
    preprocessor: &'static str,
    weights: &'static [u8],
}

/// One for each folder under `models/`; the build script writes the list.
const BUILT_IN: &[BuiltIn] = &include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

impl Model {
    /// Names of the models that need no file.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|model| model.name)
    }

    /// The model of that name, which is part of the library.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] if there is none.
    pub fn built_in(name: &str) -> Result<Self> {
        let model = BUILT_IN.iter().find(|model| model.name == name).ok_or_else(|| {
            let names: Vec<_> = Self::built_in_names().collect();
            let known: Vec<_> = Preset::all().into_iter().map(|preset| preset.name()).collect();
            let like = nearest(name, known.iter().map(String::as_str));
            let like = like.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            let names = if names.is_empty() { "none".into() } else { names.join(", ") };
            Error::UnknownModel(format!(
                "{name}: neither a model folder nor a built-in model (built in: {names}){like}"
            ))
        })?;
        Self::from_bytes(model.name, model.config, model.preprocessor, model.weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_model_loads_and_is_small() -> Result<()> {
        for name in Model::built_in_names() {
            let model = Model::built_in(name)?;
            assert_eq!(model.warnings(), &[] as &[String], "{name}");
        }
        assert!(BUILT_IN.iter().all(|model| model.weights.len() <= 12 << 20));
        assert!(matches!(Model::built_in("nothing"), Err(Error::UnknownModel(_))));
        Ok(())
    }
}

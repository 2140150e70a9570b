//! The built-in models of kMaX, as bytes in the program: one [`BuiltIn`] for each folder under `models/`.
//!
//! Data only. `kmax` reads them behind its feature `builtin`:
//!
//! ```
//! let names: Vec<_> = kmax_builtin::MODELS.iter().map(|model| model.name).collect();
//! assert!(names.contains(&"kmax-people"));
//! ```
//!
//! Each model's `README.md` in this crate's folder has its data, licence and numbers.

#![forbid(unsafe_code)]

/// The files of a model folder.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BuiltIn {
    /// The model's name.
    pub name: &'static str,
    /// Contents of `config.json`.
    pub config: &'static str,
    /// Contents of `preprocessor_config.json`.
    pub preprocessor: &'static str,
    /// Contents of `model.safetensors`.
    pub weights: &'static [u8],
    /// Contents of `README.md`, the model's card: data, licence and numbers.
    pub card: &'static str,
}

/// All built-in models, by name. The build script writes the list. One place in the program: a constant would be copied into each crate that
/// uses it.
pub static MODELS: &[BuiltIn] = &include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The built-in model of that name.
pub fn find(name: &str) -> Option<&'static BuiltIn> {
    MODELS.iter().find(|model| model.name == name)
}

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_small_and_found_by_name() {
        assert!(!MODELS.is_empty());
        for model in MODELS {
            assert!(model.weights.len() <= 12 << 20, "{}", model.name);
            assert!(model.card.contains(&format!("# {}", model.name)), "{}", model.name);
            assert!(find(model.name).is_some_and(|found| found.weights.len() == model.weights.len()));
        }
        assert!(find("nothing").is_none());
    }
}

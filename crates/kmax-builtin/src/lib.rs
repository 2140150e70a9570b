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

use flate2::read::ZlibDecoder;
use std::io::{self, Read};

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
    /// How many bytes `model.safetensors` has.
    pub bytes: usize,
    /// Its contents as the build script packed them.
    packed: &'static [u8],
    /// Contents of `README.md`, the model's card: data, licence and numbers.
    pub card: &'static str,
}

impl BuiltIn {
    /// Contents of `model.safetensors`, unpacked.
    ///
    /// # Errors
    /// If the program's own file is damaged.
    pub fn weights(&self) -> io::Result<Vec<u8>> {
        let mut apart = Vec::with_capacity(self.bytes);
        ZlibDecoder::new(self.packed).take(self.bytes as u64).read_to_end(&mut apart)?;
        if apart.len() != self.bytes {
            return Err(io::Error::other(format!("{} bytes of weights, not {}", apart.len(), self.bytes)));
        }
        let (low, high) = apart.split_at(self.bytes.div_ceil(2));
        let pairs = low.iter().zip(high).flat_map(|(low, high)| [*low, *high]);
        Ok(pairs.chain(low.iter().skip(high.len()).copied()).collect())
    }
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
            assert!(model.bytes <= 12 << 20, "{}", model.name);
            let file = format!("{}/models/{}/model.safetensors", env!("CARGO_MANIFEST_DIR"), model.name);
            assert!(
                model.weights().expect("unpacked") == std::fs::read(file).expect("read"),
                "{}",
                model.name
            );
            assert!(model.card.contains(&format!("# {}", model.name)), "{}", model.name);
            assert!(find(model.name).is_some_and(|found| found.bytes == model.bytes));
        }
        assert!(find("nothing").is_none());
    }
}

//! Model folders: what the Hugging Face Hub calls a repository.
//!
//! A folder holds `config.json`, `preprocessor_config.json`, `model.safetensors` and `README.md`, the model card.

mod card;
mod quantized;
mod weights;
mod write;

pub use card::ModelCard;
pub use quantized::{QuantizablePart, Quantized};
pub use weights::Weights;

use crate::config::{CONFIG_FILE, Config, PREPROCESSOR_FILE, Parsed};
use crate::error::{Error, Result};
use crate::network::KMaxDeepLab;
use crate::precision::Precision;
use candle_core::{DType, Device, Tensor};
use kmax_base::ErrorKind;
use kmax_nn::Params;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// Name of the weights in a model folder.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// Name of the model card in a model folder.
pub const CARD_FILE: &str = "README.md";

/// A model's configuration and its weights, which were found to belong together.
#[derive(Debug, Clone)]
pub struct Model {
    config: Config,
    weights: Weights,
    warnings: Vec<String>,
}

impl Model {
    /// Opens a model folder. All weights are read into memory, in the precision they are stored in.
    ///
    /// # Errors
    /// If a file is missing or wrong, or if tensors are missing, unused, misshapen or not finite, which are then named.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(CONFIG_FILE);
        if !file.is_file() {
            let reason = match (folder.is_dir(), folder.exists()) {
                (true, _) => format!("is no model folder: {CONFIG_FILE} is missing"),
                (false, true) => "is a file: expected the folder of a model".into(),
                (false, false) => format!("there is no such folder: {CONFIG_FILE} is missing"),
            };
            return Err(Error::file(folder, ErrorKind::NotFound, reason));
        }
        Self::new(Config::read(&file)?, Weights::open(&folder.join(WEIGHTS_FILE))?)
    }

    /// A model from the contents of its files, such as one built into a program.
    ///
    /// # Errors
    /// As [`Self::open`]; `name` stands for the folder.
    pub fn from_bytes(
        name: &str,
        config: &str,
        preprocessor: &str,
        weights: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self> {
        let json = |file: &str, text: &str| {
            let fail = |e| Error::file(&Path::new(name).join(file), ErrorKind::Damaged, e);
            serde_json::from_str(text).map_err(|e: serde_json::Error| fail(e.to_string()))
        };
        let parsed = Config::from_json(json(CONFIG_FILE, config)?, json(PREPROCESSOR_FILE, preprocessor)?)?;
        let file = Path::new(name).join(WEIGHTS_FILE);
        Self::new(parsed, Weights::from_bytes(&file, weights)?)
    }

    fn new(parsed: Parsed<Config>, weights: Weights) -> Result<Self> {
        let (config, warnings) = (parsed.value, parsed.warnings);
        weights.check(&config.network)?;
        weights.check_finite()?;
        Ok(Self { config, weights, warnings })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Names of the fields in the configuration files that mean nothing here.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What tells this model from every other: a SHA-256 over configuration and weights, `sha256:` and 64 digits. The same model has the
    /// same digest wherever it comes from.
    pub fn digest(&self) -> String {
        let mut sha = Sha256::new();
        for json in [self.config.to_json(), self.config.preprocess.to_json()] {
            sha.update(json.to_string());
            sha.update([0]);
        }
        sha.update(self.weights.bytes());
        let digits = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("sha256:{digits}")
    }

    /// Writes the model into a folder as it is, with `card` as its card's text; as [`save`].
    ///
    /// # Errors
    /// If `folder` is something else than a model folder, or if it cannot be written.
    pub fn write(&self, folder: &Path, card: &str) -> Result<()> {
        write::replace_folder(folder, |beside| {
            write::settings(beside, &self.config)?;
            write::bytes(&beside.join(WEIGHTS_FILE), self.weights.bytes())?;
            write::text(&beside.join(CARD_FILE), card)
        })
    }

    /// The network, for inference in that precision.
    ///
    /// # Errors
    /// [`Error::Argument`] if the device does not have the precision, and if the device fails.
    pub fn network(&self, precision: Precision, device: &Device) -> Result<KMaxDeepLab> {
        precision.check(device)?;
        let params = Params::frozen(self.weights.clone(), precision.of_input(device), device);
        let params = params.with_factors(precision.factors(device));
        // What was found to lose too much in integers is stored as floats beside them.
        let left = if precision == Precision::Int8 { quantized::left(&self.weights) } else { Vec::new() };
        KMaxDeepLab::new(&self.config.network, &params.with_exact(left))
    }
}

/// Refuses a place for a model folder where something else is: before the work, which would be lost.
///
/// # Errors
/// [`Error::File`] if it is there, not empty, and no model folder, or if nothing can be written beside it.
pub fn check_place(folder: &Path) -> Result<()> {
    write::check_place(folder)?;
    write::check_writable(folder)
}

/// Writes a model folder beside its place and renames it. An older model folder there is replaced.
///
/// Values are stored in `dtype`, float32 or float16; a tensor that float16 cannot hold stays float32.
///
/// # Errors
/// If the weights do not belong to the configuration, if `folder` is something else than a model folder, or if it
/// cannot be written; what was there before is then as it was.
pub fn save(
    folder: &Path,
    config: &Config,
    weights: HashMap<String, Tensor>,
    dtype: DType,
    card: &ModelCard,
) -> Result<()> {
    let found = weights.iter().map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect();
    weights::check(&folder.join(WEIGHTS_FILE), &config.network, &found)?;
    save_with(folder, config, |file| write::weights(file, weights, dtype).map(|()| card.clone()))
}

/// As [`save`], for somebody who knows that the weights belong to the configuration: `weights` writes their file, and says
/// what the card is.
///
/// # Errors
/// Those of `weights`, and as [`save`].
pub fn save_with<E: From<Error>>(
    folder: &Path,
    config: &Config,
    weights: impl FnOnce(&Path) -> std::result::Result<ModelCard, E>,
) -> std::result::Result<(), E> {
    config.validate()?;
    write::replace_folder(folder, |beside| {
        write::settings(beside, config)?;
        let card = weights(&beside.join(WEIGHTS_FILE))?;
        Ok(write::text(&beside.join(CARD_FILE), &card.render(config))?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;
    use kmax_nn::Mode;

    fn small() -> (Config, HashMap<String, Tensor>) {
        let config = Preset::People.config();
        let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
        KMaxDeepLab::new(&config.network, &params).expect("a network");
        let weights = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
        (config, weights.collect())
    }

    fn card() -> ModelCard {
        ModelCard { name: "Small".into(), license: "apache-2.0".into(), sections: Vec::new() }
    }

    #[test]
    fn a_saved_model_computes_the_same() -> Result<()> {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("model");
        let (config, weights) = small();
        save(&folder, &config, weights.clone(), DType::F32, &card())?;
        let model = Model::open(&folder)?;
        assert_eq!((model.config(), model.warnings()), (&config, &[][..]));
        let image = Tensor::arange(0f32, 3.0 * 33.0 * 33.0, &Device::Cpu)?.sin()?.reshape((1, 3, 33, 33))?;
        let found = model.network(Precision::Float32, &Device::Cpu)?.forward(&image)?;
        let params = Params::frozen(weights.clone(), DType::F32, &Device::Cpu);
        let expected = KMaxDeepLab::new(&config.network, &params)?.forward(&image)?;
        let values = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
        assert_eq!(values(&found.masks)?, values(&expected.masks)?);
        assert_eq!(values(&found.classes)?, values(&expected.classes)?);

        // In half precision, over the first, without the head that only training needs.
        let inference = weights.into_iter().filter(|(name, _)| !name.starts_with("semantic_head."));
        save(&folder, &config, inference.collect(), DType::F16, &card())?;
        let half = Model::open(&folder)?;
        let queries = half.weights().stored().find(|(name, ..)| *name == "decoder.queries");
        assert!(queries.is_some_and(|(_, dtype, ..)| dtype == safetensors::Dtype::F16));
        let found = half.network(Precision::Float32, &Device::Cpu)?.trace(&image, &Mode::eval())?;
        let masks = found.decoder.prediction.mask_logits;
        let difference = (masks - expected.masks)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
        assert!(difference > 0.0 && difference < 0.1, "{difference}");
        assert_eq!(std::fs::read_dir(parent.path()).expect("read").count(), 1, "something stayed beside it");
        Ok(())
    }

    #[test]
    fn a_quantized_model_is_smaller_and_near() -> Result<()> {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let (folder, again) = (parent.path().join("model"), parent.path().join("quantized"));
        let (config, weights) = small();
        save(&folder, &config, weights, DType::F32, &card())?;
        let model = Model::open(&folder)?;
        let quantized = model.quantized(&["decoder.".into()])?;
        assert!(
            quantized.tensors.iter().all(|name| !name.starts_with("decoder."))
                && !quantized.tensors.is_empty()
        );
        let size = |folder: &Path| std::fs::metadata(folder.join(WEIGHTS_FILE)).map(|file| file.len()).ok();
        assert_eq!(Some(quantized.before), size(&folder));
        quantized.model.write(&again, "# Quantized\n")?;
        assert_eq!(Some(quantized.bytes), size(&again));
        let found = Model::open(&again)?;
        assert_eq!((found.config(), found.digest()), (&config, quantized.model.digest()));
        assert_eq!(found.weights().shapes(), model.weights().shapes());
        assert!(found.weights().are_quantized() && found.quantized(&[]).is_err());

        let image = Tensor::arange(0f32, 3.0 * 33.0 * 33.0, &Device::Cpu)?.sin()?.reshape((1, 3, 33, 33))?;
        let masks = |model: &Model, precision| -> Result<Vec<f32>> {
            let trace = model.network(precision, &Device::Cpu)?.trace(&image, &Mode::eval())?;
            Ok(trace.decoder.prediction.mask_logits.flatten_all()?.to_vec1()?)
        };
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
        let expected = masks(&model, Precision::Float32)?;
        let difference = apart(&masks(&found, Precision::Float32)?, &expected);
        assert!(difference > 0.0 && difference < 0.5, "{difference}");
        // Integers that are rounded again are mostly the same.
        let rounded = apart(&masks(&found, Precision::Int8)?, &masks(&model, Precision::Int8)?);
        let by_rounding = apart(&masks(&model, Precision::Int8)?, &expected);
        assert!(rounded < by_rounding, "{rounded}, {by_rounding}");

        // Layers whose weights were kept multiply them as they are.
        let maps = |model: &Model, precision| -> Result<Vec<Vec<f32>>> {
            let trace = model.network(precision, &Device::Cpu)?.trace(&image, &Mode::eval())?;
            Ok(trace
                .pixel
                .iter()
                .map(|map| map.flatten_all()?.to_vec1())
                .collect::<candle_core::Result<_>>()?)
        };
        let parts = model.quantizable(&["semantic_head.".into()])?;
        let (decoder, other): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| part.name.starts_with("decoder."));
        assert!(decoder.len() > 2 && other.len() > decoder.len());
        let names = other.into_iter().map(|part| part.name).chain(["semantic_head.".into()]);
        let mixed = model.quantized(&names.collect::<Vec<_>>())?;
        // But for the names of the scales.
        let saved = decoder.iter().map(|part| part.saves).sum::<u64>() - (mixed.before - mixed.bytes);
        assert!((1..200 * mixed.tensors.len() as u64).contains(&saved), "{saved}");
        let mixed = mixed.model;
        let expected_maps = maps(&model, Precision::Float32)?;
        assert_eq!(maps(&mixed, Precision::Int8)?, expected_maps);
        assert_ne!(maps(&model, Precision::Int8)?, expected_maps);
        assert!(apart(&masks(&mixed, Precision::Int8)?, &expected) > 0.0);

        // Fewer bytes than half precision has.
        let all = model.quantized(&[])?;
        assert!(all.bytes < all.before / 3, "{} of {}", all.bytes, all.before);
        let error = model.quantized(&["backbones.".into()]).expect_err("no such name").to_string();
        assert!(error.contains("`backbones.`") && error.contains("backbone."), "{error}");
        Ok(())
    }

    #[test]
    fn integers_without_proper_scales_are_refused() {
        use safetensors::{Dtype, tensor::TensorView};
        let scales = |values: [f32; 2]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let integers = [1, 2, 3, 0xff, 0x80, 6];
        let open = |scales: Option<(&str, Dtype, &[usize], &[u8])>| {
            let view = |dtype, shape: &[usize], bytes| {
                TensorView::new(dtype, shape.to_vec(), bytes).expect("a view")
            };
            let views = [("a.weight", view(Dtype::I8, &[2, 3], &integers))];
            let more = scales.map(|(name, dtype, shape, bytes)| (name, view(dtype, shape, bytes)));
            let data = safetensors::serialize(views.into_iter().chain(more), None).expect("serialized");
            Weights::from_bytes(Path::new(WEIGHTS_FILE), data).and_then(|w| w.check_finite().map(|()| w))
        };
        let proper = scales([0.5, 2.0]);
        let weights = open(Some(("a.weight.scale", Dtype::F32, &[2], &proper))).expect("a model");
        let tensor = kmax_nn::TensorSource::tensor(&weights, "a.weight").expect("read").expect("there");
        let values = tensor.to_vec2::<f32>().expect("two rows");
        // There is no -128.
        assert_eq!(values, [[0.5, 1.0, 1.5], [-2.0, -254.0, 12.0]]);
        assert_eq!(kmax_nn::TensorSource::names(&weights), ["a.weight"]);
        for wrong in [
            None,
            Some(("a.weight.scales", Dtype::F32, &[2][..], &proper[..])),
            Some(("a.weight.scale", Dtype::F32, &[1], &proper[..4])),
            Some(("a.weight.scale", Dtype::F32, &[2, 1], &proper)),
            Some(("a.weight.scale", Dtype::F16, &[2], &proper[..4])),
            Some(("a.weight.scale", Dtype::F32, &[2], &scales([f32::NAN, 1.0]))),
            Some(("a.weight.scale", Dtype::F32, &[2], &scales([f32::MAX, 1.0]))),
        ] {
            let error = open(wrong).expect_err("refused");
            assert!(error.kind() == ErrorKind::Damaged && error.to_string().contains("a.weight"), "{error}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("model");
        let (config, mut weights) = small();
        let tensor = weights.remove("decoder.queries").expect("queries");
        weights.insert("decoder.querys".into(), tensor);
        let name = "decoder.predictor.class.bias";
        assert!(
            weights.insert(name.into(), Tensor::zeros(3, DType::F32, &Device::Cpu).expect("zeros")).is_some()
        );
        let message = save(&folder, &config, weights, DType::F32, &card()).expect_err("misfits").to_string();
        for part in ["decoder.queries", "decoder.querys", name, "[17]", "[3]", WEIGHTS_FILE] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!folder.exists());
    }

    #[test]
    fn weights_that_are_no_numbers_are_named() -> Result<()> {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("model");
        let name = "decoder.predictor.class.bias";
        for wrong in [f32::NAN, f32::INFINITY] {
            let (config, mut weights) = small();
            let mut values = weights[name].to_vec1::<f32>()?;
            *values.last_mut().expect("a value") = wrong;
            let tensor = Tensor::new(values, &Device::Cpu)?;
            weights.insert(name.into(), tensor.clone());
            // Neither written,
            let error = save(&folder, &config, weights.clone(), DType::F32, &card()).expect_err("not finite");
            assert!(error.kind() == ErrorKind::Diverged && error.to_string().contains(name), "{error}");
            // nor read, in any precision.
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                let file = parent.path().join("w.safetensors");
                let tensors = HashMap::from([
                    (name, tensor.to_dtype(dtype)?),
                    ("a", Tensor::ones(3, dtype, &Device::Cpu)?),
                ]);
                candle_core::safetensors::save(&tensors, &file)?;
                let error = Weights::open(&file)?.check_finite().expect_err("not finite");
                assert!(error.kind() == ErrorKind::Damaged && error.to_string().contains(name), "{error}");
            }
        }
        Ok(())
    }

    #[test]
    fn folders_of_other_things_are_left_alone() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(parent.path().join("diary.txt"), "dear").expect("written");
        // Many programs have a file of that name.
        std::fs::write(parent.path().join("config.json"), "{}").expect("written");
        let (config, weights) = small();
        assert!(save(parent.path(), &config, weights.clone(), DType::F32, &card()).is_err());
        assert_eq!(std::fs::read_dir(parent.path()).expect("read").count(), 2);
        std::fs::remove_file(parent.path().join("config.json")).expect("removed");
        // Beside a model they stay when the model is replaced.
        let folder = parent.path().join("model");
        save(&folder, &config, weights.clone(), DType::F32, &card()).expect("saved");
        std::fs::write(folder.join("notes.txt"), "mine").expect("written");
        save(&folder, &config, weights, DType::F32, &card()).expect("replaced");
        assert_eq!(std::fs::read_to_string(folder.join("notes.txt")).expect("still there"), "mine");
        let message = Model::open(parent.path()).expect_err("no model").to_string();
        assert!(message.contains("config.json is missing"), "{message}");
    }
}

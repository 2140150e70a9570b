//! Writing a model folder.

use crate::config::{CONFIG_FILE, Config, PREPROCESSOR_FILE};
use crate::error::{Error, Result};
use candle_core::{DType, Device, Tensor};
use half::f16;
use kmax_base::ErrorKind;
use kmax_base::beside::Beside;
use kmax_base::read::{MAX_SETTINGS, read_text};
use kmax_base::write::folder_of;
use safetensors::tensor::TensorView;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

fn fail(file: &Path, reason: impl std::fmt::Display) -> Error {
    Error::file(file, ErrorKind::CannotWrite, reason.to_string())
}

/// Lets `fill` write a folder beside `folder`, then renames it into place.
pub(super) fn replace_folder<E: From<Error>>(
    folder: &Path,
    fill: impl FnOnce(&Path) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    check_place(folder)?;
    let parent = folder_of(folder);
    fs::create_dir_all(parent).map_err(|e| fail(parent, e))?;
    let new = Beside::folder(folder).map_err(|e| fail(folder, e))?;
    fill(new.path())?;
    share(new.path()).map_err(|e| fail(folder, e))?;
    if folder.exists() {
        let old = Beside::aside(folder).map_err(|e| fail(folder, e))?;
        let aside = old.path().join("old");
        fs::rename(folder, &aside).map_err(|e| fail(folder, e))?;
        if let Err(error) = fs::rename(new.path(), folder) {
            fs::rename(&aside, folder).map_err(|e| fail(folder, e))?;
            return Err(fail(folder, error).into());
        }
        // What somebody else put there, such as a clone's `.git`, stays there.
        for entry in fs::read_dir(&aside).into_iter().flatten().flatten() {
            let place = folder.join(entry.file_name());
            if !place.exists() {
                fs::rename(entry.path(), &place).map_err(|e| fail(&place, e))?;
            }
        }
    } else {
        fs::rename(new.path(), folder).map_err(|e| fail(folder, e))?;
    }
    Ok(())
}

/// Refuses a place where something else than a model folder is.
pub(super) fn check_place(folder: &Path) -> Result<()> {
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if folder.exists() && !is_model(folder) && !is_empty() {
        return Err(fail(folder, "is there already and is no model folder"));
    }
    Ok(())
}

/// Refuses a place beside which nothing can be written, if there is such a place yet.
pub(super) fn check_writable(folder: &Path) -> Result<()> {
    if folder_of(folder).is_dir() {
        Beside::folder(folder).map_err(|e| fail(folder, e))?;
    }
    Ok(())
}

/// Whether a folder holds a model of ours, which may be replaced.
fn is_model(folder: &Path) -> bool {
    let text = read_text(&folder.join(CONFIG_FILE), MAX_SETTINGS).unwrap_or_default();
    let config: Value = serde_json::from_str(&text).unwrap_or_default();
    config["model_type"] == crate::config::MODEL_TYPE
}

/// A temporary folder is private to its owner, and so are the weights in it; a result is as readable as any other
/// new folder.
#[cfg(unix)]
fn share(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder)? {
        fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o644))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn share(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

pub(super) fn bytes(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(file, bytes).map_err(|e| fail(file, e))
}

pub(super) fn text(file: &Path, text: &str) -> Result<()> {
    bytes(file, text.as_bytes())
}

/// Writes the two files of a configuration.
pub(super) fn settings(folder: &Path, config: &Config) -> Result<()> {
    json(&folder.join(CONFIG_FILE), &config.to_json())?;
    json(&folder.join(PREPROCESSOR_FILE), &config.preprocess.to_json())
}

fn json(file: &Path, value: &Value) -> Result<()> {
    let value = serde_json::to_string_pretty(value).map_err(|e| fail(file, e))?;
    text(file, &format!("{value}\n"))
}

/// Writes the tensors sorted by name. Each is let go as soon as its bytes are made.
pub(super) fn weights(file: &Path, tensors: HashMap<String, Tensor>, dtype: DType) -> Result<()> {
    let mut tensors: Vec<_> = tensors.into_iter().collect();
    tensors.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut all = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let shape = tensor.dims().to_vec();
        let (dtype, data) = stored(&name, &tensor, dtype)?;
        all.push((name, dtype, shape, data));
    }
    let views = views(file, &all)?;
    safetensors::serialize_to_file(views, metadata(), file).map_err(|e| fail(file, e))
}

/// Tensors as the contents of a safetensors file.
pub(super) fn serialized<D: AsRef<[u8]>>(file: &Path, all: &[Named<D>]) -> Result<Vec<u8>> {
    safetensors::serialize(views(file, all)?, metadata()).map_err(|e| fail(file, e))
}

/// Name, element type, shape and bytes of a tensor.
pub(super) type Named<D> = (String, safetensors::Dtype, Vec<usize>, D);

fn views<'a, D: AsRef<[u8]>>(file: &Path, all: &'a [Named<D>]) -> Result<Vec<(&'a str, TensorView<'a>)>> {
    let view = |(name, dtype, shape, data): &'a Named<D>| {
        let view = TensorView::new(*dtype, shape.clone(), data.as_ref()).map_err(|e| fail(file, e))?;
        Ok((name.as_str(), view))
    };
    all.iter().map(view).collect()
}

/// What a safetensors file says of itself, for readers that ask.
fn metadata() -> Option<HashMap<String, String>> {
    Some(HashMap::from([("format".to_string(), "pt".to_string())]))
}

fn stored(name: &str, tensor: &Tensor, dtype: DType) -> Result<(safetensors::Dtype, Vec<u8>)> {
    let values = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    if !values.iter().all(|value| value.is_finite()) {
        return Err(Error::NotFinite { what: format!("`{name}`") });
    }
    let fits = |v: &f32| v.abs() <= f32::from(f16::MAX);
    if dtype == DType::F16 && values.iter().all(fits) {
        let data = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        return Ok((safetensors::Dtype::F16, data));
    }
    Ok((safetensors::Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
}

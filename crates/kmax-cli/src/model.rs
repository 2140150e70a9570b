//! Opening the model that `--model` names.

use crate::exit::{OrExit, Outcome};
use crate::output::{detail, remark};
use kmax::config::CONFIG_FILE;
use kmax::{Model, is_remote};
use std::path::{Path, PathBuf};

#[cfg(feature = "hub")]
mod fetch;
#[cfg(feature = "hub")]
pub use fetch::{download, downloads, pull};

/// The most unknown fields of a configuration that are named.
const WARNINGS: usize = 20;

/// Opens a built-in model, a model folder, a published model, or what lies on the Hub, with a progress bar while it is fetched.
///
/// Whatever fails here is the model's fault, not an input's: [`or_fail_loading`](OrExit::or_fail_loading).
pub fn open(name: &str) -> Outcome<Model> {
    open_in(name, folder(name)?)
}

/// As [`open`], of a model whose [`folder`] is known.
pub fn open_in(name: &str, folder: Option<PathBuf>) -> Outcome<Model> {
    let model = match folder {
        Some(folder) => Model::open(&folder),
        None => Model::named(name),
    };
    let model = model.or_fail_loading()?;
    let warnings = model.warnings();
    for field in warnings.iter().take(WARNINGS) {
        remark(&format!("warning: {name}: `{field}` of the configuration means nothing here"));
    }
    if let more @ 1.. = warnings.len().saturating_sub(WARNINGS) {
        remark(&format!("warning: {name}: {more} more fields of the configuration mean nothing here"));
    }
    detail(|| format!("model {name}: {} classes", model.config().categories.len()));
    Ok(model)
}

/// The folder of a model that has one, fetched if need be; `None` for a built-in model, and for what is none.
pub fn folder(name: &str) -> Outcome<Option<PathBuf>> {
    if !is_remote(name) {
        if Model::built_in_names().any(|built_in| built_in == name) {
            tell_shadowed(Path::new(name));
            return Ok(None);
        }
        // By the name that `kmax models` shows, too.
        let path = Some(PathBuf::from(name)).filter(|path| path.exists());
        return Ok(path.or_else(|| kmax::Cache::from_env()?.model(name)));
    }
    fetch(name)
}

/// Tells that the name of a model folder means a built-in model.
pub fn tell_shadowed(folder: &Path) {
    let is_built_in = |name: &str| Model::built_in_names().any(|built_in| built_in == name);
    if let Some(name) = folder.to_str().filter(|name| is_built_in(name))
        && folder.join(CONFIG_FILE).is_file()
    {
        remark(&format!("{name} is the built-in model; the folder of that name is ./{name}"));
    }
}

/// Fetches a model or an encoder trained on ImageNet, if the name means one that may have to be fetched.
pub fn ensure(name: &str) -> Outcome {
    let is_encoder = !Path::new(name).exists() && kmax::Encoder::named(name).is_some();
    if is_encoder || is_remote(name) {
        fetch(name)?;
    }
    Ok(())
}

#[cfg(feature = "hub")]
fn fetch(name: &str) -> Outcome<Option<PathBuf>> {
    Ok(Some(pull(name, &kmax::pull::Options::default())?.path))
}

/// The name alone: what is in the cache is found by it.
#[cfg(not(feature = "hub"))]
fn fetch(_name: &str) -> Outcome<Option<PathBuf>> {
    Ok(None)
}

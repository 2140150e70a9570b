//! `kmax models remove`: makes room in the cache.

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{megabytes, remark};
use kmax::{Cache, CachedModel, Encoder, Preset};

/// Removes what the cache has under a name, as `kmax models` shows it or as `kmax pull` takes it.
pub fn run(name: &str) -> Outcome {
    let full = Preset::named(name).map(|preset| preset.name());
    let full = full.or_else(|| Encoder::named(name).map(|encoder| encoder.name.into()));
    let full = full.unwrap_or_else(|| name.into());
    let no_home = || Failure::new(Code::Usage, "KMAX_CACHE: is not set, and there is no HOME");
    let cache = Cache::from_env().ok_or_else(no_home)?;
    let had_download = forget_download(name)?;
    let Some(model) = cache.models().into_iter().find(|model| model.name == full) else {
        if had_download {
            remark(&format!("{full}: the download that had begun is removed"));
            return Ok(());
        }
        let reason = if name.starts_with("hf://") {
            "lies in the cache of the Hugging Face Hub, which Python shares: `hf cache rm` removes it"
        } else {
            "is not in the cache (`kmax models` lists what is)"
        };
        return Err(Failure::new(Code::Input, format!("{name}: {reason}")));
    };
    let CachedModel { path, bytes, .. } = model;
    let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    removed.map_err(|e| format!("{}: {e}", path.display())).or_exit(Code::Output)?;
    remark(&format!("{full} removed: {}", megabytes(bytes)));
    Ok(())
}

#[cfg(feature = "hub")]
fn forget_download(name: &str) -> Outcome<bool> {
    use kmax::pull::{Puller, Settings};
    // What is no name of a published model is told by the caller.
    Ok(Puller::new(Settings::from_env()?).forget_download(name).unwrap_or(false))
}

#[cfg(not(feature = "hub"))]
fn forget_download(_name: &str) -> Outcome<bool> {
    Ok(false)
}

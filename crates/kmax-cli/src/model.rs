//! Opening the model that `--model` names.

use crate::exit::{OrExit, Outcome};
use crate::output::{detail, remark};
use kmax::Model;

/// The most unknown fields of a configuration that are named.
const WARNINGS: usize = 20;

/// Opens a built-in model, a model folder, or a repository of the Hub, with a progress bar while that is fetched.
///
/// Whatever fails here is the model's fault, not an input's: [`or_fail_loading`](OrExit::or_fail_loading).
pub fn open(name: &str) -> Outcome<Model> {
    #[cfg(feature = "hub")]
    let model = if name.starts_with("hf://") {
        Model::open(&hub::folder(&name.parse().or_fail_loading()?)?)
    } else {
        Model::named(name)
    };
    #[cfg(not(feature = "hub"))]
    let model = Model::named(name);
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

#[cfg(feature = "hub")]
mod hub {
    use crate::exit::{OrExit, Outcome};
    use crate::output;
    use indicatif::ProgressBar;
    use kmax::hub::{Event, File, Hub, HubRepo};
    use std::path::PathBuf;

    const BAR: &str = "{msg} {bar:24} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";

    /// The folder of a repository, fetched if need be.
    pub fn folder(repo: &HubRepo) -> Outcome<PathBuf> {
        let hub = Hub::from_env()?;
        let files = kmax::MODEL_FILES.map(|(name, required)| File { name, required });
        let mut bar = ProgressBar::hidden();
        hub.folder(repo, &files, &mut |event| match event {
            Event::Started { file, size, from } => bar = start(file, size, from),
            Event::Received(bytes) => bar.inc(bytes),
            Event::Finished => bar.finish_and_clear(),
            Event::Retrying { error, pause } => {
                bar.suspend(|| {
                    output::remark(&format!("warning: {error}; once more in {} s", pause.as_secs()));
                });
            }
            Event::Waiting { file } => {
                output::remark(&format!("waiting for another program that fetches {file}"));
            }
            Event::Stale { error } => {
                output::remark(&format!("warning: {error}; using what the cache has"));
            }
            _ => {}
        })
        .or_fail_loading()
    }

    fn start(file: &str, size: Option<u64>, from: u64) -> ProgressBar {
        let bar = output::bar(size, BAR).with_position(from);
        bar.set_message(file.to_string());
        bar.reset_eta();
        bar
    }
}

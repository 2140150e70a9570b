//! Opening the model that `--model` names.

use crate::exit::{Code, OrExit, Outcome};
use kmax::Model;

/// Opens a built-in model, a model folder, or a repository of the Hub, with a progress bar while that is fetched.
pub fn open(name: &str) -> Outcome<Model> {
    #[cfg(feature = "hub")]
    let model = match name.starts_with("hf://") {
        true => Model::open(&hub::folder(&name.parse().or_exit(Code::Model)?)?),
        false => Model::named(name),
    };
    #[cfg(not(feature = "hub"))]
    let model = Model::named(name);
    let model = model.or_exit(Code::Model)?;
    for field in model.warnings() {
        eprintln!("warning: {name}: `{field}` of the configuration means nothing here");
    }
    Ok(model)
}

#[cfg(feature = "hub")]
mod hub {
    use crate::exit::{Code, OrExit, Outcome};
    use indicatif::{ProgressBar, ProgressStyle};
    use kmax::HubRepo;
    use kmax::hub::{Event, Hub};
    use std::path::PathBuf;

    /// The folder of a repository, fetched if need be.
    pub fn folder(repo: &HubRepo) -> Outcome<PathBuf> {
        let hub = Hub::from_env().or_exit(Code::Usage)?;
        let mut bar = ProgressBar::hidden();
        hub.folder(repo, &mut |event| match event {
            Event::Started { file, size, from } => bar = start(file, size, from),
            Event::Received(bytes) => bar.inc(bytes),
            Event::Finished => bar.finish_and_clear(),
            Event::Retrying { error, pause } => {
                bar.suspend(|| eprintln!("warning: {error}; once more in {} s", pause.as_secs()));
            }
            Event::Waiting { file } => eprintln!("waiting for another program that fetches {file}"),
            Event::Stale { error } => eprintln!("warning: {error}; using what the cache has"),
            _ => {}
        })
        .or_exit(Code::Model)
    }

    fn start(file: &str, size: Option<u64>, from: u64) -> ProgressBar {
        let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new).with_position(from);
        let template = "{msg} {bar:24} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(file.to_string());
        bar.reset_eta();
        bar
    }
}

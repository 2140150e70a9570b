//! Training: a run is planned as `kmax train` plans it, and tells Python how it goes.

mod asked;
mod told;

use crate::failure::{Failure, Outcome};
use crate::segmenter::fetched;
use crate::work::{Watch, work};
use asked::Asked;
use kmax::train::{TrainConfig, Trainer, set_aside};
use kmax_base::ErrorKind;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};
use told::Told;

/// Begins a run, or goes on with it; gives the folder of the trained model. `settings` are JSON: [`Asked`].
#[pyfunction]
pub fn train(py: Python<'_>, settings: &str, tell: Option<Py<PyAny>>) -> PyResult<PathBuf> {
    let asked: Asked =
        serde_json::from_str(settings).map_err(|error| Failure::argument(format!("train: {error}")))?;
    work(py, tell, |watch| run(asked, watch))
}

fn run(asked: Asked, watch: &Watch) -> Outcome<PathBuf> {
    let fresh = asked.fresh;
    let mut trainer = trainer(asked, watch)?;
    let mut resumed = None;
    if !fresh {
        resumed = trainer.resume()?;
    } else if let Some(aside) = set_aside(trainer.config())? {
        watch.log("info", format!("the earlier run is in {}", aside.display()));
    }
    if trainer.config().keep()? {
        watch.log("info", format!("configuration: {}", trainer.config().kept().display()));
    }
    trainer.notes().iter().for_each(|note| watch.log("info", note));
    if let Some(file) = resumed {
        watch.log("info", format!("resuming from {} after {} steps", file.display(), trainer.steps_done()));
    }
    let steps = trainer.config().schedule.steps;
    let finished = trainer.run(&mut Told { watch, steps })?;
    finished.ok_or_else(|| Failure::new(ErrorKind::Cancelled, "stopped; the same call goes on"))
}

/// The run, with what it starts from fetched.
fn trainer(asked: Asked, watch: &Watch) -> Outcome<Trainer> {
    if let Some(file) = &asked.config {
        let config = TrainConfig::read(file)?;
        fetch(&config, watch)?;
        return Ok(Trainer::new(config)?);
    }
    ensure(asked.model(), watch)?;
    let fresh = asked.fresh;
    let planned = asked.plan()?.make()?;
    planned.notes.iter().for_each(|note| watch.log("info", note));
    if !fresh && planned.config.is_another_run()? {
        let file = planned.config.kept();
        return Err(Failure::argument(format!(
            "{}: this run was begun with other settings: config= that file goes on with it, fresh=True begins anew",
            file.display()
        )));
    }
    fetch(&planned.config, watch)?;
    Ok(planned.trainer()?)
}

fn fetch(config: &TrainConfig, watch: &Watch) -> Outcome {
    let encoder = config.model.backbone_weights.as_deref().and_then(Path::to_str);
    let mut names = config.model.weights.as_deref().into_iter().chain(encoder);
    names.try_for_each(|name| ensure(name, watch))
}

/// A model or an encoder that may have to be fetched is fetched.
fn ensure(name: &str, watch: &Watch) -> Outcome {
    let is_encoder = !Path::new(name).exists() && kmax::Encoder::named(name).is_some();
    if is_encoder || kmax::is_remote(name) {
        fetched(name, watch)?;
    }
    Ok(())
}

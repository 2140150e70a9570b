//! `kmax train`: plans a run and goes through it with a progress bar.

mod arguments;
mod team;

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::model;
use crate::output::{bar, print, remark, set_verbosity, tell};
pub use arguments::Arguments;
use indicatif::ProgressBar;
use kmax::Progress;
use kmax::candle_core::Device;
use kmax::nn::Ranks;
use kmax::train::{
    Evaluation, Observer, Planned, StepReport, TrainConfig, Trainer, set_aside, training_device,
};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use team::Team;

/// Runs the command, which the report shows as it was given.
pub fn run(arguments: &Arguments, command: String) -> Outcome {
    let team = Team::join()?;
    let outcome = train(arguments, command, team.ranks(), &team.stop);
    team.end(outcome)
}

/// As one of the ranks, of which the first speaks and writes.
fn train(arguments: &Arguments, command: String, ranks: Ranks, stop: &Arc<AtomicBool>) -> Outcome {
    let (first, several) = (ranks.is_first(), ranks.size() > 1);
    if !first {
        set_verbosity(true, false);
        // The first fetches what is not there yet.
        ranks.any(false).or_exit(Code::Failed)?;
    }
    let device = crate::device::tell(arguments.device, training_device(arguments.device)?);
    let run = Run::of(arguments)?;
    let config = run.config().clone();
    let planned = matches!(run, Run::Planned(_));
    if !arguments.print_config {
        fetch(&config, planned.then(|| arguments.model()))?;
    }
    if first {
        ranks.any(false).or_exit(Code::Failed)?;
    }
    if arguments.print_config {
        return if first { print(config.commented(config.heading()).trim_end()) } else { Ok(()) };
    }
    let asked = stop.clone();
    let told = move || {
        // Launchers tell all when one of them has ended.
        if several && first && !asked.swap(true, Ordering::Relaxed) {
            tell(
                "told to stop: if all processes are still there, a checkpoint is written; the same command goes on from the newest",
            );
        }
        asked.store(true, Ordering::Relaxed);
    };
    let _watch = crate::stop::told(told);
    let file = config.kept();
    if planned && !arguments.fresh && config.is_another_run()? {
        let file = file.display();
        let ways = format!("`kmax train --config {file}` goes on with it, --fresh begins anew");
        return Err(Failure::new(
            Code::Usage,
            format!("{file}: this run was begun with other settings: {ways}"),
        ));
    }

    // Before anything is moved: what cannot begin leaves the earlier run where it is.
    let mut trainer = run.trainer(device)?.with_ranks(ranks)?.with_command(command);
    let resumed = if arguments.fresh {
        if first && let Some(aside) = set_aside(trainer.config())? {
            remark(&format!("the earlier run is in {}", aside.display()));
        }
        None
    } else {
        trainer.resume()?
    };
    if first && planned && trainer.config().keep()? {
        remark(&format!("configuration: {}", file.display()));
    }
    trainer.notes().iter().for_each(|note| remark(note));
    if let Some(file) = resumed {
        remark(&format!("resuming from {} after {} steps", file.display(), trainer.steps_done()));
    }
    let mut display = Display::new(trainer.steps_done(), trainer.config().schedule.steps, stop.clone());
    let finished = trainer.run(&mut display)?;
    display.bar.finish_and_clear();
    let Some(folder) = finished else {
        let message = format!("stopped after {} steps; the same command goes on", trainer.steps_done());
        return Err(Failure::new(Code::Partial, message));
    };
    remark(&format!("report: {}", trainer.config().output.join("report.html").display()));
    remark(&format!("trained model: {}", folder.display()));
    Ok(())
}

/// What is to be trained.
enum Run {
    /// By a file.
    Written(Box<TrainConfig>),
    /// By the rules.
    Planned(Box<Planned>),
}

impl Run {
    fn of(arguments: &Arguments) -> Outcome<Self> {
        if let Some(file) = &arguments.config {
            return Ok(Self::Written(TrainConfig::read(file)?.into()));
        }
        let Some(plan) = arguments.plan()? else {
            return Err(Failure::new(Code::Usage, "expected DATA, or --config FILE"));
        };
        model::ensure(arguments.model())?;
        let planned = plan.make()?;
        planned.notes.iter().for_each(|note| remark(note));
        Ok(Self::Planned(planned.into()))
    }

    fn config(&self) -> &TrainConfig {
        match self {
            Self::Written(config) => config,
            Self::Planned(planned) => &planned.config,
        }
    }

    fn trainer(self, device: Device) -> kmax::train::Result<Trainer> {
        match self {
            Self::Written(config) => Trainer::on(*config, device),
            Self::Planned(planned) => planned.trainer_on(device),
        }
    }
}

/// Fetches what the run starts from, where the cache lacks it: the trainer finds it there. `there` was fetched for the plan.
fn fetch(config: &TrainConfig, there: Option<&str>) -> Outcome {
    let encoder = config.model.backbone_weights.as_deref().and_then(Path::to_str);
    let names = config.model.weights.as_deref().into_iter().chain(encoder);
    names.filter(|name| Some(*name) != there).try_for_each(model::ensure)
}

/// The bar, with losses smoothed over the last steps.
struct Display {
    bar: ProgressBar,
    recent: VecDeque<(Instant, StepReport)>,
    stop: Arc<AtomicBool>,
}

/// Steps that the shown losses and the speed average over.
const WINDOW: usize = 20;

impl Display {
    fn new(done: usize, steps: usize, stop: Arc<AtomicBool>) -> Self {
        let template = "{bar:24} {pos}/{len} steps, {eta} left  {msg}";
        let bar = bar(Some(steps as u64), template).with_position(done as u64);
        bar.reset_eta();
        Self { bar, recent: VecDeque::new(), stop }
    }

    fn line(&self, text: &str) {
        // `println` of a bar is silent where the terminal is no terminal.
        self.bar.suspend(|| remark(text));
    }

    fn summary(&self) -> String {
        let count = self.recent.len().max(1) as f64;
        let mean =
            |of: &dyn Fn(&StepReport) -> f64| self.recent.iter().map(|(_, r)| of(r)).sum::<f64>() / count;
        let mut text = format!("loss {:.3}", mean(&|r| r.loss));
        let names =
            self.recent.back().map(|(_, r)| r.terms.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>());
        for name in names.unwrap_or_default() {
            let value = mean(&|r| r.terms.iter().find(|(n, _)| *n == name).map_or(0.0, |(_, v)| *v));
            text += &format!(" {name} {value:.3}");
        }
        if let (Some((first, _)), Some((last, _))) = (self.recent.front(), self.recent.back()) {
            let seconds = last.duration_since(*first).as_secs_f64();
            let images: usize = self.recent.iter().skip(1).map(|(_, r)| r.images).sum();
            if seconds > 0.0 {
                text += &format!("  {:.1} images/s", images as f64 / seconds);
            }
        }
        text
    }
}

impl Progress for Display {
    fn advance(&self, done: usize, total: usize) {
        self.bar.set_message(format!("evaluating {done}/{total}"));
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Observer for Display {
    fn step(&mut self, report: &StepReport) {
        self.recent.push_back((Instant::now(), report.clone()));
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        self.bar.set_position(report.step as u64);
        let summary = self.summary();
        if self.bar.is_hidden() && report.step.is_multiple_of(WINDOW) {
            remark(&format!("step {} {summary}", report.step));
        }
        self.bar.set_message(summary);
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        let all = &evaluation.panoptic.all;
        let percent = |share: Option<f64>| 100.0 * share.unwrap_or_default();
        self.line(&format!(
            "step {}: PQ {:.1} SQ {:.1} RQ {:.1} mIoU {:.1}",
            evaluation.step,
            percent(all.pq),
            percent(all.sq),
            percent(all.rq),
            percent(evaluation.miou)
        ));
    }

    fn warned(&mut self, warning: &str) {
        self.line(&format!("warning: {warning}"));
    }

    fn saved(&mut self, file: &Path) {
        self.line(&format!("saved {}", file.display()));
    }

    fn progress(&self) -> &dyn Progress {
        self
    }

    fn stop(&self) -> Option<Arc<AtomicBool>> {
        Some(self.stop.clone())
    }
}

//! The program under attack: changed files of every kind, what is no file in a file's place, runs that are killed, raced, stopped and
//! starved, hostile servers. `SECURITY.md` says what is promised.
//!
//! As a test it is a small campaign. `cargo xtask attack [--seed N] [--inputs N] [--only KIND]` is the whole one; equal seeds make equal inputs.

#[path = "../../../kmax-pull/tests/pull/checkpoint.rs"]
mod checkpoint;
#[path = "../../../kmax-train/src/tests/fixture.rs"]
mod fixture;
#[path = "../../../../fuzz/src/lib.rs"]
mod readers;
#[path = "../../../kmax-hub/tests/hub/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;

mod broken_runs;
mod hostile;
mod inputs;
mod jobs;
mod mutate;
mod program;
mod random;
mod report;
mod seeds;
mod special;

use hostile::Patience;
use jobs::Job;
use random::Random;
use report::Report;
use server::Server;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// The parts of a campaign, in their order.
const PARTS: [&str; 9] =
    ["readers", "inputs", "special", "shrinking", "kills", "stops", "races", "disk", "servers"];

/// How much is done.
struct Campaign {
    seed: u64,
    inputs: usize,
    /// Changed inputs of each reader, in this process.
    readers: usize,
    kills: usize,
    races: usize,
    shrinking: usize,
    /// One sort of special file for each input.
    few: bool,
    patience: Patience,
    only: Option<String>,
}

impl Campaign {
    /// The small one, which is a test.
    const SMALL: Self = Self {
        seed: 1,
        inputs: 400,
        readers: 100,
        kills: 5,
        races: 1,
        shrinking: 3,
        few: true,
        patience: Patience::Seconds,
        only: None,
    };

    /// The whole one.
    fn whole() -> Self {
        Self {
            inputs: 5_000,
            readers: 1_000,
            kills: 50,
            races: 1,
            shrinking: 20,
            few: false,
            patience: Patience::Minutes,
            ..Self::SMALL
        }
    }

    /// `None` if it is not meant: a filter of tests, or a list of them.
    fn of_arguments() -> Option<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let value = |name: &str| Some(words.get(words.iter().position(|word| word == name)? + 1)?.clone());
        if !words.iter().any(|word| word == "--whole") {
            let filters = words.iter().filter(|word| !word.starts_with('-'));
            let meant =
                filters.clone().count() == 0 || filters.clone().any(|word| "attack".contains(word.as_str()));
            return (meant && !words.iter().any(|word| word == "--list")).then_some(Self::SMALL);
        }
        let number = |name: &str| value(name).and_then(|text| text.parse().ok());
        let whole = Self::whole();
        Some(Self {
            seed: number("--seed").unwrap_or(whole.seed),
            inputs: number("--inputs").map_or(whole.inputs, |inputs| inputs as usize),
            only: value("--only"),
            ..whole
        })
    }
}

fn main() -> ExitCode {
    let Some(campaign) = Campaign::of_arguments() else { return ExitCode::SUCCESS };
    if !cfg!(unix) {
        println!("attack: pipes, signals and limits of a shell are needed");
        return ExitCode::SUCCESS;
    }
    let report = Report::default();
    let begun = Instant::now();
    attack(&campaign, &report);
    let right = report.print();
    println!("seed {}, {:.0} s", campaign.seed, begun.elapsed().as_secs_f64());
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn attack(campaign: &Campaign, report: &Report) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let seeds = folder.path();
    let kinds = seeds::make(seeds);
    let chosen: Vec<_> = match &campaign.only {
        Some(only) => kinds.iter().filter(|kind| kind.name == only).cloned().collect(),
        None => kinds.clone(),
    };
    let on = |part: &str| {
        let is_chosen = part == "inputs" && !chosen.is_empty();
        campaign.only.as_deref().is_none_or(|only| only == part) || is_chosen
    };
    if campaign.only.is_some() && !PARTS.iter().any(|part| on(part)) {
        let mut names: Vec<_> = kinds.iter().map(|kind| kind.name).chain(PARTS).collect();
        names.sort_unstable();
        names.dedup();
        return report.fault("arguments", format!("--only takes one of {}", names.join(", ")));
    }
    let keep = Path::new(env!("CARGO_TARGET_TMPDIR")).join("attack");
    std::fs::create_dir_all(&keep).expect("a folder");
    std::thread::scope(|scope| {
        // They wait, and need no processor.
        if on("servers") {
            scope.spawn(|| hostile::servers(campaign.patience, report));
        }
        if on("readers") {
            attack_readers(seeds, campaign, report);
        }
        if on("inputs") {
            let kinds = if chosen.is_empty() { &kinds } else { &chosen };
            inputs::unchanged(seeds, kinds, report);
            inputs::attack(seeds, kinds, campaign.seed, campaign.inputs, &keep, report);
        }
        if on("special") {
            special::inputs(seeds, &kinds, campaign.few, report);
            special::results(seeds, report);
            special::streams(seeds, report);
            special::memory(seeds, report);
        }
        if on("shrinking") {
            special::shrinking(seeds, &kinds, campaign.shrinking, report);
        }
        if ["kills", "stops", "races", "disk"].iter().any(|part| on(part)) {
            break_runs(seeds, campaign, &on, report);
        }
    });
}

fn break_runs(seeds: &Path, campaign: &Campaign, on: &dyn Fn(&str) -> bool, report: &Report) {
    let model = seeds.join("model");
    let names = ["config.json", "preprocessor_config.json", "model.safetensors"];
    let files = names.map(|name| (name, std::fs::read(model.join(name)).expect("a model")));
    let server =
        Server::start(&files.each_ref().map(|(name, bytes)| (*name, &bytes[..]))).expect("a local port");
    let jobs = Job::all(seeds, &server);
    if on("kills") {
        broken_runs::kills(seeds, &jobs, campaign.kills, campaign.seed, report);
    }
    if on("stops") {
        broken_runs::stops(seeds, &jobs, campaign.seed, report);
    }
    if on("races") {
        broken_runs::races(seeds, &jobs, campaign.races, report);
    }
    if on("disk") {
        let sizes: &[usize] = if campaign.few { &[2] } else { &[0, 2, 64] };
        broken_runs::full_disks(seeds, &jobs, sizes, report);
    }
}

/// The readers that have fuzz targets, in this process: many more inputs than the program can be started for. One that panics ends the
/// campaign with its message.
fn attack_readers(seeds: &Path, campaign: &Campaign, report: &Report) {
    let begun = Instant::now();
    let (mut slowest, mut total) = ((0.0, String::new()), 0);
    for (number, (name, read, examples)) in readers::all(seeds).into_iter().enumerate() {
        total += campaign.readers;
        for input in 0..campaign.readers {
            let mut random = Random::new(campaign.seed, (number as u64) << 32 | input as u64);
            let bytes = mutate::mutate(random.pick(&examples).as_slice(), &examples, &mut random);
            let one = Instant::now();
            if std::panic::catch_unwind(|| read(&bytes)).is_err() {
                report.fault("readers", format!("{name} panics at input {input}"));
            }
            let seconds = one.elapsed().as_secs_f64();
            if seconds > slowest.0 {
                slowest = (seconds, format!("{name}, input {input}"));
            }
        }
    }
    let (seconds, which) = slowest;
    report.remark(format!(
        "readers: {} inputs in this process in {:.0} s, the slowest {seconds:.2} s ({which})",
        total,
        begun.elapsed().as_secs_f64()
    ));
    if seconds > program::LONGEST.as_secs_f64() {
        report.fault("readers", format!("{which} took {seconds:.1} s"));
    }
}

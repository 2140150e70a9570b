//! Holds a device against the processor: operations, whole networks, a training step, post-processing; then measures. A part of all that
//! a run: `check.py` runs one after the other.
//!
//! Arguments: the part (`operations`, `masks`, `networks`, `training`, `times`, `steps`, `photos`), the device (`cuda:0`; `cpu` for a dry
//! run, with `KMAX_CPU=emulated` or `candle`), `full` or `small`, and for the last three the network. A line of JSON for each
//! comparison and each time, as they come.
//!
//! What is right is what the processor's kernels give in float64 for the same numbers: the device's are float32 or less.

mod masks;
mod networks;
mod operations;
mod photos;
mod report;
mod times;
mod training;

use kmax_nn::candle_core::Device;
use kmax_nn::device::{self, DeviceChoice};
use report::Report;
use std::process::ExitCode;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Where, and how much.
struct Run {
    device: Device,
    /// Sizes at which a dry run takes seconds.
    small: bool,
}

impl Run {
    /// A size by whether this is a dry run.
    fn size(&self, full: usize, small: usize) -> usize {
        if self.small { small } else { full }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut report = Report::default();
    match run(&arguments, &mut report) {
        Ok(()) if report.failed == 0 => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String], report: &mut Report) -> Outcome {
    let [part, place, size, rest @ ..] = arguments else {
        return Err("usage: kmax-device-check PART DEVICE full|small [NETWORK]".into());
    };
    let small = match size.as_str() {
        "full" => false,
        "small" => true,
        _ => return Err(format!("expected full or small, not {size:?}").into()),
    };
    let choice: DeviceChoice = place.parse()?;
    let run = Run { device: device::open(choice)?.device, small };
    match (part.as_str(), rest) {
        ("operations", []) => operations::check(&run, report),
        ("masks", []) => masks::check(&run, report),
        ("networks", []) => networks::check(&run, report),
        ("training", []) => training::check(&run, report),
        ("times", [network]) => times::forward(&run, network, report),
        ("steps", [network]) => times::steps(&run, network, report),
        ("photos", [network]) => photos::check(&run, network, report),
        _ => Err(format!("no part {part:?} of {} arguments", rest.len()).into()),
    }
}

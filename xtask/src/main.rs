//! Automates the repository: `cargo xtask TASK`.

mod attack;
mod bench_report;
mod cargo;
mod check_cuda;
mod convert;
mod device_check;
mod layering;
mod limits;
mod modules;
mod one_build;
mod opening;
mod proof;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Automates the repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Converts a checkpoint into a model folder: `kmax convert` with the same arguments
    #[command(disable_help_flag = true)]
    ConvertWeights {
        /// Arguments of `kmax convert`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Converts genuine checkpoints of every manifest and compares the models with the goldens (docs/CONVERSION.md)
    ProveConversion(proof::Arguments),
    /// Attacks the program: changed and special files, kills, races, full disks, hostile servers (SECURITY.md)
    Attack(attack::Arguments),
    /// Checks that the crates depend on each other only downwards, and which of them build without Candle
    Layering,
    /// Type-checks the program for NVIDIA's GPUs without CUDA (docs/DEVICES.md)
    CheckCuda {
        /// Features of the program
        #[arg(long, default_value = "cuda")]
        features: String,
    },
    /// Makes a folder that holds a GPU against the processor and measures it, on a machine without Rust (docs/DEVICES.md)
    DeviceCheck(device_check::Arguments),
    /// Checks the table of limits in SECURITY.md against the constants
    Limits,
    /// Checks that one build serves the program, the tests and the benches
    OneBuild,
    /// Measures operations and whole models, and writes docs/PERFORMANCE.md
    BenchReport {
        /// Also write the models' rows here, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<std::path::PathBuf>,
    },
}

fn main() -> ExitCode {
    let told = |message: String| {
        println!("{message}");
        ExitCode::SUCCESS
    };
    let outcome = match Arguments::parse().task {
        Task::ConvertWeights { arguments } => convert::convert(&arguments),
        Task::ProveConversion(arguments) => proof::prove(&arguments).map(told),
        Task::Attack(arguments) => attack::attack(&arguments),
        Task::CheckCuda { features } => check_cuda::check(&features).map(told),
        Task::DeviceCheck(arguments) => device_check::make(&arguments).map(told),
        Task::Limits => limits::check(std::path::Path::new(".")).map(told),
        Task::Layering => layering::check().map(told),
        Task::OneBuild => one_build::check().map(told),
        Task::BenchReport { json } => bench_report::run(json.as_deref()).map(told),
    };
    match outcome {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

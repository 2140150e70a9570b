//! Automates the repository: `cargo xtask TASK`.

mod layering;

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
    /// Checks that the crates depend on each other only downwards, and which of them build without Candle
    Layering,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Layering => layering::check(),
    };
    match outcome {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

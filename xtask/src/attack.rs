//! `cargo xtask attack`: the whole campaign of the test `attack`.

use crate::cargo::cargo;
use std::process::ExitCode;

/// How it is done.
#[derive(clap::Args)]
pub struct Arguments {
    /// Equal seeds make equal inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Changed files that are given to the program
    #[arg(long, default_value_t = 5_000)]
    inputs: usize,
    /// One part of the campaign, or one kind of input
    #[arg(long, value_name = "KIND")]
    only: Option<String>,
}

/// Builds the program and the test as part of the workspace, and runs it. Fails with it.
pub fn attack(arguments: &Arguments) -> Result<ExitCode, String> {
    let (seed, inputs) = (arguments.seed.to_string(), arguments.inputs.to_string());
    let mut command = cargo();
    command.args(["test", "--release", "--quiet", "--workspace", "--locked", "--test", "attack", "--"]);
    command.args(["--whole", "--seed", &seed, "--inputs", &inputs]);
    if let Some(only) = &arguments.only {
        command.args(["--only", only]);
    }
    let status = command.status().map_err(|e| format!("cargo test: {e}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

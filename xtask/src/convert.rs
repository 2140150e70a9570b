//! `cargo xtask convert-weights`: the program's own `convert`.

use std::process::Command;

/// Builds the program and hands the arguments to it.
pub fn convert(arguments: &[String]) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let program = ["run", "--release", "--quiet", "--locked", "--package", "kmax-cli", "--", "convert"];
    let status = Command::new(cargo).args(program).args(arguments).status();
    match status.map_err(|e| format!("cargo run: {e}"))? {
        status if status.success() => Ok("converted".into()),
        status => Err(format!("kmax convert: {status}")),
    }
}

//! `cargo xtask convert-weights`: the program's own `convert`.

use crate::cargo::cargo;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Builds the program and hands the arguments to it. Ends with its exit code.
pub fn convert(arguments: &[String]) -> Result<ExitCode, String> {
    let program = program()?;
    let status = Command::new(&program).arg("convert").args(arguments).status();
    let status = status.map_err(|e| format!("{}: {e}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map(ExitCode::from).ok_or_else(|| format!("kmax convert: {status}"))
}

/// Builds the program as part of the workspace, as the tests do: nothing is compiled twice. Gives its path.
pub fn program() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let build =
        ["build", "--release", "--quiet", "--locked", "--workspace", "--bin", "kmax", "--manifest-path"];
    let status = cargo().args(build).arg(root.join("Cargo.toml")).status();
    match status.map_err(|e| format!("cargo build: {e}"))? {
        status if status.success() => {}
        status => return Err(format!("cargo build: {status}")),
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release").join(format!("kmax{}", std::env::consts::EXE_SUFFIX)))
}

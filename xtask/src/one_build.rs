//! One build serves the program, the tests, the benches and the Python package: no package may have other features in one than in the
//! other.
//!
//! A development dependency that turns on one more feature of a package makes cargo compile it, and all that stands on it, a
//! second time. With Candle on top that is minutes.

use crate::cargo::cargo;
use std::collections::BTreeSet;

/// The program, which is what `cargo build` means.
const PROGRAM: [&str; 4] = ["--package", "kmax-cli", "--edges", "normal,build"];
/// What `cargo test --workspace` builds.
const ALL: [&str; 3] = ["--workspace", "--edges", "normal,build,dev"];
/// What maturin builds.
const PYTHON: [&str; 6] = ["--package", "kmax-python", "--features", "extension", "--edges", "normal,build"];

/// Compares; the message says how many packages were compared.
pub fn check() -> Result<String, String> {
    let program = packages(&PROGRAM)?;
    for (purpose, others) in [("tests", packages(&ALL)?), ("Python", packages(&PYTHON)?)] {
        let again = differing(&program, &others, purpose);
        if !again.is_empty() {
            let again = again.join("\n  ");
            return Err(format!("compiled again for {purpose}, for their features differ:\n  {again}"));
        }
    }
    let count = program.len();
    Ok(format!("one build: {count} packages of the program, none compiled again for tests or Python"))
}

/// Every package with its features, `name version features`.
fn packages(which: &[&str]) -> Result<BTreeSet<String>, String> {
    let fixed = ["tree", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p} {f}"];
    let output = cargo().args(fixed).args(which).output().map_err(|e| format!("cargo tree: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string).collect())
}

/// What the program needs and the whole does not have so, with what the whole has instead.
fn differing(program: &BTreeSet<String>, all: &BTreeSet<String>, purpose: &str) -> Vec<String> {
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ") + " ";
    let instead = |line: &String| {
        let package = package(line);
        let others = all.iter().filter(|other| format!("{other} ").starts_with(&package));
        let others: Vec<_> = others.map(|other| format!("`{other}`")).collect();
        format!("`{line}` is {} for {purpose}", others.join(" and "))
    };
    program.difference(all).map(instead).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_features_are_told() {
        let set = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect::<BTreeSet<_>>();
        let program = set(&["a v1.0.0 std", "b v2.0.0"]);
        assert!(differing(&program, &set(&["a v1.0.0 std", "b v2.0.0", "c v1.0.0"]), "tests").is_empty());
        let told = differing(&program, &set(&["a v1.0.0 rng,std", "b v2.0.0"]), "tests");
        assert_eq!(told, ["`a v1.0.0 std` is `a v1.0.0 rng,std` for tests"]);
    }
}

//! The layering rule of `docs/ARCHITECTURE.md`, checked on `cargo metadata`.

use crate::cargo::cargo;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The house from the top floor down: a crate may depend on those below it only.
const FLOORS: [&str; 12] = [
    "kmax-cli",
    "kmax",
    "kmax-losses",
    "kmax-attention",
    "kmax-heads",
    "kmax-pixel-decoder",
    "kmax-backbones",
    "kmax-nn",
    "kmax-checkpoints",
    "kmax-datasets",
    "kmax-metrics",
    "kmax-masks",
];

/// Crates that must build without Candle.
const WITHOUT_CANDLE: [&str; 4] = ["kmax-checkpoints", "kmax-datasets", "kmax-metrics", "kmax-masks"];

/// Crates outside the house: they may use every floor.
const OUTSIDE: [&str; 3] = ["kmax-goldens", "kmax-benches", "xtask"];

/// Checks the workspace; the message says how many crates were read.
pub fn check() -> Result<String, String> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let metadata = serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let faults = faults(&dependencies(&metadata));
    if faults.is_empty() {
        return Ok(format!("layering: {} crates, every arrow points down", FLOORS.len()));
    }
    Err(format!("layering:\n  {}", faults.join("\n  ")))
}

/// The normal and build dependencies of each workspace crate; those of its tests may point anywhere.
fn dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_string();
    let packages = list(&metadata["packages"]);
    packages
        .iter()
        .map(|package| {
            let used = list(&package["dependencies"]);
            (name(package), used.iter().filter(|d| d["kind"] != "dev").map(name).collect())
        })
        .collect()
}

fn faults(crates: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let floor = |name: &str| FLOORS.iter().position(|f| *f == name);
    let mut faults = Vec::new();
    for (name, used) in crates {
        let Some(own) = floor(name) else {
            if !OUTSIDE.contains(&name.as_str()) {
                faults.push(format!("{name} has no floor: add it to the list"));
            }
            continue;
        };
        for other in used {
            if floor(other).is_some_and(|theirs| theirs <= own) {
                faults.push(format!("{name} must not depend on {other}, which is above it"));
            }
            if OUTSIDE.contains(&other.as_str()) {
                faults.push(format!("{name} must not depend on {other}, which is outside the house"));
            }
            if other.starts_with("candle") && WITHOUT_CANDLE.contains(&name.as_str()) {
                faults.push(format!("{name} must build without {other}"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(rows: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let set = |used: &[&str]| used.iter().map(|u| u.to_string()).collect();
        rows.iter().map(|(name, used)| (name.to_string(), set(used))).collect()
    }

    #[test]
    fn arrows_down_are_fine() {
        assert!(
            faults(&house(&[("kmax", &["kmax-nn", "candle-core"]), ("kmax-masks", &["serde"])])).is_empty()
        );
    }

    #[test]
    fn arrows_up_candle_below_and_strangers_are_faults() {
        let rows: &[(&str, &[&str])] = &[
            ("kmax-nn", &["kmax-heads"]),
            ("kmax-masks", &["candle-core"]),
            ("kmax-new", &[]),
            ("kmax", &["kmax-goldens"]),
        ];
        assert_eq!(faults(&house(rows)).len(), 4);
    }
}

//! The layering rules of `docs/ARCHITECTURE.md`, checked on `cargo metadata` and on the sources.

use crate::cargo::cargo;
use crate::{modules, opening};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The layers from the top down: a crate may depend on those of the layers below its own, and within its layer on those
/// that stand before it.
const LAYERS: [&[&str]; 9] = [
    &["kmax-cli", "kmax-python"],
    &["kmax"],
    &[
        "kmax-render",
        "kmax-report",
        "kmax-page",
        "kmax-results",
        "kmax-server",
        "kmax-convert",
        "kmax-onnx",
        "kmax-pull",
        "kmax-evaluate",
        "kmax-train",
    ],
    &["kmax-builtin", "kmax-hub", "kmax-model"],
    &["kmax-losses"],
    &["kmax-heads", "kmax-attention", "kmax-pixel-decoder", "kmax-backbones"],
    &["kmax-kernels", "kmax-nn"],
    &["kmax-metrics", "kmax-transforms", "kmax-tiles", "kmax-datasets", "kmax-checkpoints"],
    &["kmax-base", "kmax-masks", "kmax-store"],
];

/// Crates that must build without Candle.
const WITHOUT_CANDLE: [&str; 13] = [
    "kmax-base",
    "kmax-masks",
    "kmax-store",
    "kmax-metrics",
    "kmax-transforms",
    "kmax-tiles",
    "kmax-datasets",
    "kmax-checkpoints",
    "kmax-hub",
    "kmax-builtin",
    "kmax-render",
    "kmax-report",
    "kmax-page",
];

/// Crates that must not know kMaX: people use them for other things.
const WITHOUT_KMAX: [&str; 2] = ["kmax-checkpoints", "kmax-hub"];

/// Crates outside the layers: they may use every one.
const OUTSIDE: [&str; 3] = ["kmax-goldens", "kmax-benches", "xtask"];

/// Largest share of the workspace's lines of Rust that one crate may hold.
const LARGEST_SHARE: f64 = 0.2;

/// Dependencies that a user who only wants inference does not compile. (`zip` would stand here too, but Candle itself reads
/// zip archives and brings it.)
const NOT_FOR_INFERENCE: [&str; 9] = [
    "kmax-checkpoints",
    "tar",
    "snap",
    "ureq",
    "clap",
    "indicatif",
    "kmax-train",
    "kmax-datasets",
    "kmax-metrics",
];

/// A crate of the workspace.
struct Package {
    folder: PathBuf,
    uses: BTreeSet<String>,
}

/// Checks the workspace; the message says what was read.
pub fn check() -> Result<String, String> {
    let metadata = run(&["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let metadata = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = packages(&metadata);
    let uses: BTreeMap<_, _> = packages.iter().map(|(name, p)| (name.clone(), p.uses.clone())).collect();
    let mut faults = faults(&uses);
    let mut lines = Vec::new();
    for (name, package) in &packages {
        let read = |part: &str| {
            let folder = package.folder.join(part);
            let found = if folder.is_dir() { modules::sources(&folder) } else { Ok(Default::default()) };
            found.map_err(|e| format!("{name}: {e}"))
        };
        let sources = read("src")?;
        let texts = sources.values().cloned().chain(read("tests")?.into_values());
        lines.push((texts.map(|text| text.lines().count()).sum::<usize>(), name.clone()));
        if layer(name).is_some() {
            faults.extend(modules::faults(&sources).into_iter().map(|fault| format!("{name}: {fault}")));
            faults.extend(opening::faults(name, &sources));
        }
    }
    lines.sort_unstable();
    let all: usize = lines.iter().map(|(count, _)| count).sum();
    let (count, name) = lines.last().cloned().unwrap_or_default();
    let share = count as f64 / all.max(1) as f64;
    if share > LARGEST_SHARE {
        faults.push(format!("{name} holds {:.0} % of the lines, more than {LARGEST_SHARE}", 100.0 * share));
    }
    let tree = run(&[
        "tree",
        "-e",
        "normal",
        "-p",
        "kmax",
        "--no-default-features",
        "--prefix",
        "none",
        "--locked",
    ])?;
    let inference: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    for name in NOT_FOR_INFERENCE.iter().filter(|name| inference.contains(**name)) {
        faults.push(format!("kmax without features compiles {name}"));
    }
    if faults.is_empty() {
        let (crates, share) = (lines.len(), 100.0 * share);
        return Ok(format!(
            "layering: {crates} crates in {} layers, every arrow points down, no circle of modules; the largest, {name}, \
             holds {share:.0} % of {all} lines",
            LAYERS.len()
        ));
    }
    Err(format!("layering:\n  {}", faults.join("\n  ")))
}

fn run(arguments: &[&str]) -> Result<String, String> {
    let what = format!("cargo {}", arguments[0]);
    let output = cargo().args(arguments).output().map_err(|e| format!("{what}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Each crate with its normal and build dependencies; those of its tests may point anywhere.
fn packages(metadata: &Value) -> BTreeMap<String, Package> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_string();
    let package = |package: &Value| {
        let used = list(&package["dependencies"]);
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let folder = manifest.parent().unwrap_or(Path::new("")).to_path_buf();
        (
            name(package),
            Package { folder, uses: used.iter().filter(|d| d["kind"] != "dev").map(name).collect() },
        )
    };
    list(&metadata["packages"]).iter().map(package).collect()
}

/// The layer of a crate and its place there.
fn layer(name: &str) -> Option<(usize, usize)> {
    let place = |layer: &[&str]| layer.iter().position(|other| *other == name);
    LAYERS.iter().enumerate().find_map(|(index, layer)| Some((index, place(layer)?)))
}

fn faults(crates: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, used) in crates {
        let Some((own, place)) = layer(name) else {
            if !OUTSIDE.contains(&name.as_str()) {
                faults.push(format!("{name} has no layer: add it to the list"));
            }
            continue;
        };
        for other in used {
            if let Some((theirs, before)) = layer(other)
                && (theirs < own || theirs == own && before >= place)
            {
                faults.push(format!("{name} must not depend on {other}, which is not below it"));
            }
            if OUTSIDE.contains(&other.as_str()) {
                faults.push(format!("{name} must not depend on {other}, which is outside the layers"));
            }
            if other.starts_with("candle") && WITHOUT_CANDLE.contains(&name.as_str()) {
                faults.push(format!("{name} must build without {other}"));
            }
            if other.starts_with("kmax") && other != "kmax-base" && WITHOUT_KMAX.contains(&name.as_str()) {
                faults.push(format!("{name} must be of use without {other}"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(rows: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let set = |used: &[&str]| used.iter().map(|u| u.to_string()).collect();
        rows.iter().map(|(name, used)| (name.to_string(), set(used))).collect()
    }

    #[test]
    fn arrows_down_are_fine() {
        let rows: &[(&str, &[&str])] = &[
            ("kmax", &["kmax-model", "kmax-nn"]),
            ("kmax-nn", &["kmax-kernels", "candle-core"]),
            ("kmax-masks", &["kmax-base", "serde"]),
            ("kmax-train", &["kmax-evaluate"]),
        ];
        assert_eq!(faults(&workspace(rows)), [] as [String; 0]);
    }

    #[test]
    fn arrows_up_candle_below_and_strangers_are_faults() {
        let rows: &[(&str, &[&str])] = &[
            ("kmax-nn", &["kmax-heads"]),
            ("kmax-kernels", &["kmax-nn"]),
            ("kmax-masks", &["candle-core"]),
            ("kmax-checkpoints", &["kmax-masks"]),
            ("kmax-new", &[]),
            ("kmax", &["kmax-goldens"]),
        ];
        assert_eq!(faults(&workspace(rows)).len(), 6);
    }
}

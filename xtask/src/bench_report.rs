//! `cargo xtask bench-report`: measures operations and whole models, and writes `docs/PERFORMANCE.md`.

use crate::cargo::cargo;
use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Models, sides and runs.
const MODELS: &[(&str, usize, usize)] = &[
    ("resnet50", 641, 9),
    ("convnext_tiny", 641, 9),
    ("max_s", 641, 7),
    ("small", 385, 15),
    ("small", 641, 9),
    ("resnet50", 1281, 7),
    ("convnext_large", 1281, 3),
];

/// Those whose operations are listed.
const PROFILES: &[(&str, usize, usize, &str)] = &[
    ("resnet50", 641, 5, "f32"),
    ("resnet50", 641, 5, "bf16"),
    ("resnet50", 641, 5, "int8"),
    ("convnext_tiny", 641, 5, "f32"),
    ("convnext_tiny", 641, 5, "bf16"),
    ("convnext_tiny", 641, 5, "int8"),
    ("max_s", 641, 5, "f32"),
    ("small", 385, 20, "f32"),
];

/// Measures, writes the page and, if asked, the models' rows as JSON.
pub fn run(json: Option<&Path>) -> Result<String, String> {
    build()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows = Vec::new();
    for (name, side, runs) in MODELS {
        let counts = if threads > 1 { vec![("f32", 1), ("f32", threads)] } else { vec![("f32", 1)] };
        for (precision, count) in counts.into_iter().chain([("bf16", threads), ("int8", threads)]) {
            // What all threads need is the measure; one thread shows what the others add.
            let runs = if count < threads { runs.div_ceil(3) } else { *runs };
            let text = example("model", &[name, &side.to_string(), &runs.to_string(), precision], count)?;
            eprint!("{text}");
            rows.push(parse(&text)?);
        }
    }
    share_peaks(&mut rows);
    let mut page = models(&rows, threads);
    for (name, side, runs, precision) in PROFILES {
        let arguments = [name, &*side.to_string(), &*runs.to_string(), precision, "json"];
        let text = example("profile", &arguments, threads)?;
        page += &operations(&parse(&text)?);
    }
    let file = Path::new("docs/PERFORMANCE.md");
    write(file, &page)?;
    if let Some(json) = json {
        let text = serde_json::to_string_pretty(&rows).map_err(|e| e.to_string())?;
        write(json, &(text + "\n"))?;
    }
    Ok(format!("wrote {}", file.display()))
}

/// The machine has one peak for a precision and a number of threads: the highest that was measured. A lower one was disturbed.
fn share_peaks(rows: &mut [Value]) {
    let of_kind = |row: &Value| (row["precision"].clone(), row["threads"].clone());
    let measured: Vec<_> = rows.iter().map(|row| (of_kind(row), number(row, "peak_gflops"))).collect();
    for row in rows {
        let kind = of_kind(row);
        let peaks = measured.iter().filter(|(other, _)| *other == kind).map(|(_, peak)| *peak);
        let (own, best) = (number(row, "peak_gflops"), peaks.fold(f64::NAN, f64::max));
        row["peak_efficiency"] = (number(row, "peak_efficiency") * own / best).into();
        row["peak_gflops"] = best.into();
    }
}

/// Builds the programs that measure, as a part of the workspace: alone they would get features and a build of their own.
fn build() -> Result<(), String> {
    let status = cargo().args(["build", "--release", "--workspace", "--examples"]).status();
    if status.map_err(|e| format!("cargo build: {e}"))?.success() {
        Ok(())
    } else {
        Err("cargo build failed".into())
    }
}

fn example(name: &str, arguments: &[&str], threads: usize) -> Result<String, String> {
    // This program lies where cargo puts the examples' folder.
    let program = std::env::current_exe().map_err(|e| e.to_string())?.with_file_name("examples").join(name);
    let output = Command::new(program)
        .args(arguments)
        .env("RAYON_NUM_THREADS", threads.to_string())
        // As `kmax` sets them for itself.
        .env("MIMALLOC_PURGE_DELAY", "-1")
        .env("CANDLE_BARRIER_POOL_SPIN_LIMIT", "0")
        .output()
        .map_err(|e| format!("{name}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("{name}: {e}"))
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("{e}: {text}"))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("{}: {e}", file.display());
    let mut beside = PathBuf::from(file).into_os_string();
    beside.push(".part");
    std::fs::write(&beside, text).map_err(fail)?;
    std::fs::rename(&beside, file).map_err(fail)
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or(f64::NAN)
}

/// The table's cell, a dash where nothing is known.
fn cell(value: f64, digits: usize) -> String {
    if value.is_finite() && value > 0.0 { format!("{value:.digits$}") } else { "–".into() }
}

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_string(), |(_, name)| name.trim().to_string())
}

fn models(rows: &[Value], threads: usize) -> String {
    let mut page = format!(
        "# Performance\n\nWritten by `cargo xtask bench-report`; [SPEED.md](SPEED.md) says how the speed is made and what the\n\
         columns mean. Machine: {}, {threads} cores.\n\n## Whole models\n\nBatch 1, backbone to class and mask logits, \
         median of several runs, random weights.\n\n| model | side | precision | threads | seconds | peak GFLOP/s | efficiency \
         | multiply-adds counted / made | of a product, {PRODUCT}³ | peak memory, MB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        machine()
    );
    for row in rows {
        let name = row["model"].as_str().unwrap_or_default();
        let (side, count) = (number(row, "size"), number(row, "threads"));
        let precision = row["precision"].as_str().unwrap_or_default();
        let (seconds, rate) = (cell(number(row, "seconds"), 3), cell(number(row, "peak_gflops"), 0));
        let (share, factor) =
            (cell(number(row, "peak_efficiency"), 2), cell(number(row, "winograd_factor"), 2));
        let (product, memory) = (cell(number(row, "efficiency"), 2), cell(number(row, "peak_rss_mb"), 0));
        let _ = writeln!(
            page,
            "| {name} | {side} | {precision} | {count} | {seconds} | {rate} | {share} | {factor} | {product} | {memory} |"
        );
    }
    page
}

/// Side of the product that is shown beside the peak.
const PRODUCT: usize = 4096;

/// Operations that take less of the whole are left out.
const LEAST: f64 = 0.002;

fn operations(profile: &Value) -> String {
    let (whole, limit) = (number(profile, "seconds"), number(profile, "peak_gflops"));
    let mut page = format!(
        "\n## Operations of {} at {}, {}\n\nAll threads, mean of several passes; {:.1} ms in all, of which what takes less than \
         {} % is left out. Winograd's products are counted as the convolution's, four times what is made.\n\n| stage | operation | input | calls | ms \
         | share, % | GFLOP/s | efficiency | MB moved | GB/s |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        profile["model"].as_str().unwrap_or_default(),
        number(profile, "size"),
        profile["precision"].as_str().unwrap_or_default(),
        1e3 * whole,
        100.0 * LEAST,
    );
    let rows = profile["rows"].as_array().into_iter().flatten();
    for row in rows.filter(|row| number(row, "seconds") >= LEAST * whole) {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let (seconds, rate, moved) =
            (number(row, "seconds"), number(row, "gflops"), number(row, "megabytes"));
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {:.2} | {:.1} | {} | {} | {} | {} |",
            text("stage"),
            text("operation"),
            text("shape"),
            number(row, "calls"),
            seconds * 1e3,
            100.0 * seconds / whole,
            cell(rate, 0),
            cell(rate / limit, 2),
            cell(moved, 1),
            cell(moved * 1e-3 / seconds, 1),
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_disturbed_peak_gives_no_efficiency_above_one() {
        let row = |precision: &str, peak: f64, share: f64| json!({"precision": precision, "threads": 2, "peak_gflops": peak, "peak_efficiency": share});
        let mut rows = [
            row("f32", 200.0, 0.8),
            row("f32", 100.0, 1.5),
            row("bf16", 400.0, 0.5),
            row("int8", f64::NAN, f64::NAN),
        ];
        share_peaks(&mut rows);
        let found: Vec<_> =
            rows.iter().map(|row| (number(row, "peak_gflops"), number(row, "peak_efficiency"))).collect();
        assert_eq!(found[..3], [(200.0, 0.8), (200.0, 0.75), (400.0, 0.5)]);
        assert!(found[3].0.is_nan() && found[3].1.is_nan());
    }
}

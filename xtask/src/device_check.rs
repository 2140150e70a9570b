//! Makes a folder that holds a device against the processor on a bare machine, and tries it on this one.

use crate::cargo::cargo;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes that the folder may have.
const MOST: u64 = 60_000_000;
const PROGRAM: &str = "kmax-device-check";
/// What goes along: from where, to where.
const ALONG: [(&str, &str); 4] = [
    ("benches/check/check.py", "check.py"),
    ("benches/check/peer.py", "peer.py"),
    ("benches/peers/kmax_torch", "kmax_torch"),
    ("crates/kmax-kernels/gpu", "gpu"),
];

#[derive(clap::Args)]
pub struct Arguments {
    /// The same on the processor of this machine, by an emulation of the kernels (a C++ compiler), at small sizes
    #[arg(long)]
    dry_run: bool,
    /// The folder that is made
    #[arg(long, value_name = "FOLDER", default_value = "target/device-check")]
    out: PathBuf,
    /// The Python that runs it in a dry run
    #[arg(long, default_value = "python3")]
    python: String,
}

/// Makes the folder, and in a dry run runs it; the message says what to do with it.
pub fn make(arguments: &Arguments) -> Result<String, String> {
    let program = build(arguments.dry_run)?;
    let folder = &arguments.out;
    let written = || -> io::Result<u64> {
        if folder.is_dir() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        packed(&program, &folder.join(format!("{PROGRAM}.gz")))?;
        ALONG.iter().try_for_each(|(from, to)| copied(Path::new(from), &folder.join(to)))?;
        size(folder)
    };
    let bytes = written().map_err(|e| format!("{}: {e}", folder.display()))?;
    if bytes > MOST {
        return Err(format!("{} has {bytes} bytes, more than {MOST}", folder.display()));
    }
    let made = format!("{} ({:.1} MB)", folder.display(), bytes as f64 * 1e-6);
    if !arguments.dry_run {
        return Ok(format!("{made}: on the machine with a device, `python3 check.py` in it"));
    }
    let results = folder.join("results");
    let run = Command::new(&arguments.python)
        .arg(folder.join("check.py"))
        .args(["--dry-run", "--out"])
        .arg(&results)
        .status()
        .map_err(|e| format!("{}: {e}", arguments.python))?;
    if !run.success() {
        return Err(format!("the dry run failed: {}", results.display()));
    }
    Ok(format!("{made}: the dry run passed"))
}

/// Builds the program: as the rest of the workspace for a dry run, else for NVIDIA's GPUs and without symbols.
fn build(dry_run: bool) -> Result<PathBuf, String> {
    let mut build = cargo();
    if dry_run {
        build.args(["build", "--release", "--locked", "--workspace", "--bin", PROGRAM]);
    } else {
        let nvcc = std::env::var_os("NVCC").map_or_else(|| PathBuf::from("nvcc"), PathBuf::from);
        if !Command::new(&nvcc).arg("--version").output().is_ok_and(|run| run.status.success()) {
            let found = nvcc.display();
            return Err(format!(
                "{found}: CUDA's compiler is not there; docs/DEVICES.md says how to get one"
            ));
        }
        build.args(["rustc", "--release", "--locked", "--package", "kmax-benches", "--features", "cuda"]);
        build.args(["--bin", PROGRAM, "--", "-C", "strip=symbols"]);
    }
    let status = build.status().map_err(|e| format!("cargo: {e}"))?;
    if !status.success() {
        return Err(format!("{PROGRAM} was not built"));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(target.join("release").join(PROGRAM))
}

fn packed(from: &Path, to: &Path) -> io::Result<()> {
    let mut encoder = flate2::write::GzEncoder::new(File::create(to)?, flate2::Compression::best());
    io::copy(&mut File::open(from)?, &mut encoder)?;
    encoder.finish().map(drop)
}

/// A file, or a folder with all that is in it but what Python and tests leave or need.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != "__pycache__" && entry.file_name() != "tests" {
            copied(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn size(path: &Path) -> io::Result<u64> {
    if !path.is_dir() {
        return Ok(fs::metadata(path)?.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn folders_are_copied_and_programs_packed() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        for folder in ["inner", "tests", "inner/__pycache__"] {
            fs::create_dir_all(from.join(folder))?;
            fs::write(from.join(folder).join("file"), "four")?;
        }
        copied(&from, &to)?;
        assert_eq!(size(&to)?, 4);
        packed(&from.join("inner/file"), &place.path().join("packed"))?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(place.path().join("packed"))?).read_to_string(&mut text)?;
        assert_eq!(text, "four");
        Ok(())
    }
}

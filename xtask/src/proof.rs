//! `cargo xtask prove-conversion`: genuine checkpoints of every manifest, written by TensorFlow and PyTorch, converted.
//!
//! Takes a while and several gigabytes of downloads, so no CI run does it. The table it prints is in
//! `docs/CONVERSION.md`.

mod encoders;

use crate::cargo::cargo;
use crate::convert::program;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where things are.
#[derive(clap::Args)]
pub struct Arguments {
    /// The shared folder, which has manifests and the writer of TensorFlow checkpoints
    #[arg(long, default_value = "../shared")]
    shared: PathBuf,
    /// Folder for virtual environments, checkpoints and models; one checkpoint at a time is kept
    #[arg(long, default_value = "target/conversion")]
    work: PathBuf,
    /// A Python that has tensorflow 2.x; none: a virtual environment is made for it
    #[arg(long)]
    tensorflow: Option<PathBuf>,
    /// A Python that has torch; none: a virtual environment is made for it
    #[arg(long)]
    torch: Option<PathBuf>,
    /// Only manifests whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

type Result<T> = std::result::Result<T, String>;

/// Runs the whole proof; gives the table.
pub fn prove(arguments: &Arguments) -> Result<String> {
    let Arguments { shared, work, only, .. } = arguments;
    fs::create_dir_all(work).map_err(|e| format!("{}: {e}", work.display()))?;
    let tensorflow =
        environment(arguments.tensorflow.as_deref(), work, "tensorflow", "tensorflow-cpu==2.15.*")?;
    let packages = "torch torchvision timm numpy safetensors";
    let torch = environment(arguments.torch.as_deref(), work, "torch", packages)?;
    let (program, goldens) = (program()?, golden_test()?);
    let scratch = work.join("checkpoint");
    let mut table = String::from(
        "| checkpoint | form | variant found | read | mapped | skipped | MB | goldens at 129 |\n",
    );
    table += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for kind in ["tf", "torch"] {
        let folder = shared.join("golden").join(kind).join("manifests");
        for (place, manifest) in manifests(&folder)?.into_iter().enumerate() {
            let name = manifest.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if !name.contains(only.as_str()) {
                continue;
            }
            empty(&scratch)?;
            let (form, from) = match kind {
                "tf" => tensorflow_checkpoint(&tensorflow, shared, &manifest, &scratch, place)?,
                _ => torch_checkpoint(&torch, shared, &manifest, &scratch, place)?,
            };
            let to = work.join("models").join(kind).join(&name);
            // Its tensors are those of three networks.
            let variant =
                (kind == "torch" && name.starts_with("coco_r50")).then_some("kmax-resnet50-coco.pytorch");
            let row = convert(&program, &from, &to, variant)?;
            let largest = check(&goldens, &work.join("models"), &format!("{kind}/{name}"))?;
            eprintln!("{kind}/{name}: {row} | {largest}");
            table += &format!("| {kind}/{name} | {form} | {row} | {largest} |\n");
            // The test has seen it; several of them would fill a disk.
            fs::remove_dir_all(&to).map_err(|e| format!("{}: {e}", to.display()))?;
        }
    }
    let tools = encoders::Tools {
        program: &program,
        tensorflow: &tensorflow,
        torch: &torch,
        shared,
        scratch: &scratch,
    };
    table += &tools.prove(only)?;
    fs::remove_dir_all(&scratch).ok();
    Ok(table)
}

/// Makes a folder, without what was in it.
fn empty(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).ok();
    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))
}

fn manifests(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// The interpreter given, or that of a new virtual environment with `packages`.
fn environment(given: Option<&Path>, work: &Path, name: &str, packages: &str) -> Result<PathBuf> {
    if let Some(python) = given {
        return Ok(python.into());
    }
    let folder = work.join(name);
    let python = folder.join("bin/python");
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages.split(' ')))?;
    }
    Ok(python)
}

/// Plain, sharded, and with an optimizer's slots, by turns.
fn tensorflow_checkpoint(
    python: &Path,
    shared: &Path,
    manifest: &Path,
    scratch: &Path,
    turn: usize,
) -> Result<(&'static str, PathBuf)> {
    let prefix = scratch.join("ckpt-150000");
    let (form, extra): (_, &[&str]) = match turn % 3 {
        0 => ("bundle with optimizer slots", &["--optimizer-slots", "50", "--global-step", "150000"]),
        1 => ("bundle of 3 shards", &["--shards", "3"]),
        _ => ("bundle", &[]),
    };
    let mut command = Command::new(python);
    command.arg(shared.join("tools/make_tf_checkpoint.py"));
    run(command.arg("--manifest").arg(manifest).arg("--out").arg(&prefix).args(extra))?;
    Ok((form, prefix))
}

/// `.pth`, `.pkl` and `.pth` of old, by turns.
fn torch_checkpoint(
    python: &Path,
    shared: &Path,
    manifest: &Path,
    scratch: &Path,
    turn: usize,
) -> Result<(&'static str, PathBuf)> {
    let (form, file, extra): (_, _, &[&str]) = match turn % 3 {
        0 => (".pth", "model.pth", &[]),
        1 => (".pkl of arrays", "model.pkl", &[]),
        _ => (".pth, legacy", "model.pth", &["--legacy"]),
    };
    let out = scratch.join(file);
    let mut command = Command::new(python);
    command.arg("xtask/python/torch_checkpoint.py").arg("--tools").arg(shared.join("tools"));
    run(command.arg("--manifest").arg(manifest).arg("--out").arg(&out).args(extra))?;
    Ok((form, out))
}

/// Runs the program; a row of the table.
fn convert(program: &Path, from: &Path, to: &Path, variant: Option<&str>) -> Result<String> {
    let said = converted(program, from, to, variant)?;
    let lines: Vec<&str> = said.lines().collect();
    let number = |line: usize, before: &str| {
        let text = lines.get(line).and_then(|line| line.split(before).next()).unwrap_or_default();
        text.rsplit(' ').find(|word| !word.is_empty()).unwrap_or("?").to_string()
    };
    let variant = lines.first().and_then(|line| line.split(',').next()).unwrap_or("?");
    let (read, mapped, skipped) = (number(1, " tensors read"), number(1, " mapped"), number(1, " skipped"));
    Ok(format!("{variant} | {read} | {mapped} | {skipped} | {}", number(2, " MB written")))
}

/// Runs `kmax convert`; what it says.
fn converted(program: &Path, from: &Path, to: &Path, variant: Option<&str>) -> Result<String> {
    let mut command = Command::new(program);
    command.arg("convert").arg("--from").arg(from).arg("--to").arg(to);
    command.args(variant.into_iter().flat_map(|name| ["--variant", name]));
    let output = command.output().map_err(|e| format!("kmax convert: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(format!("{}: {said}", from.display())) }
}

/// Builds the golden test of converted models; its path.
fn golden_test() -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["test", "--release", "--locked", "--workspace", "--test", "converted", "--no-run"]);
    let output = command.arg("--message-format=json").output().map_err(|e| format!("cargo test: {e}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let built = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut test = built.filter(|unit| unit["target"]["name"] == "converted");
    let test = test.find_map(|unit| unit["executable"].as_str().map(PathBuf::from));
    test.ok_or_else(|| format!("cargo test: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The largest difference of a converted model from its goldens; nothing if it has none.
fn check(goldens: &Path, models: &Path, name: &str) -> Result<String> {
    let models = fs::canonicalize(models).map_err(|e| format!("{}: {e}", models.display()))?;
    let mut command = Command::new(goldens);
    command.args(["--nocapture", "genuine"]).current_dir("crates/kmax-goldens").env("KMAX_CONVERTED", models);
    let output = command.output().map_err(|e| format!("{}: {e}", goldens.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let row = said.lines().find(|line| line.starts_with(&format!("| converted {name} |")));
    match row.and_then(|row| row.trim_end_matches(" |").rsplit("| ").next()) {
        Some(largest) if output.status.success() => Ok(largest.replace("opens", "")),
        _ => Err(format!("{name}: {said}{}", String::from_utf8_lossy(&output.stdout))),
    }
}

fn run(command: &mut Command) -> Result<()> {
    let text = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{text}: {status}")),
        Err(error) => Err(format!("{text}: {error}")),
    }
}

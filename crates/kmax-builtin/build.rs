//! Builds every model folder under `models/` into the library.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let (source, out) = (variable("CARGO_MANIFEST_DIR")?.join("models"), variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", source.display());
    fs::write(out.join("built_in.rs"), listed(&source)?)
}

/// An array with an entry for each folder that has weights.
fn listed(models: &Path) -> io::Result<String> {
    let mut folders = match fs::read_dir(models) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    folders.sort_unstable();
    let mut list = String::from("[");
    for folder in folders.iter().filter(|folder| folder.join("model.safetensors").is_file()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let file = |name: &str| folder.join(name).display().to_string();
        // Writing to a string cannot fail.
        let _ = write!(
            list,
            "BuiltIn {{ name: {name:?}, config: include_str!({:?}), preprocessor: include_str!({:?}), \
             weights: include_bytes!({:?}), card: include_str!({:?}) }},",
            file("config.json"),
            file("preprocessor_config.json"),
            file("model.safetensors"),
            file("README.md"),
        );
    }
    list.push(']');
    Ok(list)
}

//! Builds every model folder under `models/` into the library, with packed weights.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let (source, out) = (variable("CARGO_MANIFEST_DIR")?.join("models"), variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", source.display());
    fs::write(out.join("built_in.rs"), listed(&source, &out)?)
}

/// Half-precision numbers as the bytes of lower places, then those of higher ones: the latter, signs and exponents, are much alike. Two
/// models of 17.7 MB take 15.2.
fn packed(weights: &[u8]) -> io::Result<Vec<u8>> {
    let apart: Vec<u8> =
        [0, 1].into_iter().flat_map(|at| weights.iter().skip(at).step_by(2)).copied().collect();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&apart)?;
    encoder.finish()
}

/// An array with an entry for each folder that has weights, which are packed into `out`.
fn listed(models: &Path, out: &Path) -> io::Result<String> {
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
        let weights = fs::read(folder.join("model.safetensors"))?;
        let into = out.join(format!("{name}.packed"));
        fs::write(&into, packed(&weights)?)?;
        // Writing to a string cannot fail.
        let _ = write!(
            list,
            "BuiltIn {{ name: {name:?}, config: include_str!({:?}), preprocessor: include_str!({:?}), \
             bytes: {}, packed: include_bytes!({:?}), card: include_str!({:?}) }},",
            file("config.json"),
            file("preprocessor_config.json"),
            weights.len(),
            into.display().to_string(),
            file("README.md"),
        );
    }
    list.push(']');
    Ok(list)
}

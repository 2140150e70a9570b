//! A small model with drawn weights, and the program run on it.

use candle_core::{DType, Device, Tensor};
use kmax::{Config, KMaxDeepLab, ModelCard, PreprocessConfig, Preset};
use kmax_nn::Params;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Asserts that it failed with this code and one line that holds all of `parts`.
    #[track_caller]
    pub fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"));
    }
}

/// Runs `kmax segment` in `folder`.
pub fn segment<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kmax"));
    let done = command.current_dir(folder).arg("segment").args(arguments).output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: done.status.code().unwrap_or(-1), out: text(&done.stdout), err: text(&done.stderr) }
}

/// The configuration of the model and its weights.
pub fn model() -> (Config, HashMap<String, Tensor>) {
    let mut config = Preset::People.config();
    config.preprocess = PreprocessConfig::fit(65);
    // Drawn weights are sure of nothing.
    config.postprocess.class_threshold_thing = 0.0;
    config.postprocess.class_threshold_stuff = 0.0;
    config.postprocess.pixel_threshold = 0.02;
    config.postprocess.overlap_threshold = 0.0;
    let params = Params::trainable(None, 7, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(&config.network, &params).expect("a network");
    let weights = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
    let inference = weights.filter(|(name, _)| !name.starts_with("semantic_head."));
    (config, inference.collect())
}

/// A folder with the model, made once.
pub fn model_folder() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = FOLDER.get_or_init(|| {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("model");
        let (config, weights) = model();
        let card = ModelCard { name: "Small".into(), license: "apache-2.0".into(), sections: Vec::new() };
        kmax::folder::save(&folder, &config, weights, DType::F16, &card).expect("saved");
        (parent, folder)
    });
    folder
}

/// A copy of the model's folder.
pub fn copied_model(to: &Path) -> PathBuf {
    let copy = to.join("model");
    std::fs::create_dir(&copy).expect("a folder");
    for entry in std::fs::read_dir(model_folder()).expect("listed") {
        let file = entry.expect("an entry").path();
        std::fs::copy(&file, copy.join(file.file_name().expect("a name"))).expect("copied");
    }
    copy
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("listed");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A picture with something in it.
pub fn picture(width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        let inside = (x / 9 + y / 7) % 3;
        image::Rgb([(x * 5 % 256) as u8, (inside * 100) as u8, (y * 3 % 256) as u8])
    })
}

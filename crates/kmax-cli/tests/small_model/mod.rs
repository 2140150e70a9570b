//! A small model with drawn weights.

// Each test file uses its own part of this module.
#![allow(dead_code)]

use candle_core::{DType, Device, Tensor};
use kmax::{Config, KMaxDeepLab, ModelCard, PreprocessConfig, Preset};
use kmax_nn::Params;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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

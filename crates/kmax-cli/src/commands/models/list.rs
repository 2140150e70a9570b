//! `kmax models`: what there is.

use super::{card, checkpoint, percent, published};
use crate::exit::Outcome;
use crate::output::{megabytes, print};
use kmax::{Cache, CachedModel, Encoder, Model};
use serde_json::json;
use std::collections::BTreeMap;

/// Lists built-in models, those on disk, and those that can be fetched.
pub fn run(as_json: bool) -> Outcome {
    let built_in: Vec<_> = Model::built_in_names().collect();
    let cached = Cache::from_env().map_or_else(Vec::new, |cache| cache.models());
    let on_hub = on_hub()?;
    let text =
        if as_json { as_value(&built_in, &cached, &on_hub) } else { as_text(&built_in, &cached, &on_hub) };
    print(&text)
}

/// Repositories in the Hub's cache that hold a complete kMaX model, with its size.
#[cfg(feature = "hub")]
fn on_hub() -> Outcome<Vec<(String, u64)>> {
    let hub = kmax::hub::Hub::from_env()?;
    let files = kmax::hub_files();
    let size = |folder: &std::path::Path| {
        let sizes = kmax::MODEL_FILES.iter().map(|file| std::fs::metadata(folder.join(file.name)));
        sizes.filter_map(|file| Some(file.ok()?.len())).sum()
    };
    let sized = |repo: kmax::hub::HubRepo| {
        let folder = hub.cached_folder(&repo, &files)?;
        let is_ours = kmax::Config::read(&folder.join("config.json")).is_ok();
        is_ours.then(|| (repo.to_string(), size(&folder)))
    };
    Ok(hub.cached().into_iter().filter_map(sized).collect())
}

#[cfg(not(feature = "hub"))]
fn on_hub() -> Outcome<Vec<(String, u64)>> {
    Ok(Vec::new())
}

/// What a built-in model is, in a line.
fn summary(name: &str) -> &'static str {
    Model::built_in_card(name).and_then(|text| card::field(text, "summary")).unwrap_or_default()
}

fn as_value(built_in: &[&str], cached: &[CachedModel], on_hub: &[(String, u64)]) -> String {
    let cached =
        cached.iter().map(|model| json!({"name": model.name, "path": model.path, "bytes": model.bytes}));
    let on_hub = on_hub.iter().map(|(name, bytes)| json!({"name": name, "bytes": bytes}));
    let cached: Vec<_> = cached.chain(on_hub).collect();
    let published = published().map(|(variant, release)| {
        json!({"variant": variant, "license": release.license(), "checkpoints": [checkpoint(&release)]})
    });
    let published: Vec<_> = published.collect();
    let encoders = Encoder::all().map(|e| json!({"name": e.name, "license": e.license, "note": e.note}));
    let encoders: Vec<_> = encoders.collect();
    let summaries: BTreeMap<_, _> = built_in.iter().map(|name| (name, summary(name))).collect();
    format!(
        "{:#}",
        json!({
            "built_in": built_in,
            "summaries": summaries,
            "cached": cached,
            "published": published,
            "encoders": encoders,
        })
    )
}

fn as_text(built_in: &[&str], cached: &[CachedModel], on_hub: &[(String, u64)]) -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let lines: Vec<_> = lines.iter().map(|line| format!("  {}", line.trim_end())).collect();
            text += &format!("{title}:\n{}\n\n", lines.join("\n"));
        }
    };
    let sized = |name: &str, bytes: u64| format!("{name:<44} {:>11}", megabytes(bytes));
    section("built in", built_in.iter().map(|name| format!("{name:<44} {}", summary(name))).collect());
    let on_disk = cached.iter().map(|model| sized(&model.name, model.bytes));
    let on_disk = on_disk.chain(on_hub.iter().map(|(name, bytes)| sized(name, *bytes)));
    section("in the cache", on_disk.collect());
    let lines = published()
        .map(|(variant, release)| format!("{variant:<44} PQ {:.1}  {}", percent(&release), release.note));
    section("published, to be run or pulled by name (PQ as their authors report it)", lines.collect());
    let lines = Encoder::all().map(|encoder| format!("{:<44} {}", encoder.name, encoder.note));
    section("encoders trained on ImageNet, for `backbone_weights` of a training", lines.collect());
    text + "`kmax models info NAME` tells more; NAME can also be a model folder or hf://owner/name."
}

//! `kmax models`: what there is, and what one of them is.

use crate::exit::{Code, OrExit, Outcome};
use crate::output::print;
use clap::Subcommand;
use kmax::{Config, Model, Preset, RELEASES, releases};
use serde_json::{Value, json};

/// List the models there are, or describe one
#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Describe a model: a built-in or published name, a model folder, or hf://owner/name
    Info {
        /// Its name or place
        model: String,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        None => list(arguments.json),
        Some(Command::Info { model }) => info(model, arguments.json),
    }
}

/// Repositories in the Hub's cache that hold a complete kMaX model.
#[cfg(feature = "hub")]
fn cached() -> Outcome<Vec<String>> {
    let hub = kmax::hub::Hub::from_env().or_exit(Code::Usage)?;
    let is_ours = |folder: std::path::PathBuf| Config::read(&folder.join("config.json")).is_ok();
    let repos = hub.cached().into_iter().filter(|repo| hub.cached_folder(repo).is_some_and(is_ours));
    Ok(repos.map(|repo| repo.to_string()).collect())
}

#[cfg(not(feature = "hub"))]
fn cached() -> Outcome<Vec<String>> {
    Ok(Vec::new())
}

fn list(json: bool) -> Outcome {
    let built_in: Vec<_> = Model::built_in_names().collect();
    let cached = cached()?;
    if json {
        let published = RELEASES.iter().map(|release| {
            json!({"variant": release.variant, "pq": release.pq, "url": release.url, "note": release.note,
                   "license": kmax::LICENSE})
        });
        let published = published.collect::<Vec<_>>();
        return print(&format!(
            "{:#}",
            json!({"built_in": built_in, "cached": cached, "published": published})
        ));
    }
    let section = |title: &str, names: &[&str]| match names {
        [] => String::new(),
        _ => format!("{title}:\n  {}\n\n", names.join("\n  ")),
    };
    let mut text = section("built in", &built_in);
    text += &section("in the Hub's cache", &cached.iter().map(String::as_str).collect::<Vec<_>>());
    text +=
        "published by the authors of the originals (convert with `kmax convert`; PQ as they report it):\n";
    for release in RELEASES {
        let note = if release.note.is_empty() { String::new() } else { format!("  {}", release.note) };
        text += &format!("  {:<36} PQ {:.1}{note}\n", release.variant, release.pq);
    }
    text += "\n`kmax models info NAME` tells more; NAME can also be a model folder or hf://owner/name.";
    print(&text)
}

fn info(name: &str, json: bool) -> Outcome {
    // A published variant has no weights here, but a configuration.
    let preset = Preset::named(name).filter(|_| !Model::built_in_names().any(|built_in| built_in == name));
    let (place, config, weights) = match preset {
        Some(preset) if !std::path::Path::new(name).exists() => (name.to_string(), preset.config(), None),
        _ => {
            let model = crate::model::open(name)?;
            let shapes = model.weights().shapes();
            let count: usize = shapes.values().map(|shape| shape.iter().product::<usize>()).sum();
            (name.to_string(), model.config().clone(), Some(count))
        }
    };
    let parameters = match weights {
        Some(count) => count,
        None => {
            let shapes = config.network.shapes(false).or_exit(Code::Model)?;
            shapes.values().map(|shape| shape.iter().product::<usize>()).sum()
        }
    };
    let facts = facts(&place, &config, parameters);
    if json {
        return print(&format!("{facts:#}"));
    }
    let lines = facts.as_object().into_iter().flatten().map(|(key, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        format!("{key:<16} {value}\n")
    });
    print(&lines.collect::<String>())
}

fn facts(place: &str, config: &Config, parameters: usize) -> Value {
    let [height, width] = config.preprocess.size;
    let things = config.thing_ids().len();
    let file = config.to_json();
    let mut facts = json!({
        "model": place,
        "backbone": file["backbone_config"]["kind"],
        "parameters": parameters,
        "classes": format!("{} ({things} things, {} stuff)", config.categories.len(), config.categories.len() - things),
        "queries": config.network.decoder.queries,
        "input": format!("{height}x{width}"),
        "mask stride": config.network.mask_stride(),
        "postprocess": file["postprocess_config"],
    });
    for (i, release) in releases(place).enumerate() {
        let key = |name: &str| if i == 0 { name.to_string() } else { format!("{name} {}", i + 1) };
        facts[key("PQ")] = json!(format!("{:.1} {}", release.pq, release.note).trim_end());
        facts[key("checkpoint")] = json!(release.url);
        facts["license"] = json!(kmax::LICENSE);
    }
    facts
}

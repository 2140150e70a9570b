//! `kmax models`: what there is, and what one of them is.

mod info;

use crate::exit::Outcome;
use crate::output::print;
use clap::Subcommand;
use kmax::{MODEL_FILES, Model, Preset, Release};
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
        Some(Command::Info { model }) => info::run(model, arguments.json),
    }
}

/// Repositories in the Hub's cache that hold a complete kMaX model.
#[cfg(feature = "hub")]
fn cached() -> Outcome<Vec<String>> {
    let hub = kmax::hub::Hub::from_env()?;
    let files = MODEL_FILES.map(|(name, required)| kmax::hub::File { name, required });
    let is_ours = |folder: std::path::PathBuf| kmax::Config::read(&folder.join("config.json")).is_ok();
    let repos = hub.cached().into_iter().filter(|repo| hub.cached_folder(repo, &files).is_some_and(is_ours));
    Ok(repos.map(|repo| repo.to_string()).collect())
}

#[cfg(not(feature = "hub"))]
fn cached() -> Outcome<Vec<String>> {
    Ok(Vec::new())
}

/// The published variants.
fn published() -> impl Iterator<Item = (String, Release)> {
    Preset::all().into_iter().filter_map(|preset| match preset {
        Preset::Published(variant) => Some((preset.name(), *variant.release())),
        Preset::People => None,
    })
}

/// In percent with the number of decimals that was published.
fn percent(release: &Release) -> f64 {
    (1000.0 * release.pq).round() / 10.0
}

fn checkpoint(release: &Release) -> Value {
    json!({"pq": percent(release), "url": release.url(), "note": release.note})
}

fn list(as_json: bool) -> Outcome {
    let built_in: Vec<_> = Model::built_in_names().collect();
    let cached = cached()?;
    if as_json {
        let published = published().map(|(variant, release)| {
            json!({"variant": variant, "license": release.license(), "checkpoints": [checkpoint(&release)]})
        });
        let published: Vec<_> = published.collect();
        let all = json!({"built_in": built_in, "cached": cached, "published": published});
        return print(&format!("{all:#}"));
    }
    let section = |title: &str, names: &[&str]| match names {
        [] => String::new(),
        _ => format!("{title}:\n  {}\n\n", names.join("\n  ")),
    };
    let mut text = section("built in", &built_in);
    text += &section("in the Hub's cache", &cached.iter().map(String::as_str).collect::<Vec<_>>());
    text += "published with the reference implementations (convert with `kmax convert`; PQ as their authors report it):\n";
    for (variant, release) in published() {
        text += &format!("  {variant:<44} PQ {:.1}  {}", percent(&release), release.note);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text += "\n`kmax models info NAME` tells more; NAME can also be a model folder or hf://owner/name.";
    print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_checkpoint_has_a_name_of_its_own_and_its_number_as_published() {
        let names: BTreeSet<_> = published().map(|(name, _)| name).collect();
        assert_eq!(names.len(), published().count());
        for (name, release) in published() {
            assert!(checkpoint(&release)["pq"].to_string().len() <= 4, "{name}");
        }
    }
}

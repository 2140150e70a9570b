//! `kmax models`: what there is, and what one of them is.

mod info;

use crate::exit::Outcome;
use crate::output::print;
use clap::Subcommand;
use kmax::{Model, RELEASES, Release};
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
    use crate::exit::OrExit;
    let hub = kmax::hub::Hub::from_env().or_fail()?;
    let is_ours = |folder: std::path::PathBuf| kmax::Config::read(&folder.join("config.json")).is_ok();
    let repos = hub.cached().into_iter().filter(|repo| hub.cached_folder(repo).is_some_and(is_ours));
    Ok(repos.map(|repo| repo.to_string()).collect())
}

#[cfg(not(feature = "hub"))]
fn cached() -> Outcome<Vec<String>> {
    Ok(Vec::new())
}

/// The published checkpoints, each variant once.
fn published() -> Vec<(&'static str, Vec<&'static Release>)> {
    let mut variants: Vec<(&str, Vec<&Release>)> = Vec::new();
    for release in &RELEASES {
        match variants.iter_mut().find(|(variant, _)| *variant == release.variant) {
            Some((_, releases)) => releases.push(release),
            None => variants.push((release.variant, vec![release])),
        }
    }
    variants
}

/// The number of decimals that was published; a float32 has more digits than that in JSON.
fn pq(release: &Release) -> f64 {
    (f64::from(release.pq) * 10.0).round() / 10.0
}

fn checkpoint(release: &Release) -> Value {
    json!({"pq": pq(release), "url": release.url, "note": release.note})
}

fn list(as_json: bool) -> Outcome {
    let built_in: Vec<_> = Model::built_in_names().collect();
    let cached = cached()?;
    if as_json {
        let published = published().into_iter().map(|(variant, releases)| {
            let checkpoints: Vec<_> = releases.into_iter().map(checkpoint).collect();
            json!({"variant": variant, "license": kmax::LICENSE, "checkpoints": checkpoints})
        });
        let published = published.collect::<Vec<_>>();
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
    for (variant, releases) in published() {
        let numbers = releases.into_iter().map(|release| match release.note {
            "" => format!("{:.1}", release.pq),
            note => format!("{:.1} {note}", release.pq),
        });
        text += &format!("  {variant:<36} PQ {}\n", numbers.collect::<Vec<_>>().join(", "));
    }
    text += "\n`kmax models info NAME` tells more; NAME can also be a model folder or hf://owner/name.";
    print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_listed_once_with_its_numbers_as_published() {
        let all = published();
        assert!(all.len() < RELEASES.len());
        assert_eq!(all.iter().map(|(_, releases)| releases.len()).sum::<usize>(), RELEASES.len());
        for release in &RELEASES {
            assert!(checkpoint(release)["pq"].to_string().len() <= 4, "{}", checkpoint(release));
        }
    }
}

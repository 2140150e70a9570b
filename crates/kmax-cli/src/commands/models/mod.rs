//! `kmax models`: what there is, and what one of them is.

pub(super) mod card;
mod info;
mod list;
mod remove;

use crate::commands::each::each;
use crate::exit::Outcome;
use clap::Subcommand;
use kmax::{Preset, Release};
use serde_json::{Value, json};

/// List the models there are, describe one, or remove one from the cache
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
    /// Remove models and encoders from the cache
    Remove {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        None => list::run(arguments.json),
        Some(Command::Info { model }) => info::run(model, arguments.json),
        Some(Command::Remove { names }) => each(names, remove::run),
    }
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

//! The program `kmax`: panoptic segmentation from the command line.

#![forbid(unsafe_code)]

mod commands;
mod conversion;
mod environment;
mod exit;
mod form;
mod kinds;
mod model;
mod output;
mod things;
mod usage;
mod version;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Large tensors come and go with every layer; an allocator that keeps its pages saves the page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Panoptic segmentation with kMaX-DeepLab.
#[derive(Parser)]
#[command(name = "kmax", version, long_version = version::long(), arg_required_else_help = true)]
struct Arguments {
    /// Worker threads (default: RAYON_NUM_THREADS, else one per core)
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Say nothing on standard error but errors: no progress, no warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more on standard error about what is being done
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Fetch nothing: use models that are on disk (as HF_HUB_OFFLINE=1)
    #[arg(long, global = true)]
    offline: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the completions of a shell
    Completions(commands::manual::Completions),
    /// Convert a checkpoint of deeplab2, its PyTorch port or COCONut into a model folder
    Convert(commands::convert::Arguments),
    /// Check a dataset, look at it, or write its annotations in another form
    Dataset(commands::dataset::Arguments),
    /// Evaluate predictions as the official scripts do
    Eval(commands::eval::Arguments),
    /// Write a model as an ONNX file
    Export(commands::export::Arguments),
    /// Write the manual's pages
    Man(commands::manual::Man),
    /// Join what `segment --shard` did in parts
    Merge(commands::merge::Arguments),
    /// List the models there are, describe one, or remove one from the cache
    Models(commands::models::Arguments),
    /// Fetch published models by name and convert them
    #[cfg(feature = "hub")]
    Pull(commands::pull::Arguments),
    /// Segment photos
    Segment(commands::segment::Arguments),
    /// Train a model
    Train(commands::train::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::told(&error),
    };
    output::set_verbosity(arguments.quiet, arguments.verbose);
    output::detail(|| format!("kmax {}", version::long().replace('\n', ", ")));
    let outcome =
        environment::settle(arguments.threads, arguments.offline).and_then(|()| match arguments.command {
            Command::Completions(arguments) => commands::manual::completions(&arguments),
            Command::Convert(arguments) => commands::convert::run(&arguments),
            Command::Dataset(arguments) => commands::dataset::run(&arguments),
            Command::Eval(arguments) => commands::eval::run(&arguments),
            Command::Export(arguments) => commands::export::run(&arguments),
            Command::Man(arguments) => commands::manual::man(&arguments),
            Command::Merge(arguments) => commands::merge::run(&arguments),
            Command::Models(arguments) => commands::models::run(&arguments),
            #[cfg(feature = "hub")]
            Command::Pull(arguments) => commands::pull::run(&arguments),
            Command::Segment(arguments) => commands::segment::run(&arguments),
            Command::Train(arguments) => commands::train::run(&arguments),
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::tell(&format!("error: {}", failure.message));
            ExitCode::from(&failure)
        }
    }
}

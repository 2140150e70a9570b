//! The program `kmax`, for other programs to be: the Python package is this one too, by `python -m kmax_deeplab`.
//!
//! There is one function, [`run`]. What the program can do without a command line is in the libraries below, of which the crate
//! `kmax` is the front.

#![forbid(unsafe_code)]

mod commands;
mod conversion;
mod device;
mod environment;
mod exit;
mod form;
mod kinds;
mod model;
mod output;
mod photos;
mod stop;
mod things;
mod tiles;
mod usage;
mod version;

use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;

/// Panoptic segmentation with kMaX-DeepLab.
#[derive(Parser)]
#[command(name = "kmax", version, long_version = version::long(), arg_required_else_help = true)]
struct Arguments {
    /// Worker threads (default: RAYON_NUM_THREADS, else one per core)
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=kmax_base::limits::THREADS as i64))]
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
    /// List the devices that networks can run on
    Devices(commands::devices::Arguments),
    /// Evaluate predictions as the official scripts do
    Eval(commands::eval::Arguments),
    /// Write a model as an ONNX file
    Export(commands::export::Arguments),
    /// Write the manual's pages
    Man(commands::manual::Man),
    /// Join what `segment --shard` or `dataset convert --shard` did in parts
    Merge(commands::merge::Arguments),
    /// List the models there are, describe one, or remove one from the cache
    Models(commands::models::Arguments),
    /// Write a folder that segments photos in the visitor's browser
    Page(commands::page::Arguments),
    /// Fetch published models by name and convert them
    #[cfg(feature = "hub")]
    Pull(commands::pull::Arguments),
    /// Store a model's weights in 8 bits
    Quantize(commands::quantize::Arguments),
    /// Segment photos
    Segment(commands::segment::Arguments),
    /// Serve models to people and programs, by HTTP
    #[cfg(feature = "serve")]
    Serve(commands::serve::Arguments),
    /// Train a model
    Train(commands::train::Arguments),
}

/// Does what the arguments say, of which the first is the program's own name, and gives the exit code that `docs/CLI.md`
/// promises. Results go to standard output, everything else to standard error.
///
/// It takes the process for its own: the number of threads and a handler of Ctrl-C are set for good, and the environment is changed,
/// so no other thread may be running yet.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return usage::told(&error),
    };
    output::set_verbosity(arguments.quiet, arguments.verbose);
    output::detail(|| format!("kmax {}", version::long().replace('\n', ", ")));
    let settled = environment::settle(arguments.threads, arguments.offline).and_then(|()| stop::listen());
    let outcome = settled.and_then(|()| match arguments.command {
        Command::Completions(arguments) => commands::manual::completions(&arguments, Arguments::command()),
        Command::Convert(arguments) => commands::convert::run(&arguments),
        Command::Dataset(arguments) => commands::dataset::run(&arguments),
        Command::Devices(arguments) => commands::devices::run(&arguments),
        Command::Eval(arguments) => commands::eval::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Man(arguments) => commands::manual::man(&arguments, Arguments::command()),
        Command::Merge(arguments) => commands::merge::run(&arguments),
        Command::Models(arguments) => commands::models::run(&arguments),
        Command::Page(arguments) => commands::page::run(&arguments),
        #[cfg(feature = "hub")]
        Command::Pull(arguments) => commands::pull::run(&arguments),
        Command::Quantize(arguments) => commands::quantize::run(&arguments),
        Command::Segment(arguments) => commands::segment::run(&arguments),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Train(arguments) => commands::train::run(&arguments, usage::command(&words)),
    });
    match outcome {
        Ok(()) => 0,
        Err(failure) => {
            output::tell(&format!("error: {}", failure.message));
            failure.code as u8
        }
    }
}

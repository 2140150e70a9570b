//! The program `kmax`: panoptic segmentation from the command line.

mod commands;
mod environment;
mod exit;
mod model;
mod output;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Large tensors come and go with every layer; an allocator that keeps its pages saves the page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Panoptic segmentation with kMaX-DeepLab.
#[derive(Parser)]
#[command(name = "kmax", version, arg_required_else_help = true, propagate_version = true)]
struct Arguments {
    /// Worker threads (default: RAYON_NUM_THREADS, else one per core)
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Convert a checkpoint of deeplab2 or its PyTorch port into a model folder
    Convert(commands::convert::Arguments),
    /// Check a dataset, or write its annotations in another form
    Dataset(commands::dataset::Arguments),
    /// Evaluate predictions as the official scripts do
    Eval(commands::eval::Arguments),
    /// List the models there are, or describe one
    Models(commands::models::Arguments),
    /// Segment photos
    Segment(commands::segment::Arguments),
    /// Train a model
    Train(commands::train::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    environment::settle(arguments.threads);
    let outcome = set_threads(arguments.threads).and_then(|()| match arguments.command {
        Command::Convert(arguments) => commands::convert::run(&arguments),
        Command::Dataset(arguments) => commands::dataset::run(&arguments),
        Command::Eval(arguments) => commands::eval::run(&arguments),
        Command::Models(arguments) => commands::models::run(&arguments),
        Command::Segment(arguments) => commands::segment::run(&arguments),
        Command::Train(arguments) => commands::train::run(&arguments),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(&failure)
        }
    }
}

fn set_threads(threads: Option<u16>) -> exit::Outcome {
    use exit::{Code, OrExit};
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global().or_exit(Code::Usage)
}

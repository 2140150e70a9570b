//! The program `kmax`: panoptic segmentation from the command line.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Large tensors come and go with every layer; an allocator that keeps its pages saves the page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(kmax_cli::run(std::env::args_os()))
}

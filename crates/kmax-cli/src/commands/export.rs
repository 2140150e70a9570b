//! `kmax export`: a model as an ONNX file.

use crate::exit::Outcome;
use crate::model;
use crate::output::{megabytes, place, remark, write};
use clap::ValueEnum;
use kmax::onnx::{Batch, InputSize, Options, Precision, export};
use std::path::PathBuf;

/// Write a model as an ONNX file
///
/// The file has the network alone: normalised pixels in, class and mask logits out; or also what stands before and behind it.
/// `docs/ONNX.md` names inputs and outputs and the engines that were tried.
#[derive(clap::Args)]
pub struct Arguments {
    /// A built-in or published model, a model folder, or `hf://owner/name[@revision]`
    #[arg(value_name = "MODEL")]
    model: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Version of the ONNX operators, 17 to 21
    #[arg(long, value_name = "N", default_value_t = Options::default().opset)]
    opset: u32,
    /// Height and width of the network's input, each a multiple of 32 or one more (default: the model's own)
    #[arg(long, num_args = 2, value_names = ["H", "W"], conflicts_with = "dynamic")]
    size: Option<Vec<usize>>,
    /// Leave height and width of the network's input to each call
    #[arg(long)]
    dynamic: bool,
    /// Images that go through together, or `dynamic`
    #[arg(long, value_name = "N|dynamic", default_value = "1", value_parser = batch)]
    batch: Batch,
    /// Take an 8-bit RGB image of any size, and resize, pad and normalise it
    #[arg(long)]
    with_preprocess: bool,
    /// Give segments instead of logits
    #[arg(long)]
    with_postprocess: bool,
    /// Give the class and mask logits of each k-means step as well
    #[arg(long)]
    with_steps: bool,
    /// Precision of weights and arithmetic; inputs and outputs are single precision in either case
    #[arg(long, value_enum, default_value = "f32")]
    precision: Type,
}

#[derive(Clone, Copy, ValueEnum)]
enum Type {
    F32,
    F16,
}

fn batch(text: &str) -> Result<Batch, String> {
    match text {
        "dynamic" => Ok(Batch::Free),
        count => count.parse().map(Batch::Fixed).map_err(|_| "expected a number or `dynamic`".into()),
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { model, output, .. } = arguments;
    // Before the work: a place that cannot be written should not cost an export.
    place(output)?;
    let options = options(arguments);
    let opened = model::open(model)?;
    let exported = export(model, &opened, &options)?;
    let inputs: Vec<_> = exported.inputs().collect();
    let outputs: Vec<_> = exported.outputs().collect();
    let bytes = exported.into_bytes();
    write(output, &bytes)?;
    remark(&format!("{} written: {}", megabytes(bytes.len() as u64), output.display()));
    inputs.iter().for_each(|input| remark(&format!("input {input}")));
    outputs.iter().for_each(|output| remark(&format!("output {output}")));
    Ok(())
}

fn options(arguments: &Arguments) -> Options {
    let size = match (arguments.size.as_deref(), arguments.dynamic) {
        (Some(&[height, width]), _) => InputSize::Fixed([height, width]),
        (_, true) => InputSize::Free,
        _ => InputSize::Model,
    };
    let precision = match arguments.precision {
        Type::F32 => Precision::Float32,
        Type::F16 => Precision::Float16,
    };
    Options {
        opset: arguments.opset,
        size,
        batch: arguments.batch,
        preprocess: arguments.with_preprocess,
        postprocess: arguments.with_postprocess,
        steps: arguments.with_steps,
        precision,
    }
}

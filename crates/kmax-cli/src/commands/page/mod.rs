//! `kmax page`: a folder that segments photos in the visitor's browser.

mod about;
mod engine;

use crate::exit::{Code, Failure, Outcome};
use crate::model;
use crate::output::{detail, megabytes, remark};
use kmax::onnx::{Options, export};
use kmax_page::{Folder, Network};
use std::path::PathBuf;

/// Write a folder that segments photos in the visitor's browser
///
/// To be put on any web host: it shows what is in a photo and how the clusters formed, with no server behind it and no upload.
/// `docs/PAGE.md` says how to host it. The engine is the npm package onnxruntime-web, which is fetched once and kept in the cache;
/// NPM_CONFIG_REGISTRY names another registry.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder to write, new or that of an earlier page
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// A built-in or published model, a model folder, or `hf://owner/name[@revision]`; several can be compared
    #[arg(long, value_name = "MODEL", default_value = "kmax-people")]
    model: Vec<String>,
    /// The npm package onnxruntime-web, as its unpacked folder or its archive (default: fetched)
    #[arg(long, value_name = "DIR|TGZ")]
    runtime: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { output, model: names, runtime } = arguments;
    Folder::check(output)?;
    if let Some(twice) =
        names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(name))
    {
        return Err(Failure::new(Code::Usage, format!("--model {twice}: is given twice")));
    }
    let runtime = engine::open(runtime.as_deref())?;
    detail(|| format!("{} {}, {}", kmax_page::PACKAGE, runtime.version(), megabytes(runtime.bytes())));
    let networks = names.iter().map(|name| network(name)).collect::<Outcome<Vec<_>>>()?;
    let written = Folder { networks, runtime }.write(output)?;
    remark(&format!("{} files, {} written: {}", written.files, megabytes(written.bytes), output.display()));
    Ok(())
}

fn network(name: &str) -> Outcome<Network> {
    let opened = model::open(name)?;
    let exported = export(name, &opened, &Options { steps: true, ..Options::default() })?;
    let about = about::about(opened.config());
    Ok(Network { name: name.into(), onnx: exported.into_bytes(), about })
}

//! `kmax merge`: what several processes did of one list becomes what one would have done.

use super::segment::shards::{DoneLine, RunLine, WORK};
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{remark, tell};
use kmax_datasets::coco::PanopticWriter;
use kmax_datasets::convert;
use kmax_datasets::parts::Whole;
use kmax_masks::Categories;
use std::path::{Path, PathBuf};

/// Join the parts that `kmax segment --shard` or `kmax dataset convert --shard` left
///
/// Checks that every entry of every part was done, and writes what one process would have written. What failed is told, each once; a part
/// that is run again tries it anew.
#[derive(clap::Args)]
pub struct Arguments {
    /// What all parts were to write: the folder, or the file
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let out = &arguments.out;
    let fail = |reason: &str| Failure::new(Code::Input, format!("{}: {reason}", out.display()));
    if let Some(joined) = convert::join(out)? {
        return converted(&joined);
    }
    if !out.is_dir() {
        return Err(fail(
            "no part of `kmax dataset convert --shard` lies beside it, and it is no folder of `kmax segment --shard`",
        ));
    }
    let Some(whole) = Whole::<RunLine, DoneLine>::read(out, WORK)? else {
        let reason = if is_of_an_evaluation(out) {
            "holds predictions of an evaluation: the same `kmax eval model` without --shard joins them"
        } else {
            "holds no part of `kmax segment --shard`, and none of `kmax dataset convert --shard` lies beside it"
        };
        return Err(fail(reason));
    };
    segmented(out, whole)
}

fn segmented(folder: &Path, whole: Whole<RunLine, DoneLine>) -> Outcome {
    whole.check(folder, |done| done.is_whole(folder))?;
    let failed = told(&whole.failed());
    let (photos, parts, run) = (whole.run.photos, whole.parts, whole.run.clone());
    if run.listed {
        write_list(folder, &run, whole)?;
    }
    remark(&format!("{} photos of {parts} parts", photos - failed));
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(Code::Partial, format!("{failed} of {photos} photos failed"))),
    }
}

fn converted(joined: &convert::Joined) -> Outcome {
    let convert::Joined { images, parts, failed } = joined;
    match told(failed) {
        0 => {
            remark(&format!("{images} images of {parts} parts"));
            Ok(())
        }
        failed => {
            let reason = format!("{failed} of {} images failed: nothing is joined", images + failed);
            Err(Failure::new(Code::Input, reason))
        }
    }
}

/// Tells what failed, and how many there are.
fn told(failed: &[impl AsRef<str>]) -> usize {
    failed.iter().for_each(|reason| tell(&format!("error: {}", reason.as_ref())));
    failed.len()
}

fn is_of_an_evaluation(folder: &Path) -> bool {
    let is_part = |name: &str| name.starts_with("finished.") && name.contains("-of-");
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| is_part(&entry.file_name().to_string_lossy()))
}

fn write_list(folder: &Path, run: &RunLine, whole: Whole<RunLine, DoneLine>) -> Outcome {
    let categories = Categories::new(run.categories.clone()).or_exit(Code::Input)?;
    let writer = PanopticWriter::create(folder.join("predictions.json")).or_exit(Code::Output)?;
    let (images, annotations): (Vec<_>, Vec<_>) =
        whole.into_done().map(|done| (done.image, done.annotation)).unzip();
    writer.finish(images, annotations.into_iter().flatten().collect(), &categories).or_exit(Code::Output)
}

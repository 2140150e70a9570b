//! `kmax dataset`: checking, showing, converting and cutting what is to be learnt from.

mod convert;
mod show;
mod tile;

use std::path::{Path, PathBuf};

use kmax_datasets::check::{self, CheckReport, Kind};
use kmax_datasets::forms::{self, Opened, Options};

use self::convert::Convert;
use self::show::Show;
use self::tile::Tile;
use super::eval::Bar;
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{print, remark};
use crate::things::ThingsArgument;

/// Check a dataset, look at it, or write its annotations in another form.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// List what breaks training later; exits with 3 if there is anything
    Check(Check),
    /// Draw samples with their labels, class counts and sizes on one page
    Show(Show),
    /// Write annotations in another form
    Convert(Convert),
    /// Cut large images into tiles to learn from
    Tile(Tile),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.what {
        What::Check(arguments) => arguments.run(),
        What::Show(arguments) => arguments.run(),
        What::Convert(arguments) => arguments.run(),
        What::Tile(arguments) => arguments.run(),
    }
}

/// Refuses to write where the input lies, however the two are spelled.
fn apart(input: &Path, out: &Path, reason: &str) -> Outcome {
    match (input.canonicalize(), out.canonicalize()) {
        (Ok(from), Ok(to)) if from == to => {
            Err(Failure::new(Code::Usage, format!("{}: {reason}", out.display())))
        }
        _ => Ok(()),
    }
}

/// Opens a dataset in any form, and says in which it was read.
fn opened(data: &Path, options: &Options) -> Outcome<Opened> {
    let opened = forms::open(data, options)?;
    remark(&format!("{} is read in the form `{}`", data.display(), opened.form.name()));
    opened.notes.iter().for_each(|note| remark(note));
    Ok(opened)
}

/// List what breaks training later.
///
/// Looks at all that is found in the folder: splits of Cityscapes, every json with a folder of PNGs under its name,
/// instances*.json; or, with --classes, at a folder of class maps.
#[derive(clap::Args)]
struct Check {
    /// The dataset's folder, or a single json
    path: PathBuf,
    /// The folder of photos (default: of the usual places the one where most of them are)
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// The folder of PNGs of a single panoptic json (default: named like the json without its ending)
    #[arg(long, value_name = "DIR")]
    pngs: Option<PathBuf>,
    #[command(flatten)]
    things: ThingsArgument,
    /// The folder holds class maps with so many classes
    #[arg(long, value_name = "N")]
    classes: Option<u32>,
    /// The label of class maps that does not count
    #[arg(long, value_name = "LABEL", default_value_t = 255, requires = "classes")]
    ignore: u32,
    /// Kinds of mistakes that are no mistakes here (ADE20K's areas are those before segments were painted over)
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    allow: Vec<Kind>,
    /// List every mistake, not the first ten of each kind
    #[arg(long, short)]
    verbose: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

fn kind(name: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| format!("expected one of {}", names()))
}

/// How many mistakes of a kind are listed.
const LISTED: usize = 10;

impl Check {
    fn run(&self) -> Outcome {
        let mut report = self.look()?;
        report.findings.retain(|finding| !self.allow.contains(&finding.kind));
        let text = if self.json {
            serde_json::to_string_pretty(&report).or_exit(Code::Failed)?
        } else {
            self.table(&report)
        };
        print(&text)?;
        match report.findings.len() {
            0 => Ok(()),
            count => {
                let plural = if count == 1 { "" } else { "s" };
                Err(Failure::new(Code::Input, format!("{}: {count} mistake{plural}", self.path.display())))
            }
        }
    }

    fn look(&self) -> Outcome<CheckReport> {
        let bar = Bar::new();
        if let Some(classes) = self.classes {
            return Ok(check::semantic(&self.path, classes, self.ignore, &bar)?);
        }
        let (photos, things) = (self.photos.as_deref(), self.things.get());
        Ok(match &self.pngs {
            Some(pngs) => check::panoptic(&self.path, pngs, photos, &things, &bar)?,
            None => check::all(&self.path, photos, &things, &bar)?,
        })
    }

    fn table(&self, report: &CheckReport) -> String {
        let mut lines = Vec::new();
        for kind in Kind::ALL {
            let of_kind = || report.findings.iter().filter(|finding| finding.kind == kind);
            let listed = if self.verbose { usize::MAX } else { LISTED };
            lines.extend(of_kind().take(listed).map(ToString::to_string));
            if let Some(more) = of_kind().count().checked_sub(listed).filter(|&more| more > 0) {
                lines.push(format!("{}: {more} more (--verbose lists them)", kind.name()));
            }
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{:14} {:>8}", "kind", "count"));
        lines.extend(Kind::ALL.map(|kind| format!("{:14} {:>8}", kind.name(), report.count(kind))));
        lines.push(format!("{:14} {:>8}", "all", report.findings.len()));
        lines.push(format!("{} labelled images, {} photos", report.images, report.images_read));
        lines.join("\n")
    }
}

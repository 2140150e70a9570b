//! `kmax quantize`: a model whose weights are stored in 8 bits.

mod agreement;
mod sensitive;

use super::models::card::field;
use crate::exit::{Code, Failure, Outcome};
use crate::model;
use crate::output::{megabytes, print, remark};
use crate::photos::{self, Input, Named};
use agreement::{Agreement, Reference, progress};
use kmax::{Model, Quantized, folder};
use kmax_base::read::{MAX_SETTINGS, read_text};
use sensitive::{Kept, keep_sensitive};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Store a model's weights in 8 bits
///
/// Kernels and matrices become integers with a scale for each output channel, a quarter of their size in float32 and half of that in float16;
/// everything else stays as it is. No photos are needed for that; with --photos, what it costs is measured on them and written into
/// the model's card. The model computes in every precision; `--precision int8` loses little more.
#[derive(clap::Args)]
pub struct Arguments {
    /// A built-in or published model, a model folder, or `hf://owner/name[@revision]`
    #[arg(value_name = "MODEL")]
    model: String,
    /// The model folder to write, in place of an older model folder there
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Leave weights whose names begin so as they are, such as `decoder.` (may be given again); int8 multiplies them in float32
    #[arg(long, value_name = "PREFIX")]
    keep: Vec<String>,
    /// Leave parts as they are, first those that lose most, until this PQ (0 to 100) between both models is reached on the photos
    #[arg(long, value_name = "PQ", requires = "photos", value_parser = percent)]
    agree: Option<f64>,
    /// Photos, or folders of them, to compare both models on
    #[arg(long, value_name = "PHOTO", num_args = 1..)]
    photos: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { model: name, output, keep, agree, photos } = arguments;
    // Before the work, which would be lost.
    folder::check_place(output)?;
    let photos = if photos.is_empty() { Vec::new() } else { once(photos::list(photos, None)?.0) };
    let source = model::folder(name)?;
    let place = |path: &Path| std::fs::canonicalize(path).ok();
    if source.as_deref().and_then(place).is_some_and(|source| place(output) == Some(source)) {
        let message = format!("{}: is the model itself, which would be lost", output.display());
        return Err(Failure::new(Code::Usage, message));
    }
    let card = card(name, source.as_deref());
    let original = model::open_in(name, source)?;
    // What cannot be done is told before the photos are looked at.
    original.quantizable(keep)?;
    let reference = if photos.is_empty() { None } else { Some(Reference::new(&original, &photos)?) };
    let (quantized, keep, agreement) = match (&reference, agree) {
        (None, _) => (original.quantized(keep)?, keep.clone(), None),
        (Some(reference), None) => {
            let (quantized, bar) = (original.quantized(keep)?, progress(reference.photos()));
            let agreement = reference.agreement(&quantized.model, || bar.inc(1))?;
            bar.finish_and_clear();
            (quantized, keep.clone(), Some(agreement))
        }
        (Some(reference), Some(least)) => {
            let found = keep_sensitive(&original, keep, least / 100.0, reference)?;
            let Kept { quantized, agreement, names } = found;
            (quantized, names, Some(agreement))
        }
    };
    let section = section(&original, &quantized, &keep, agreement.as_ref());
    quantized.model.write(output, &format!("{}\n\n{section}", card.trim_end()))?;
    let Quantized { tensors, before, bytes, .. } = &quantized;
    remark(&format!(
        "{} tensors in 8 bits: {} in place of {}: {}",
        tensors.len(),
        megabytes(*bytes),
        megabytes(*before),
        output.display()
    ));
    model::tell_shadowed(output);
    if agree.is_some() && !keep.is_empty() {
        remark(&format!("left as they were: {}", keep.join(", ")));
    }
    let (Some(agreement), Some(reference)) = (agreement, reference) else { return Ok(()) };
    print(&agreement.told())?;
    match reference.failed {
        0 => Ok(()),
        failed => {
            Err(Failure::new(Code::Partial, format!("{failed} of {} photos could not be read", photos.len())))
        }
    }
}

/// A share of a hundred, and not of one.
fn percent(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| *value == 0.0 || (*value > 1.0 && *value <= 100.0));
    value.ok_or_else(|| "expected a number from 0 to 100, such as 99".into())
}

/// Each photo once, however often it was named.
fn once(files: Vec<Named>) -> Vec<Input> {
    let mut seen = HashSet::new();
    let place = |file: &Path| std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    photos::named(files.into_iter().filter(|named| seen.insert(place(&named.file))).collect(), None)
}

/// The card of the model, to which a section comes.
fn card(name: &str, folder: Option<&Path>) -> String {
    let read = |folder: &Path| read_text(&folder.join(folder::CARD_FILE), MAX_SETTINGS).ok();
    let own = folder.and_then(read).or_else(|| Model::built_in_card(name).map(Into::into));
    let title = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
    own.map_or_else(|| format!("# {title}\n"), |card| of_before(&card))
}

/// A card whose head says that the numbers of its summary are those of the weights as they were.
fn of_before(card: &str) -> String {
    let Some(summary) = field(card, "summary").filter(|text| !text.is_empty()) else { return card.into() };
    let words = summary.trim_start_matches(['"', '\'']);
    let quote = &summary[..summary.len() - words.len()];
    let line = |summary: &str| format!("\nsummary: {summary}");
    // No colon: the head is YAML. It comes before all that may say the same.
    let told = format!("{quote}in 8 bits, with the numbers of the weights before; {words}");
    card.replacen(&line(summary), &line(&told), 1)
}

fn section(
    original: &Model,
    quantized: &Quantized,
    keep: &[String],
    agreement: Option<&Agreement>,
) -> String {
    let mut text = format!(
        "## Weights in 8 bits\n\n{} tensors are integers with a scale for each output channel, made by `kmax quantize` of the model `{}`, whose numbers are those above: {} in place of {}.\n",
        quantized.tensors.len(),
        original.digest(),
        megabytes(quantized.bytes),
        megabytes(quantized.before)
    );
    if !keep.is_empty() {
        let kept: Vec<_> = keep.iter().map(|name| format!("`{name}`")).collect();
        text += &format!(
            "Left as they were, and multiplied in float32 where the others are in int8: names that begin with {}.\n",
            kept.join(", ")
        );
    }
    if let Some(agreement) = agreement {
        text += &format!("\n{}.\n", agreement.told());
    }
    text
}

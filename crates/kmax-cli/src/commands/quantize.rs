//! `kmax quantize`: a model whose weights are stored in 8 bits.

use super::models::card::field;
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::model;
use crate::output::{bar, megabytes, print, remark};
use crate::photos::{self, Input, Named};
use kmax::{Model, Panoptic, Precision, Quantized, Segmenter, folder};
use kmax_base::read::{MAX_SETTINGS, read_text};
use kmax_metrics::PanopticQuality;
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
    /// Leave weights whose names begin so as they are, such as `decoder.` (may be given again)
    #[arg(long, value_name = "PREFIX")]
    keep: Vec<String>,
    /// Photos, or folders of them, to compare both models on
    #[arg(long, value_name = "PHOTO", num_args = 1..)]
    photos: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { model: name, output, keep, photos } = arguments;
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
    let quantized = original.quantized(keep)?;
    let agreement = match photos.is_empty() {
        true => None,
        false => Some(Agreement::of(&original, &quantized.model, &photos)?),
    };
    let section = section(&original, &quantized, keep, agreement.as_ref());
    quantized.model.write(output, &format!("{}\n\n{section}", card.trim_end()))?;
    let Quantized { tensors, before, bytes, .. } = &quantized;
    remark(&format!(
        "{} tensors in 8 bits: {} in place of {}: {}",
        tensors.len(),
        megabytes(*bytes),
        megabytes(*before),
        output.display()
    ));
    let Some(agreement) = agreement else { return Ok(()) };
    print(&agreement.told())?;
    match agreement.failed {
        0 => Ok(()),
        failed => {
            Err(Failure::new(Code::Partial, format!("{failed} of {} photos could not be read", photos.len())))
        }
    }
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
        text += &format!("Left as they were: names that begin with {}.\n", kept.join(", "));
    }
    if let Some(agreement) = agreement {
        text += &format!("\n{}.\n", agreement.told());
    }
    text
}

/// How much of what one model finds another one finds as well.
struct Agreement {
    photos: usize,
    /// Photos that could not be read.
    failed: usize,
    /// Share of the pixels with the same class.
    pixels: f64,
    /// Panoptic quality, the first model's segments being the truth; `None` if neither found any.
    quality: Option<f64>,
}

impl Agreement {
    /// Of `original` in float32 and `quantized` in int8.
    fn of(original: &Model, quantized: &Model, photos: &[Input]) -> Outcome<Self> {
        let segmenter =
            |model: &Model, precision| Segmenter::builder(model.clone()).precision(precision).build();
        let first = segmenter(original, Precision::Float32).or_fail_loading()?;
        let second = segmenter(quantized, Precision::Int8).or_fail_loading()?;
        let mut quality = PanopticQuality::new(original.config().categories.clone());
        let (mut same, mut all, mut failed) = (0, 0, 0);
        let bar = bar(Some(photos.len() as u64), "{bar:24} {pos}/{len} photos, {eta} left");
        for (at, photo) in photos.iter().enumerate() {
            bar.inc(1);
            let image = match photo.read(&first.reading()) {
                Ok(picture) => picture.image,
                Err(error) => {
                    let failure = Failure::of(&error);
                    if photos.len() == 1 {
                        return Err(failure);
                    }
                    bar.suspend(|| remark(&format!("error: {}", failure.message)));
                    failed += 1;
                    continue;
                }
            };
            let (truth, found) = (first.segment(&image)?, second.segment(&image)?);
            let classes = |panoptic: &Panoptic| panoptic.semantic(u32::MAX);
            let (one, other) = (classes(&truth), classes(&found));
            same += one.data().iter().zip(other.data()).filter(|(a, b)| a == b).count();
            all += one.data().len();
            quality.add((at as i64).into(), &truth, &found)?;
        }
        bar.finish_and_clear();
        if failed == photos.len() {
            return Err(Failure::new(Code::Input, "none of the photos could be read"));
        }
        let quality = quality.report().all.pq;
        Ok(Self { photos: photos.len() - failed, failed, pixels: same as f64 / all.max(1) as f64, quality })
    }

    fn told(&self) -> String {
        let Self { photos, pixels, quality, .. } = self;
        let several = if *photos == 1 { "" } else { "s" };
        let quality =
            quality.map_or_else(|| "no segments".into(), |quality| format!("PQ {:.1}", 100.0 * quality));
        format!(
            "on {photos} photo{several}, in int8 against the model before in float32: {quality}, {:.1} % of the pixels have the same class",
            100.0 * pixels
        )
    }
}

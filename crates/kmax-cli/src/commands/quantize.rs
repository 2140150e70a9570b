//! `kmax quantize`: a model whose weights are stored in 8 bits.

use super::segment::inputs::{self, Input};
use crate::exit::{Code, OrExit, Outcome};
use crate::model;
use crate::output::{bar, megabytes, print, remark};
use kmax::{Model, Panoptic, Precision, RgbImage, Rounded, Segmenter};
use kmax_base::read::{MAX_SETTINGS, read_text};
use kmax_metrics::PanopticQuality;
use std::path::{Path, PathBuf};

/// Store a model's weights in 8 bits
///
/// Kernels and matrices become integers with a scale for each output channel, everything else stays as it is: a quarter of the size of
/// float32, half of float16's. No photos are needed for that; with --photos, what it costs is measured on them and written into
/// the model's card. `kmax segment --precision int8` multiplies the integers as they are stored; any other precision takes them as numbers.
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
    // Before the work: photos that are not there should not cost a model.
    let photos =
        if photos.is_empty() { Vec::new() } else { inputs::named(inputs::list(photos, None)?.0, None) };
    let folder = model::folder(name)?;
    let card = card(name, folder.as_deref());
    let original = model::open_in(name, folder)?;
    let rounded = original.rounded(keep)?;
    let agreement =
        if photos.is_empty() { None } else { Some(Agreement::of(&original, &rounded.model, &photos)?) };
    let section = section(&original, &rounded, keep, agreement.as_ref());
    rounded.model.write(output, &format!("{}\n\n{section}", card.trim_end()))?;
    let Rounded { tensors, before, bytes, .. } = &rounded;
    remark(&format!(
        "{} tensors in 8 bits: {} in place of {}: {}",
        tensors.len(),
        megabytes(*bytes),
        megabytes(*before),
        output.display()
    ));
    agreement.map_or(Ok(()), |agreement| print(&agreement.told()))
}

/// The card of the model, to which a section comes.
fn card(name: &str, folder: Option<&Path>) -> String {
    let read = |folder: &Path| read_text(&folder.join(kmax::folder::CARD_FILE), MAX_SETTINGS).ok();
    let own = folder.and_then(read).or_else(|| Model::built_in_card(name).map(Into::into));
    own.unwrap_or_else(|| format!("# {name}\n"))
}

fn section(original: &Model, rounded: &Rounded, keep: &[String], agreement: Option<&Agreement>) -> String {
    let mut text = format!(
        "## Weights in 8 bits\n\n{} tensors are integers with a scale for each output channel, made by `kmax quantize` of the model `{}`: {} in place of {}.\n",
        rounded.tensors.len(),
        original.digest(),
        megabytes(rounded.bytes),
        megabytes(rounded.before)
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
    /// Share of the pixels with the same class.
    pixels: f64,
    /// Panoptic quality, the first model's segments being the truth; `None` if neither found any.
    quality: Option<f64>,
}

impl Agreement {
    /// Of `original` in float32 and `rounded` in int8.
    fn of(original: &Model, rounded: &Model, photos: &[Input]) -> Outcome<Self> {
        let segmenter =
            |model: &Model, precision| Segmenter::builder(model.clone()).precision(precision).build();
        let first = segmenter(original, Precision::Float32).or_fail_loading()?;
        let second = segmenter(rounded, Precision::Int8).or_fail_loading()?;
        let mut quality = PanopticQuality::new(original.config().categories.clone());
        let (mut same, mut all) = (0, 0);
        let bar = bar(Some(photos.len() as u64), "{bar:24} {pos}/{len} photos, {eta} left");
        for (at, photo) in photos.iter().enumerate() {
            let image: RgbImage = photo.read(&first.reading()).or_exit(Code::Input)?.image;
            let (truth, found) = (first.segment(&image)?, second.segment(&image)?);
            let classes = |panoptic: &Panoptic| panoptic.semantic(u32::MAX);
            let (one, other) = (classes(&truth), classes(&found));
            same += one.data().iter().zip(other.data()).filter(|(a, b)| a == b).count();
            all += one.data().len();
            quality.add((at as i64).into(), &truth, &found)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let quality = quality.report().all.pq;
        Ok(Self { photos: photos.len(), pixels: same as f64 / all.max(1) as f64, quality })
    }

    fn told(&self) -> String {
        let Self { photos, pixels, quality } = self;
        let quality =
            quality.map_or_else(|| "no segments".into(), |quality| format!("PQ {:.1}", 100.0 * quality));
        format!(
            "on {photos} photos, in int8 against the model in float32: {quality}, {:.1} % of the pixels have the same class",
            100.0 * pixels
        )
    }
}

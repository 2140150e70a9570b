//! Which parts of a network lose most in 8 bits.

use super::agreement::{Agreement, Reference, progress};
use crate::exit::{Code, Failure, Outcome};
use crate::output::{detail, megabytes};
use indicatif::ProgressBar;
use kmax::{Model, Quantized};

/// A model of which the parts that lose most were kept.
pub struct Kept {
    pub quantized: Quantized,
    pub agreement: Agreement,
    /// Beginnings of the names of what was kept: what was asked for, and what was found.
    pub names: Vec<String>,
}

/// Keeps `kept`, and of the other parts, those first that alone lose most for each byte that they save, as few as give a panoptic quality of
/// `least`, in 0..1.
///
/// Each part is measured by itself, in 8 bits between parts that stay, which is not what it costs beside others; but what is kept in the end
/// was measured together.
pub fn keep_sensitive(
    model: &Model,
    kept: &[String],
    least: f64,
    reference: &Reference<'_>,
) -> Outcome<Kept> {
    let is_kept = |part: &String| kept.iter().any(|kept| part.starts_with(kept.as_str()));
    let mut parts = model.quantizable()?;
    parts.retain(|part| !is_kept(part));
    let most = measures_at_most(parts.len());
    let bar = progress(most * reference.photos());
    let measured = |names: Vec<String>| measured(model, names, reference, &bar);
    let enough = |kept: &Kept| kept.agreement.quality.is_none_or(|quality| quality >= least);

    let all = measured(kept.to_vec())?;
    if enough(&all) {
        bar.finish_and_clear();
        return Ok(all);
    }
    let mut losses = Vec::new();
    for part in &parts {
        let others = parts.iter().filter(|other| *other != part);
        let Kept { quantized, agreement, .. } = measured(kept.iter().chain(others).cloned().collect())?;
        let (loss, saved) = (1.0 - agreement.quality.unwrap_or(1.0), quantized.before - quantized.bytes);
        losses.push((loss / saved as f64, part));
        detail(|| {
            format!("{part} alone in 8 bits: PQ {:.2}, {} less", 100.0 * (1.0 - loss), megabytes(saved))
        });
    }
    losses.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    // The fewest that are enough; all of them would leave nothing to quantize.
    let first = |count: usize| {
        let found = losses[..count].iter().map(|(_, part)| *part);
        measured(kept.iter().chain(found).cloned().collect())
    };
    let (mut too_few, mut best) = (0, None);
    let mut end = losses.len();
    while too_few + 1 < end {
        let middle = too_few + (end - too_few) / 2;
        let found = first(middle)?;
        if enough(&found) {
            (end, best) = (middle, Some(found));
        } else {
            too_few = middle;
        }
    }
    bar.finish_and_clear();
    best.ok_or_else(|| {
        let message = format!("no part of the model can be in 8 bits with PQ {:.1}", 100.0 * least);
        Failure::new(Code::Usage, message)
    })
}

/// Everything at once, each part, and a search among their numbers.
fn measures_at_most(parts: usize) -> usize {
    1 + parts + parts.checked_ilog2().unwrap_or(0) as usize + 1
}

fn measured(
    model: &Model,
    names: Vec<String>,
    reference: &Reference<'_>,
    bar: &ProgressBar,
) -> Outcome<Kept> {
    let quantized = model.quantized(&names)?;
    let agreement = reference.agreement(&quantized.model, || bar.inc(1))?;
    Ok(Kept { quantized, agreement, names })
}

//! Which parts of a network lose most in 8 bits.

use super::agreement::{Agreement, Reference, progress};
use crate::exit::{Code, Failure, Outcome};
use crate::output::detail;
use indicatif::ProgressBar;
use kmax::{Model, QuantizablePart, Quantized};

/// A model of which the parts that lose most were kept.
pub struct Kept {
    pub quantized: Quantized,
    pub agreement: Agreement,
    /// Beginnings of the names of what was kept: what was asked for, and what was found.
    pub names: Vec<String>,
}

/// A part of the network, and the panoptic quality between both models with it alone in 8 bits.
struct Alone {
    part: QuantizablePart,
    quality: f64,
}

/// Keeps `kept`, and parts one after the other, first those that alone lose most for each byte that they save, until the panoptic quality is
/// `least`, in 0..1.
///
/// What a part loses beside others is not what it loses alone, so that another choice may need fewer; but what is kept in the end was
/// measured together.
pub fn keep_sensitive(
    model: &Model,
    kept: &[String],
    least: f64,
    reference: &Reference<'_>,
) -> Outcome<Kept> {
    let parts = model.quantizable(kept)?;
    let names: Vec<_> = parts.iter().map(|part| part.name.clone()).collect();
    // All at once, each alone, and at most as many steps.
    let bar = progress(2 * names.len() * reference.photos());
    let with =
        |names: &[&str]| [kept, &names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>()].concat();
    let measured = |names: &[&str]| measured(model, with(names), reference, &bar);
    let enough = |kept: &Kept| kept.agreement.quality.is_some_and(|quality| quality >= least);

    let all = measured(&[])?;
    let Some(quality) = all.agreement.quality else {
        let message = "the model finds nothing in these photos: there is nothing to agree on";
        return Err(Failure::new(Code::Input, message));
    };
    tell(&bar, || format!("all in 8 bits: PQ {:.2}", 100.0 * quality));
    if enough(&all) {
        bar.finish_and_clear();
        return Ok(all);
    }
    drop(all);
    let mut alone = Vec::new();
    for part in parts {
        let others: Vec<_> = names.iter().filter(|other| **other != part.name).map(String::as_str).collect();
        let quality = measured(&others)?.agreement.quality.unwrap_or(1.0);
        tell(&bar, || {
            format!("{} alone in 8 bits: PQ {:.2}, {} bytes less", part.name, 100.0 * quality, part.saves)
        });
        alone.push(Alone { part, quality });
    }
    let loss = |alone: &Alone| (1.0 - alone.quality) / alone.part.saves.max(1) as f64;
    alone.sort_by(|one, other| loss(other).total_cmp(&loss(one)));
    let names: Vec<_> = alone.iter().map(|alone| alone.part.name.as_str()).collect();
    for count in 1..names.len() {
        let found = measured(&names[..count])?;
        let quality = found.agreement.quality.unwrap_or_default();
        tell(&bar, || format!("{} kept as well: PQ {:.2}", names[count - 1], 100.0 * quality));
        if enough(&found) {
            bar.finish_and_clear();
            return Ok(found);
        }
    }
    bar.finish_and_clear();
    let best = alone.iter().max_by(|one, other| one.quality.total_cmp(&other.quality));
    let Some(best) = best.filter(|best| best.quality >= least) else {
        let told = best.map_or_else(String::new, |best| {
            format!(": {} alone gives {:.3}", best.part.name, 100.0 * best.quality)
        });
        let message = format!("no part of the model can be in 8 bits with PQ {}{told}", 100.0 * least);
        return Err(Failure::new(Code::Usage, message));
    };
    let others: Vec<_> = names.into_iter().filter(|name| *name != best.part.name).collect();
    measured(&others)
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

fn tell(bar: &ProgressBar, text: impl FnOnce() -> String) {
    bar.suspend(|| detail(text));
}

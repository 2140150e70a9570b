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
    // All at once, each alone, and at most as many steps.
    let bar = progress(2 * parts.len() * reference.photos());
    let found = Search { model, kept, reference, bar: &bar }.until(least, parts);
    bar.finish_and_clear();
    found
}

struct Search<'a> {
    model: &'a Model,
    kept: &'a [String],
    reference: &'a Reference<'a>,
    bar: &'a ProgressBar,
}

impl Search<'_> {
    fn until(&self, least: f64, parts: Vec<QuantizablePart>) -> Outcome<Kept> {
        let enough = |kept: &Kept| kept.agreement.quality.is_some_and(|quality| quality >= least);
        let all = self.measured(&[])?;
        let Some(quality) = all.agreement.quality else {
            let message = "the model finds nothing in these photos: there is nothing to agree on";
            return Err(Failure::new(Code::Input, message));
        };
        self.tell(|| format!("all in 8 bits: PQ {:.2}", 100.0 * quality));
        if enough(&all) {
            return Ok(all);
        }
        drop(all);
        let parts = self.by_loss(parts)?;
        let names: Vec<_> = parts.iter().map(|alone| alone.part.name.as_str()).collect();
        for count in 1..names.len() {
            let found = self.measured(&names[..count])?;
            let quality = found.agreement.quality.unwrap_or_default();
            self.tell(|| format!("{} kept as well: PQ {:.2}", names[count - 1], 100.0 * quality));
            if enough(&found) {
                return Ok(found);
            }
        }
        let best = parts.iter().max_by(|one, other| one.quality.total_cmp(&other.quality));
        let Some(best) = best.filter(|best| best.quality >= least) else {
            let told = best.map_or_else(String::new, |best| {
                format!(": {} alone gives {:.3}", best.part.name, 100.0 * best.quality)
            });
            let message = format!("no part of the model can be in 8 bits with PQ {}{told}", 100.0 * least);
            return Err(Failure::new(Code::Usage, message));
        };
        let others: Vec<_> = names.into_iter().filter(|name| *name != best.part.name).collect();
        self.measured(&others)
    }

    /// Each part alone, first those that lose most for each byte.
    fn by_loss(&self, parts: Vec<QuantizablePart>) -> Outcome<Vec<Alone>> {
        let names: Vec<_> = parts.iter().map(|part| part.name.clone()).collect();
        let mut measured = Vec::new();
        for part in parts {
            let others = names.iter().filter(|other| **other != part.name).map(String::as_str);
            let quality = self.measured(&others.collect::<Vec<_>>())?.agreement.quality.unwrap_or(1.0);
            let QuantizablePart { name, saves } = &part;
            self.tell(|| format!("{name} alone in 8 bits: PQ {:.2}, {saves} bytes less", 100.0 * quality));
            measured.push(Alone { part, quality });
        }
        let loss = |alone: &Alone| (1.0 - alone.quality) / alone.part.saves.max(1) as f64;
        measured.sort_by(|one, other| loss(other).total_cmp(&loss(one)));
        Ok(measured)
    }

    /// What the model and the one that keeps `names` as well agree on.
    fn measured(&self, names: &[&str]) -> Outcome<Kept> {
        let found = names.iter().map(|name| (*name).to_string());
        let names: Vec<_> = self.kept.iter().cloned().chain(found).collect();
        let quantized = self.model.quantized(&names)?;
        let agreement = self.reference.agreement(&quantized.model, || self.bar.inc(1))?;
        Ok(Kept { quantized, agreement, names })
    }

    fn tell(&self, text: impl FnOnce() -> String) {
        self.bar.suspend(|| detail(text));
    }
}

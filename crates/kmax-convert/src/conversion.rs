//! From a checkpoint of a reference implementation to a model folder.

use crate::checksum::checksums;
use crate::chosen::Chosen;
use crate::contents::Contents;
use crate::error::{Error, Result};
use crate::fit::Variant;
use crate::names::rows::ClassRows;
use crate::reference;
use crate::write::Weights;
use kmax_checkpoints::{Checkpoint, Format, WeightSet};
use kmax_masks::Dataset;
use kmax_model::{ModelCard, Preset, Published, Reference, Release, folder};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// What to convert.
#[derive(Debug, Clone, Copy)]
pub struct Conversion<'a> {
    /// A checkpoint as [`Checkpoint::open`] takes it.
    pub from: &'a Path,
    /// The model folder to write. An older model folder there is replaced.
    pub to: &'a Path,
    /// Name of the preset that the checkpoint is of; none: guessed from its tensors, where they allow.
    pub variant: Option<&'a str>,
    /// Whether to write float16. A tensor that it cannot hold stays float32.
    pub half: bool,
    /// Which weights are meant, where the checkpoint holds several sets.
    pub weights: &'a WeightSet,
}

/// What was converted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Name of the preset.
    pub variant: String,
    /// Presets that are the same network, so that the guess may be wrong about the input's size, thresholds, or which weights
    /// they are.
    pub alike: Vec<String>,
    /// Whose checkpoint it was.
    pub reference: Reference,
    /// How the checkpoint is stored.
    pub format: Format,
    /// What of it was converted, and what else it holds.
    pub chosen: Chosen,
    /// Name and SHA-256 of its files.
    pub files: Vec<(String, String)>,
    /// Entries of the checkpoint.
    pub read: usize,
    /// Those that became parameters.
    pub mapped: usize,
    /// Those that are bookkeeping: counters, the object graph, what an optimizer keeps; and other sets of weights.
    pub skipped: usize,
    /// Bytes of the weights written.
    pub bytes: u64,
    /// How long it took.
    pub time: Duration,
}

impl Conversion<'_> {
    /// Converts. Tensors are streamed: besides the mapped checkpoint only a few are in memory at a time. A TensorFlow
    /// checkpoint in an archive stays there: the disk holds the archive and the folder.
    ///
    /// # Errors
    /// If the checkpoint is damaged, is of no known variant or may be of several, lacks tensors, or has unknown or misshapen ones, all of which
    /// are named; or if the folder cannot be written. What was there before is then as it was.
    pub fn run(self) -> Result<Summary> {
        let start = Instant::now();
        let checkpoint = Checkpoint::open_set(self.from, self.weights)?;
        let chosen = Chosen::of(&checkpoint, self.weights)?;
        let contents = Contents::of(&checkpoint, &chosen)?;
        if !reference::is_whole(contents.naming) || contents.is_encoder() {
            return Err(Error::contents(self.from, "an encoder alone: write it to a file, FILE.safetensors"));
        }
        let variant = match self.variant {
            Some(name) => Variant::named(name)?,
            None => Variant::guess(&contents, self.from)?,
        };
        variant.check(&contents, self.from)?;
        // No checkpoint has all tensors of one that is not published.
        let Preset::Published(published) = variant.preset else {
            return Err(Error::contents(self.from, format!("is no {}", variant.preset.name())));
        };
        let reference = published.reference();
        let mut summary = Summary {
            variant: variant.preset.name(),
            alike: if self.variant.is_some() { Vec::new() } else { variant.alike.clone() },
            reference,
            format: checkpoint.format(),
            chosen,
            files: Vec::new(),
            read: checkpoint.len() + checkpoint.skipped().len(),
            mapped: contents.parameters.len(),
            skipped: contents.skipped,
            bytes: 0,
            time: Duration::ZERO,
        };
        let rows = class_rows(published);
        let parameters = &contents.parameters;
        let weights = Weights { checkpoint: &checkpoint, parameters, rows: rows.as_ref(), half: self.half };
        folder::save_with(self.to, &variant.config, |file| {
            // The one waits for the processor, the other for the disk.
            let (files, bytes) = rayon::join(|| checksums(&checkpoint.files()), || weights.write(file));
            (summary.files, summary.bytes) = (files?, bytes?);
            Ok::<_, Error>(summary.card(published.release(), self.half))
        })?;
        summary.time = start.elapsed();
        Ok(summary)
    }
}

/// How deeplab2 orders the classes of a variant; the others have the order of ours.
fn class_rows(variant: Published) -> Option<ClassRows> {
    if variant.reference() != Reference::Deeplab2 {
        return None;
    }
    let things: Vec<bool> = variant.dataset().categories().iter().map(|class| class.isthing).collect();
    // The ids of the label files that deeplab2 trains its semantic head on.
    let from_one = variant.dataset() != Dataset::Cityscapes;
    Some(ClassRows::new(&things, from_one, true))
}

impl Summary {
    fn card(&self, release: &Release, half: bool) -> ModelCard {
        let mut text = format!(
            "Converted without change of values{} by kmax {} from a checkpoint of [{}]({}) ({}).\n\n\
             | file | SHA-256 |\n| --- | --- |\n",
            if half { " but rounding to float16" } else { "" },
            env!("CARGO_PKG_VERSION"),
            self.reference.title(),
            self.reference.repository(),
            self.format,
        );
        for (name, sha256) in &self.files {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {name} | `{sha256}` |");
        }
        if self.chosen != Chosen::default() {
            let _ = writeln!(text, "\nOf what it holds: {}.", self.chosen);
        }
        let note = if release.note.is_empty() { String::new() } else { format!(" ({})", release.note) };
        let _ = write!(
            text,
            "\nThe authors publish a checkpoint of this variant{note} at <{}> and report PQ {:.1} for it.\n",
            release.url(),
            100.0 * release.pq
        );
        let license = match self.reference {
            Reference::Coconut => {
                "The page of the weights says `cc`, a Creative Commons licence without saying which; the code's repository is under \
                 Apache-2.0, and says of its dataset that it cannot be used for commercial purposes. The images of the dataset have \
                 terms of their own."
            }
            _ => {
                "Apache-2.0, as the reference implementation's repository; its authors state no other licence for the weights. \
                 The datasets that they were trained on have terms of their own."
            }
        };
        ModelCard {
            name: self.variant.clone(),
            license: release.license().into(),
            sections: vec![("Provenance".into(), text), ("Licence".into(), license.into())],
        }
    }
}

//! Which variant a checkpoint is of, and what stands against it.

use crate::contents::Contents;
use crate::error::{Error, Result};
use crate::reference;
use kmax_base::nearest;
use kmax_model::{Config, Preset, Reference};
use std::collections::BTreeMap;
use std::path::Path;

type Shapes = BTreeMap<String, Vec<usize>>;

/// Parameters that only training needs.
const TRAINING: &str = "semantic_head.";

/// What a checkpoint lacks for a variant, has besides, or has in other shapes. Names are ours, `unknown` theirs.
#[derive(Debug, Default)]
pub(super) struct Misfits<'a> {
    missing: Vec<&'a str>,
    unused: Vec<&'a str>,
    misshapen: Vec<&'a str>,
}

impl<'a> Misfits<'a> {
    /// All parameters that inference needs must be there; those of training alone may.
    fn find(contents: &'a Contents, known: &'a Shapes) -> Self {
        let found = &contents.parameters;
        let lacks = |name: &&String| !name.starts_with(TRAINING) && !found.contains_key(*name);
        let missing = known.keys().filter(lacks).map(String::as_str);
        let unused = found.keys().filter(|name| !known.contains_key(*name)).map(String::as_str);
        let misshapen = known.iter().filter(|(name, expected)| {
            found.get(*name).is_some_and(|parameter| parameter.ours.as_ref() != Some(*expected))
        });
        Self {
            missing: missing.collect(),
            unused: unused.collect(),
            misshapen: misshapen.map(|(name, _)| name.as_str()).collect(),
        }
    }

    fn count(&self) -> usize {
        self.missing.len() + self.unused.len() + self.misshapen.len()
    }
}

/// A variant to convert to.
pub(super) struct Variant {
    pub preset: Preset,
    pub config: Config,
    /// Other presets whose tensors are the same.
    pub alike: Vec<String>,
    known: Shapes,
}

impl Variant {
    fn of(preset: Preset) -> Result<Self> {
        let config = preset.config();
        let known = config.network.shapes(true)?;
        Ok(Self { preset, config, alike: Vec::new(), known })
    }

    fn misfits<'a>(&'a self, contents: &'a Contents) -> Misfits<'a> {
        Misfits::find(contents, &self.known)
    }

    /// The variant of that name.
    pub fn named(name: &str) -> Result<Self> {
        let all = Preset::all().into_iter().map(|preset| preset.name()).collect::<Vec<_>>();
        let Some(preset) = Preset::named(name) else {
            let like =
                nearest(name, all.iter().map(String::as_str)).map(|near| format!(", did you mean {near}?"));
            let like = like.unwrap_or_else(|| format!("; there are {}", all.join(", ")));
            return Err(Error::UnknownVariant(format!("no variant `{name}`{like}")));
        };
        Self::of(preset)
    }

    /// The published variant whose tensors are most like a checkpoint's. `file` decides between input sizes.
    pub fn guess(contents: &Contents, reference: Reference, file: &Path) -> Result<Self> {
        let logits =
            contents.parameters.get("decoder.predictor.class.bias").and_then(|bias| bias.ours.clone());
        let mut best: Option<(usize, Self)> = None;
        for preset in Preset::all() {
            let Preset::Published(variant) = preset else { continue };
            // All others would fit less; asking them takes time.
            let classes = variant.dataset().categories().len();
            if variant.reference() != reference
                || logits.as_ref().is_some_and(|shape| *shape != [classes + 1])
            {
                continue;
            }
            let candidate = Self::of(preset)?;
            let count = candidate.misfits(contents).count();
            match &mut best {
                Some((least, first)) if *least == count => first.alike.push(preset.name()),
                Some((least, _)) if *least < count => {}
                _ => best = Some((count, candidate)),
            }
        }
        let Some((count, best)) = best else {
            let whose = reference::title(reference);
            return Err(Error::contents(
                file,
                format!("no variant of {whose} has class logits of shape {logits:?}"),
            ));
        };
        if count * 2 > best.known.len() {
            let reason = format!(
                "tensors of no published variant of {}: even {} differs in {count} of {}; name one with --variant to see how",
                reference::title(reference),
                best.preset.name(),
                best.known.len(),
            );
            return Err(Error::contents(file, reason));
        }
        best.prefer(file)
    }

    /// Of variants whose tensors are the same, the one whose tag's end (`1281`, `unlabeled`) is in the file's name.
    fn prefer(self, file: &Path) -> Result<Self> {
        let text = file.to_string_lossy();
        let Some(wanted) = self.alike.iter().find(|name| {
            name.rsplit_once('.')
                .and_then(|(_, tag)| tag.split_once('-'))
                .is_some_and(|(_, end)| text.contains(end))
        }) else {
            return Ok(self);
        };
        let mut other = Self::named(wanted)?;
        other.alike = self.alike.iter().filter(|name| *name != wanted).cloned().collect();
        other.alike.push(self.preset.name());
        Ok(other)
    }

    /// Fails unless every tensor has its place.
    pub fn check(&self, contents: &Contents, reference: Reference, file: &Path) -> Result<()> {
        let misfits = self.misfits(contents);
        let told = Told { variant: self, contents, reference }.tell(&misfits);
        if told.is_empty() {
            return Ok(());
        }
        let reason = format!("is no {}: {}", self.preset.name(), told.join("; "));
        Err(Error::contents(file, reason))
    }
}

/// Names told of each sort of misfit.
const MOST: usize = 8;

/// Puts misfits into words, in the names of the checkpoint.
struct Told<'a> {
    variant: &'a Variant,
    contents: &'a Contents,
    reference: Reference,
}

impl Told<'_> {
    fn theirs(&self, ours: &str) -> String {
        let found = self.contents.parameters.get(ours).map(|parameter| parameter.name.clone());
        let known = || reference::name_of(self.reference, ours, &self.variant.config);
        found.or_else(known).unwrap_or_else(|| ours.into())
    }

    fn tell(&self, misfits: &Misfits<'_>) -> Vec<String> {
        let unknown = self.contents.unknown.iter().cloned();
        let unused: Vec<String> =
            misfits.unused.iter().map(|name| self.theirs(name)).chain(unknown).collect();
        let missing: Vec<String> = misfits.missing.iter().map(|name| self.theirs(name)).collect();
        let known: Vec<String> = self.variant.known.keys().map(|name| self.theirs(name)).collect();
        let misshapen = |name: &&str| {
            let (parameter, expected) = (&self.contents.parameters[*name], &self.variant.known[*name]);
            match &parameter.ours {
                Some(shape) => {
                    format!("`{}` is {shape:?} in our layout, expected {expected:?}", parameter.name)
                }
                None => format!(
                    "`{}` is {:?} of its type, expected {expected:?} floats",
                    parameter.name, parameter.shape
                ),
            }
        };
        let like = |name: &String, among: &[String]| {
            let near = nearest(name, among.iter().map(String::as_str).filter(|other| *other != name));
            near.map_or_else(|| format!("`{name}`"), |near| format!("`{name}` (like `{near}`)"))
        };
        let list = |sort: &str, count: usize, told: Vec<String>| {
            let more =
                if count > told.len() { format!(" and {} more", count - told.len()) } else { String::new() };
            (count > 0).then(|| format!("{count} {sort}: {}{more}", told.join(", ")))
        };
        // Only what is told is compared: the search is quadratic.
        let hinted =
            |names: &[String], among: &[String]| names.iter().take(MOST).map(|n| like(n, among)).collect();
        [
            list("missing", missing.len(), hinted(&missing, &unused)),
            list("unused", unused.len(), hinted(&unused, &known)),
            list(
                "misshapen",
                misfits.misshapen.len(),
                misfits.misshapen.iter().take(MOST).map(misshapen).collect(),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

//! Which variant a checkpoint is of, and what stands against it.

use crate::contents::Contents;
use crate::error::{Error, Result};
use crate::reference;
use kmax_base::nearest;
use kmax_model::{Config, Preset};
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
    /// Other presets that it may be as well: the same network.
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
            let longer = Preset::continuations(name);
            let near = || nearest(name, all.iter().map(String::as_str)).map(str::to_string);
            let meant = if longer.is_empty() { near() } else { Some(longer.join(" or ")) };
            let like = meant.map(|meant| format!(", did you mean {meant}?"));
            let like = like.unwrap_or_else(|| format!("; there are {}", all.join(", ")));
            return Err(Error::UnknownVariant(format!("no variant `{name}`{like}")));
        };
        Self::of(preset)
    }

    /// The published variant whose tensors are most like a checkpoint's. Of several that are the same network, what the name of
    /// `file` says decides, and else the first is taken.
    pub fn guess(contents: &Contents, file: &Path) -> Result<Self> {
        let logits =
            contents.parameters.get("decoder.predictor.class.bias").and_then(|bias| bias.ours.clone());
        let mut least = usize::MAX;
        let mut best: Vec<Self> = Vec::new();
        for preset in Preset::all() {
            let Preset::Published(variant) = preset else { continue };
            // All others would fit less; asking them takes time.
            let classes = variant.dataset().categories().len();
            if reference::naming_of(preset) != Some(contents.naming)
                || logits.as_ref().is_some_and(|shape| *shape != [classes + 1])
            {
                continue;
            }
            let candidate = Self::of(preset)?;
            let count = candidate.misfits(contents).count();
            if count < least {
                (least, best) = (count, Vec::new());
            }
            if count == least {
                best.push(candidate);
            }
        }
        let whose = contents.naming;
        let Some(first) = best.first() else {
            let reason = format!("no variant with the names of {whose} has class logits of shape {logits:?}");
            return Err(Error::contents(file, reason));
        };
        if least * 2 > first.known.len() {
            let reason = format!(
                "tensors of no published variant with the names of {whose}: even {} differs in {least} of {}; name one with \
                 --variant to see how",
                first.preset.name(),
                first.known.len(),
            );
            return Err(Error::contents(file, reason));
        }
        let all: Vec<_> = best.iter().map(|variant| variant.preset.name()).collect();
        if best.iter().any(|variant| variant.is_meant_by(file)) {
            best.retain(|variant| variant.is_meant_by(file));
        }
        let mut best = best.into_iter();
        let Some(first) = best.next() else { return Err(Error::contents(file, "of no variant")) };
        let others: Vec<_> = best.collect();
        // Tensors that fit nobody are told of one of them.
        if least == 0 && others.iter().any(|other| !first.is_same_network(other)) {
            let candidates =
                [&first].into_iter().chain(&others).map(|variant| variant.preset.name()).collect();
            return Err(Error::Ambiguous { file: file.into(), candidates });
        }
        let name = first.preset.name();
        let alike = all.into_iter().filter(|other| *other != name).collect();
        Ok(Self { alike, ..first })
    }

    /// Whether one may be taken for the other: the same computation and classes, with other weights, thresholds or input sizes.
    fn is_same_network(&self, other: &Self) -> bool {
        (&self.config.network, &self.config.categories) == (&other.config.network, &other.config.categories)
    }

    /// Whether the file's name or folder has what tells this preset from others of its network: `1281`, `unlabeled`,
    /// `coconut_s`.
    fn is_meant_by(&self, file: &Path) -> bool {
        let name = self.preset.name();
        let Some((reference, end)) = name.rsplit_once('.').and_then(|(_, tag)| tag.split_once('-')) else {
            return false;
        };
        let mark = match (reference, end.split_once('-')) {
            ("coconut", Some((subset, _))) => format!("coconut_{subset}"),
            ("coconut", None) => format!("coconut_{end}"),
            _ => end.into(),
        };
        let text = file.to_string_lossy().to_lowercase().replace('-', "_");
        text.match_indices(&mark).any(|(at, _)| !text[at + mark.len()..].starts_with(char::is_alphanumeric))
    }

    /// Fails unless every tensor has its place.
    pub fn check(&self, contents: &Contents, file: &Path) -> Result<()> {
        let name = self.preset.name();
        let naming = reference::naming_of(self.preset);
        if let Some(naming) = naming.filter(|naming| *naming != contents.naming) {
            let found = contents.parameters.values().next().map_or("", |parameter| &parameter.name);
            let expected = self.known.keys().find_map(|ours| reference::name_of(naming, ours, &self.config));
            let expected = expected.unwrap_or_default();
            let reason = format!(
                "is no {name}: has the names of {} (`{found}`), expected those of {naming} (`{expected}`)",
                contents.naming
            );
            return Err(Error::contents(file, reason));
        }
        let misfits = self.misfits(contents);
        let told = Told { variant: self, contents }.tell(&misfits);
        if told.is_empty() {
            return Ok(());
        }
        Err(Error::contents(file, format!("is no {name}: {}", told.join("; "))))
    }
}

/// Names told of each sort of misfit.
const MOST: usize = 8;

/// Puts misfits into words, in the names of the checkpoint.
struct Told<'a> {
    variant: &'a Variant,
    contents: &'a Contents,
}

impl Told<'_> {
    fn theirs(&self, ours: &str) -> String {
        let found = self.contents.parameters.get(ours).map(|parameter| parameter.name.clone());
        let known = || reference::name_of(self.contents.naming, ours, &self.variant.config);
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
        // The search is quadratic.
        let hinted = |names: &[String], among: &[String]| match names {
            // So many are of another network, not misspelt.
            [told @ .., _] if told.len() >= MOST => {
                names.iter().take(MOST).map(|n| format!("`{n}`")).collect()
            }
            _ => names.iter().map(|n| like(n, among)).collect(),
        };
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

#[cfg(test)]
mod matrix;

//! Which weights of a checkpoint are converted, where it wraps them or holds several sets.

use crate::error::{Error, Result};
use kmax_checkpoints::{Checkpoint, WeightSet};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// What was chosen in a checkpoint, and what else was there.
///
/// As text it is a line for users, empty where there was nothing to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chosen {
    /// The keys that lead to the weights, with dots between; empty if they are the whole file.
    pub path: String,
    /// What was taken off the front of their names, such as `module.`.
    pub prefix: String,
    /// Other sets of weights, by key or prefix.
    pub others: Vec<String>,
    /// What lay beside them: an optimizer, a number of epochs.
    pub beside: Vec<String>,
    /// How many tensors have names without the prefix and are no set of weights.
    pub outside: usize,
}

/// The tensors whose names have a prefix in common.
struct Group<'a> {
    prefix: &'a str,
    set: WeightSet,
    count: usize,
}

impl Chosen {
    /// Of the sets that `asked` means, the one of most tensors. An average stands in for a model that is not there.
    pub(crate) fn of(checkpoint: &Checkpoint, asked: &WeightSet) -> Result<Self> {
        let wrapping = checkpoint.wrapping();
        let groups = groups(checkpoint.tensors().map(|(name, _)| name));
        // Under the key that was asked for, the model's own names are meant.
        let asked_here = if wrapping.is_asked { &WeightSet::Model } else { asked };
        let largest = |is_meant: &dyn Fn(&Group<'_>) -> bool| {
            let meant = groups.iter().filter(|group| is_meant(group));
            meant.max_by_key(|group| (group.count, Reverse(group.prefix.len())))
        };
        let chosen = match asked_here {
            WeightSet::Named(name) => largest(&|group| {
                let prefix = group.prefix.trim_end_matches('.');
                prefix == name || prefix.split('.').any(|word| word == name)
            }),
            WeightSet::Model => {
                largest(&|group| group.set == WeightSet::Model).or_else(|| largest(&|_| true))
            }
            set => largest(&|group| group.set == *set),
        };
        let mut found = Self {
            path: wrapping.path.clone(),
            others: wrapping.others.clone(),
            beside: wrapping.beside.clone(),
            ..Self::default()
        };
        let Some(chosen) = chosen else {
            // Without tensors there is nothing to choose from.
            if groups.is_empty() && wrapping.is_asked {
                return Ok(found);
            }
            let keys = std::iter::once(&wrapping.path).chain(&wrapping.others).map(String::as_str);
            let sets = keys.chain(groups.iter().map(|group| group.prefix)).filter(|name| !name.is_empty());
            let sets: Vec<_> = sets.take(MOST).map(|name| format!("`{name}`")).collect();
            let sets = if sets.is_empty() { "the model's own alone".into() } else { sets.join(", ") };
            let reason = format!("holds no weights `{asked}`; there are {sets}");
            return Err(Error::contents(checkpoint.path(), reason));
        };
        found.prefix = chosen.prefix.into();
        for group in groups.iter().filter(|group| group.prefix != chosen.prefix) {
            // A counter or a loss is no set of weights.
            if !group.prefix.is_empty() && group.count * 2 >= chosen.count {
                found.others.push(group.prefix.into());
            } else {
                found.outside += group.count;
            }
        }
        Ok(found)
    }

    /// The name that a tensor of the model has without its wrapping; `None` for a tensor of something else.
    pub(crate) fn own_name<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.prefix.as_str()).filter(|_| prefix(name) == self.prefix)
    }
}

/// The words at the front of a name that training loops add, with their dots.
fn prefix(name: &str) -> &str {
    let mut end = 0;
    while let Some((word, _)) = name[end..].split_once('.')
        && WeightSet::of_word(word).is_some()
    {
        end += word.len() + 1;
    }
    &name[..end]
}

fn groups<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Group<'a>> {
    let mut counts = BTreeMap::<&str, usize>::new();
    names.for_each(|name| *counts.entry(prefix(name)).or_default() += 1);
    let group = |(prefix, count): (&'a str, usize)| {
        let is_average = prefix.split('.').any(|word| WeightSet::of_word(word) == Some(WeightSet::Ema));
        Group { prefix, set: if is_average { WeightSet::Ema } else { WeightSet::Model }, count }
    };
    counts.into_iter().map(group).collect()
}

/// Names told of a kind.
const MOST: usize = 8;

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| {
            let more =
                if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
            let told: Vec<_> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
            format!("{}{more}", told.join(", "))
        };
        let parts = [
            (!self.path.is_empty()).then(|| format!("weights under `{}`", self.path)),
            (!self.prefix.is_empty()).then(|| format!("prefix `{}` taken off", self.prefix)),
            (!self.others.is_empty()).then(|| format!("other weights: {} (--weights)", list(&self.others))),
            (self.outside > 0).then(|| match self.prefix.as_str() {
                "" => format!("{} tensors with other prefixes left out", self.outside),
                _ => format!("{} tensors without it left out", self.outside),
            }),
            (!self.beside.is_empty()).then(|| format!("left out beside them: {}", list(&self.beside))),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_chains_of_usual_words() {
        for (name, expected) in [
            ("module._orig_mod.backbone.stem.conv1.weight", "module._orig_mod."),
            ("ema.module.head.bias", "ema.module."),
            ("student.model.x", "student.model."),
            ("backbone.model.x", ""),
            ("model", ""),
            ("model.", "model."),
            ("model/kernel/.ATTRIBUTES/VARIABLE_VALUE", ""),
        ] {
            assert_eq!(prefix(name), expected, "{name}");
        }
    }

    #[test]
    fn names_are_grouped_by_prefix_and_kind() {
        let names = ["ema.module.a", "ema.module.b", "ema.n_averaged", "model.a", "model.b", "loss.weight"];
        let found = groups(names.into_iter());
        let found: Vec<_> =
            found.iter().map(|group| (group.prefix, group.set.clone(), group.count)).collect();
        let expected = [
            ("", WeightSet::Model, 1),
            ("ema.", WeightSet::Ema, 1),
            ("ema.module.", WeightSet::Ema, 2),
            ("model.", WeightSet::Model, 2),
        ];
        assert_eq!(found, expected);
        let chosen = Chosen { prefix: "model.".into(), ..Chosen::default() };
        assert_eq!(chosen.own_name("model.a"), Some("a"));
        assert_eq!(chosen.own_name("model.module.a"), None);
        assert_eq!(chosen.own_name("loss.weight"), None);
    }

    #[test]
    fn the_line_says_what_was_chosen_and_what_else_there_was() {
        assert_eq!(Chosen::default().to_string(), "");
        let chosen = Chosen {
            path: "state_dict".into(),
            prefix: "model.".into(),
            others: vec!["ema.module.".into()],
            beside: (0..10).map(|i| format!("k{i}")).collect(),
            outside: 3,
        };
        assert_eq!(
            chosen.to_string(),
            "weights under `state_dict`; prefix `model.` taken off; other weights: `ema.module.` (--weights); \
             3 tensors without it left out; left out beside them: `k0`, `k1`, `k2`, `k3`, `k4`, `k5`, `k6`, `k7` and 2 more"
        );
    }
}

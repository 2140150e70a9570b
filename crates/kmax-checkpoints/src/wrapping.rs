//! Where in a file its weights lie: at the root, under `model` beside an optimizer, twice with an average of them.

use std::fmt;
use std::str::FromStr;

/// Words under which checkpoints keep the weights of a model, most telling first.
const MODEL: [&str; 14] = [
    "model",
    "state_dict",
    "model_state",
    "model_state_dict",
    "module",
    "net",
    "network",
    "weights",
    "params",
    "student",
    "_orig_mod",
    "_forward_module",
    "model_without_ddp",
    "modelStudent",
];
/// Words under which they keep a running average of them.
const AVERAGE: [&str; 12] = [
    "ema",
    "model_ema",
    "ema_model",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema_state_dict",
    "ema_state",
    "params_ema",
    "averaged_model",
    "net_ema",
    "teacher",
    "modelTeacher",
];

/// Which weights of a file are meant, where it holds several sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WeightSet {
    /// Those of the model itself. Where a file has an average alone, that.
    #[default]
    Model,
    /// Their running average.
    Ema,
    /// Those under this key or prefix of names.
    Named(String),
}

impl WeightSet {
    /// What a key or a part of a name stands for, if it is usual around weights.
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            word if MODEL.contains(&word) => Some(Self::Model),
            word if AVERAGE.contains(&word) => Some(Self::Ema),
            _ => None,
        }
    }
}

impl FromStr for WeightSet {
    type Err = std::convert::Infallible;

    /// `model`, `ema`, or a key or prefix.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "model" => Self::Model,
            "ema" => Self::Ema,
            other => Self::Named(other.trim_end_matches('.').to_string()),
        })
    }
}

impl fmt::Display for WeightSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Model => "model",
            Self::Ema => "ema",
            Self::Named(name) => name,
        })
    }
}

/// What lay around the weights of a file that is a pickle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wrapping {
    /// The keys that lead to the weights, with dots between; empty where they are the whole.
    pub path: String,
    /// Whether the path leads to the set that was asked for. Always, where that is the model's own.
    pub is_asked: bool,
    /// Other sets of weights, by their paths.
    pub others: Vec<String>,
    /// What else lies beside them, by path: an optimizer, a number of epochs.
    pub beside: Vec<String>,
}

/// Something that may be weights, in the order of what is meant.
pub(crate) fn rank(key: &str, asked: &WeightSet) -> Option<usize> {
    let place = |words: &[&str]| words.iter().position(|word| *word == key);
    match asked {
        WeightSet::Named(name) if name == key => Some(0),
        WeightSet::Ema if place(&AVERAGE).is_some() => place(&AVERAGE),
        _ => {
            let average = || place(&AVERAGE).map(|place| 200 + place);
            place(&MODEL).map(|place| 100 + place).or_else(average)
        }
    }
}

/// Whether a key of this rank is what was asked for by name.
pub(crate) fn is_asked(rank: usize) -> bool {
    rank < 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_itself_comes_before_its_average() {
        let best = |asked: &WeightSet| {
            let keys = ["optimizer", "model_ema", "model", "state_dict", "generator"];
            keys.into_iter().filter_map(|key| Some((rank(key, asked)?, key))).min()
        };
        assert_eq!(best(&WeightSet::Model), Some((100, "model")));
        assert_eq!(best(&WeightSet::Ema), Some((1, "model_ema")));
        assert_eq!(best(&WeightSet::Named("generator".into())), Some((0, "generator")));
        assert_eq!(best(&WeightSet::Named("critic".into())), Some((100, "model")));
        assert_eq!(rank("teacher", &WeightSet::Model), Some(210));
        assert!(is_asked(1) && !is_asked(100));
    }

    #[test]
    fn sets_are_named_as_on_the_command_line() {
        for (word, set) in [
            ("model", WeightSet::Model),
            ("ema", WeightSet::Ema),
            ("ema.module.", WeightSet::Named("ema.module".into())),
        ] {
            assert_eq!(word.parse(), Ok(set.clone()));
            assert_eq!(set.to_string(), word.trim_end_matches('.'));
        }
        assert_eq!(WeightSet::of_word("_orig_mod"), Some(WeightSet::Model));
        assert_eq!(WeightSet::of_word("backbone"), None);
    }
}

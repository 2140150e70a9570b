//! A part of a long list of work, for one of several processes.

use std::fmt;
use std::str::FromStr;

/// The most parts that a list is cut into.
pub const MAX_SHARDS: usize = 1_000_000;

/// One of several parts of a list: every so manyth entry, so that the parts are as long as each other and each process finds its own
/// without talking to the others.
///
/// ```
/// use kmax_base::Shard;
///
/// let shard: Shard = "2/3".parse()?;
/// let taken: Vec<usize> = (0..8).filter(|position| shard.takes(*position)).collect();
/// assert_eq!((taken, shard.to_string().as_str()), (vec![1, 4, 7], "2-of-3"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: usize,
    count: usize,
}

impl Shard {
    /// Part `number` (from 1) of `count`.
    ///
    /// # Errors
    /// If there is no such part; the message says what was expected.
    pub fn new(number: usize, count: usize) -> Result<Self, String> {
        if !(1..=MAX_SHARDS).contains(&count) {
            return Err(format!("{count} parts, expected 1 to {MAX_SHARDS}"));
        }
        if !(1..=count).contains(&number) {
            return Err(format!("part {number} of {count}, expected 1 to {count}"));
        }
        Ok(Self { index: number - 1, count })
    }

    /// `I/N`, I from 1; or `auto`, which takes what started the process at its word: Slurm's job arrays (`SLURM_ARRAY_TASK_ID`), indexed
    /// jobs of Kubernetes (`JOB_COMPLETION_INDEX`, with `auto/N` as they do not tell how many there are), or `RANK` and `WORLD_SIZE`.
    /// `variable` looks up the environment.
    ///
    /// # Errors
    /// If it is neither, or the environment says nothing; the message says what was expected.
    pub fn read(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let number = |text: &str, what: &str| {
            text.parse::<usize>().map_err(|_| format!("{what} is {text:?}, expected a number"))
        };
        let Some(rest) = text.strip_prefix("auto") else {
            let parts = text.split_once('/').ok_or("expected I/N such as 1/4, or auto")?;
            return Self::new(number(parts.0, "I")?, number(parts.1, "N")?);
        };
        let said = match rest.strip_prefix('/') {
            Some(count) => Some(number(count, "N")?),
            None if rest.is_empty() => None,
            None => return Err("expected I/N such as 1/4, auto or auto/N".into()),
        };
        let value = |name: &str| variable(name).map(|text| number(&text, name)).transpose();
        let whole = |from: usize, count: Option<usize>, name: &str| match said.or(count) {
            Some(count) => Self::new(from + 1, count).map_err(|reason| format!("{name}: {reason}")),
            None => Err(format!("{name} does not say how many parts there are: expected auto/N")),
        };
        if let Some(id) = value("SLURM_ARRAY_TASK_ID")? {
            let first = value("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            let step = value("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let index = id.checked_sub(first).ok_or("SLURM_ARRAY_TASK_ID is below SLURM_ARRAY_TASK_MIN")?;
            return whole(index / step, value("SLURM_ARRAY_TASK_COUNT")?, "SLURM_ARRAY_TASK_ID");
        }
        if let Some(index) = value("JOB_COMPLETION_INDEX")? {
            return whole(index, None, "JOB_COMPLETION_INDEX");
        }
        match value("RANK")? {
            Some(rank) => whole(rank, value("WORLD_SIZE")?, "RANK"),
            None => {
                Err("auto, but neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX nor RANK is set".into())
            }
        }
    }

    /// Whether the entry at a place of the list, from 0, is of this part.
    pub fn takes(self, position: usize) -> bool {
        position % self.count == self.index
    }

    /// How many parts there are.
    pub fn count(self) -> usize {
        self.count
    }

    /// All parts of as many.
    pub fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..count).map(move |index| Self { index, count })
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, |name| std::env::var(name).ok())
    }
}

/// `I-of-N`, as it stands in names of files.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let find = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
        Shard::read(text, find).map(|shard| shard.to_string())
    }

    #[test]
    fn every_entry_is_of_exactly_one_part() {
        for count in 1..7 {
            for position in 0..20 {
                assert_eq!(Shard::all(count).filter(|shard| shard.takes(position)).count(), 1);
            }
        }
    }

    #[test]
    fn parts_are_said_or_taken_from_what_started_the_process() {
        let slurm =
            [("SLURM_ARRAY_TASK_ID", "14"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        let stepped = [&slurm[..], &[("SLURM_ARRAY_TASK_STEP", "2")]].concat();
        assert_eq!(read("3/4", &slurm), Ok("3-of-4".into()));
        assert_eq!(read("auto", &stepped), Ok("3-of-3".into()));
        assert_eq!(read("auto/8", &[("JOB_COMPLETION_INDEX", "0")]), Ok("1-of-8".into()));
        assert_eq!(read("auto", &[("RANK", "1"), ("WORLD_SIZE", "2")]), Ok("2-of-2".into()));
        for (text, variables, part) in [
            ("0/4", &[][..], "expected 1 to 4"),
            ("5/4", &[], "expected 1 to 4"),
            ("1/0", &[], "0 parts"),
            ("a/4", &[], "I is \"a\""),
            ("4", &[], "expected I/N"),
            ("automatic", &[], "auto/N"),
            ("auto", &[], "RANK is set"),
            ("auto", &[("JOB_COMPLETION_INDEX", "1")], "expected auto/N"),
            ("auto", &slurm, "part 5 of 3"),
        ] {
            let reason = read(text, variables).expect_err(text);
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }
}

//! A long list that several processes do, each a part of it: what their journals say, one by one and together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use kmax_base::{MAX_SHARDS, Shard};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::journal::{Journal, difference};

/// A line of a part's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line<R, D> {
    /// What all parts are of; the first line of each.
    Run(R),
    /// An entry of the list whose results are written.
    Done(D),
    /// An entry that could not be done.
    Failed {
        /// Its place in the list, from 0.
        position: usize,
        /// Its file.
        file: String,
        /// What went wrong.
        reason: String,
    },
}

/// What all parts are of.
pub trait Listed: PartialEq + Serialize + DeserializeOwned {
    /// What the entries of the list are called.
    const ENTRIES: &'static str;

    /// How many there are.
    fn count(&self) -> usize;
}

/// An entry whose results are written.
pub trait Placed: Serialize + DeserializeOwned {
    /// Its place in the list, from 0.
    fn position(&self) -> usize;
}

/// The name of a part's journal, behind what the work is called.
pub fn journal_name(work: &str, shard: Shard) -> String {
    format!("{work}.{shard}.jsonl")
}

/// The entries that a journal says are done, by their places; what failed later is not.
pub fn done<R, D: Placed>(lines: Vec<Line<R, D>>) -> HashMap<usize, D> {
    let mut found = HashMap::new();
    for line in lines {
        match line {
            Line::Run(_) => {}
            Line::Done(done) => drop(found.insert(done.position(), done)),
            Line::Failed { position, .. } => drop(found.remove(&position)),
        }
    }
    found
}

/// The names of what is in a folder.
///
/// # Errors
/// If it cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).map_err(Error::read(folder))?;
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).map_err(Error::read(folder))
    };
    entries.map(name).collect()
}

/// In how many parts a work was cut, as the names of journals say.
pub fn counts(names: &[String], work: &str) -> BTreeSet<usize> {
    let of = |name: &String| {
        let rest = name.strip_prefix(work)?.strip_prefix('.')?.strip_suffix(".jsonl")?;
        rest.split_once("-of-")?.1.parse::<usize>().ok()
    };
    names.iter().filter_map(of).collect()
}

/// Refuses a part of as many where parts of another number are.
///
/// # Errors
/// If there are; the message begins with `place`.
pub fn check_counts(place: &Path, counts: BTreeSet<usize>, count: usize) -> Result<()> {
    match counts.into_iter().find(|other| *other != count) {
        None => Ok(()),
        Some(other) => {
            let reason =
                format!("holds parts of {other}, not of {count}: give another folder, or the same N");
            Err(Error::file(place, reason))
        }
    }
}

/// What the parts of one list did.
#[derive(Debug)]
pub struct Whole<R, D> {
    /// What they are of.
    pub run: R,
    /// The entries by their places, done or failed with the reason.
    pub entries: BTreeMap<usize, std::result::Result<D, String>>,
    /// In how many parts.
    pub parts: usize,
}

impl<R: Listed, D: Placed> Whole<R, D> {
    /// Reads the journals of all parts in a folder; none if there is no part. `work` is what their names begin with.
    ///
    /// # Errors
    /// If a part was not begun, parts are of different lists, or a journal is damaged. The message says which part is to be run again.
    pub fn read(folder: &Path, work: &str) -> Result<Option<Self>> {
        let counts = counts(&names(folder)?, work);
        let Some(&count) = counts.first() else { return Ok(None) };
        let fail = |reason: String| Error::file(folder, reason);
        if counts.len() > 1 || !(1..=MAX_SHARDS).contains(&count) {
            let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
            return Err(fail(format!("holds parts of different runs: of {}", counts.join(", "))));
        }
        let mut run: Option<(String, R)> = None;
        let mut entries = BTreeMap::new();
        for shard in Shard::all(count) {
            let file = folder.join(journal_name(work, shard));
            if !file.is_file() {
                return Err(fail(format!("part {shard} was not begun: {} is not there", file.display())));
            }
            let again = |reason: String| {
                fail(format!("{reason}; remove {} and run part {shard} again", file.display()))
            };
            let (of, lines) = Journal::read(&file).map_err(|error| again(error.to_string()))?;
            add(&mut run, &mut entries, (shard, of), lines).map_err(again)?;
        }
        let Some((_, run)) = run else { return Err(fail("no part says what it is of".into())) };
        Ok(Some(Self { run, entries, parts: count }))
    }

    /// Refuses a list of which something was not tried, or is not there as it was written. Entries that failed are not lacking.
    ///
    /// # Errors
    /// If something is lacking; the message says which parts are to be run again.
    pub fn check(&self, folder: &Path, is_whole: impl Fn(&D) -> bool) -> Result<()> {
        let is_there = |position: &usize| match self.entries.get(position) {
            Some(Ok(done)) => is_whole(done),
            found => found.is_some(),
        };
        let all = self.run.count();
        // No further than there are results and a few more: a journal may say any number.
        let there: BTreeSet<usize> =
            self.entries.keys().copied().filter(|position| is_there(position)).collect();
        if there.len() == all {
            return Ok(());
        }
        let lacking = (0..all).filter(|position| !there.contains(position)).take(1 << 16);
        let again: BTreeSet<usize> = lacking.map(|position| position % self.parts).collect();
        let again = again.into_iter().take(8).filter_map(|index| Shard::new(index + 1, self.parts).ok());
        let again: Vec<String> = again.map(|shard| shard.to_string()).collect();
        let (lacking, again, what) = (all - there.len(), again.join(", "), R::ENTRIES);
        Err(Error::file(
            folder,
            format!("the results of {lacking} of {all} {what} are not there: run again {again}"),
        ))
    }

    /// The entries that are done, in the order of the list.
    pub fn into_done(self) -> impl Iterator<Item = D> {
        self.entries.into_values().filter_map(std::result::Result::ok)
    }

    /// Why entries failed, in the order of the list.
    pub fn failed(&self) -> Vec<&str> {
        self.entries.values().filter_map(|entry| entry.as_ref().err().map(String::as_str)).collect()
    }
}

/// Adds what a part's journal says.
fn add<R: Listed, D: Placed>(
    known: &mut Option<(String, R)>,
    entries: &mut BTreeMap<usize, std::result::Result<D, String>>,
    (shard, of): (Shard, String),
    lines: Vec<Line<R, D>>,
) -> std::result::Result<(), String> {
    let mut begun = false;
    for line in lines {
        let (position, entry) = match line {
            Line::Run(run) => {
                begun = true;
                match known {
                    None => *known = Some((of.clone(), run)),
                    Some((other, known)) if *other == of && *known == run => {}
                    Some((other, known)) if *other == of => {
                        let (count, others, what) = (run.count(), known.count(), R::ENTRIES);
                        return Err(format!(
                            "a part says otherwise what it is of: {count} {what}, others {others}"
                        ));
                    }
                    Some((other, _)) => {
                        return Err(format!("a part is of another run: {}", difference(&of, other)));
                    }
                }
                continue;
            }
            Line::Done(done) => (done.position(), Ok(done)),
            Line::Failed { position, reason, .. } => (position, Err(reason)),
        };
        let within = begun && known.as_ref().is_some_and(|(_, run)| position < run.count());
        if !within || !shard.takes(position) {
            return Err(format!("entry {position} is none of part {shard}"));
        }
        // What was tried again counts as it ended.
        entries.insert(position, entry);
    }
    if begun { Ok(()) } else { Err("the journal does not say what it is of".into()) }
}

/// Where the journals of a result lie that is a folder or a file of its own: beside it, so that nothing is in the folder that belongs to
/// nobody. The folder, and what their names begin with.
///
/// # Errors
/// If the path has no name.
pub(crate) fn beside(out: &Path, work: &str) -> Result<(PathBuf, String)> {
    let name = out.file_name().ok_or_else(|| {
        Error::file(out, "the journals of parts lie beside it: expected a path that ends in a name")
    })?;
    Ok((kmax_base::write::folder_of(out).to_path_buf(), format!("{}.{work}", name.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        count: usize,
    }

    impl Listed for Numbers {
        const ENTRIES: &'static str = "numbers";

        fn count(&self) -> usize {
            self.count
        }
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Number(usize);

    impl Placed for Number {
        fn position(&self) -> usize {
            self.0
        }
    }

    type NumberLine = Line<Numbers, Number>;

    fn write(folder: &Path, shard: &str, lines: &[NumberLine]) -> Result<()> {
        let shard: Shard = shard.parse().expect("a part");
        let (mut journal, _) = Journal::open(&folder.join(journal_name("count", shard)), "numbers")?;
        lines.iter().try_for_each(|line| journal.add(line))
    }

    fn failed(position: usize) -> NumberLine {
        Line::Failed { position, file: "a".into(), reason: format!("{position} is unlucky") }
    }

    #[test]
    fn parts_are_joined_and_what_lacks_is_told() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        let run = || Line::Run(Numbers { count: 5 });
        let read = || Whole::<Numbers, Number>::read(folder, "count");
        assert!(read()?.is_none());
        write(folder, "1/2", &[run(), Line::Done(Number(4)), failed(0), Line::Done(Number(0)), failed(2)])?;
        let told = read().expect_err("half").to_string();
        assert!(told.contains("part 2-of-2 was not begun"), "{told}");
        write(folder, "2/2", &[run(), Line::Done(Number(1))])?;
        let whole = read()?.expect("parts");
        let told = whole.check(folder, |_| true).expect_err("3 lacks").to_string();
        assert!(told.ends_with("the results of 1 of 5 numbers are not there: run again 2-of-2"), "{told}");
        write(folder, "2/2", &[Line::Done(Number(3))])?;
        let whole = read()?.expect("parts");
        whole.check(folder, |_| true)?;
        let told = whole.check(folder, |number| number.0 != 4).expect_err("4 is gone").to_string();
        assert!(told.ends_with("run again 1-of-2"), "{told}");
        assert_eq!((whole.parts, whole.failed()), (2, vec!["2 is unlucky"]));
        assert_eq!(whole.into_done().map(|number| number.0).collect::<Vec<_>>(), [0, 1, 3, 4]);

        write(folder, "2/2", &[Line::Done(Number(2))])?;
        let told = read().expect_err("of the other part").to_string();
        assert!(told.contains("entry 2 is none of part 2-of-2; remove"), "{told}");
        let counts = |work| names(folder).map(|names| counts(&names, work));
        assert!(check_counts(folder, counts("count")?, 2).is_ok());
        assert!(check_counts(folder, counts("count")?, 3).is_err());
        assert!(counts("coun")?.is_empty());
        Ok(())
    }

    #[test]
    fn what_failed_after_it_was_done_is_not_done() {
        let lines = vec![Line::Done(Number(1)), Line::Done(Number(2)), failed(1), failed(3)];
        assert_eq!(done(lines).into_keys().collect::<Vec<_>>(), [2]);
    }
}

//! Changed files of every kind, through the program.

use crate::mutate::mutate;
use crate::program::{command, run};
use crate::random::Random;
use crate::report::Report;
use crate::seeds::Kind;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is not changed is taken: else nothing behind the first refusal would be attacked.
pub fn unchanged(seeds: &Path, kinds: &[Kind], report: &Report) {
    let place = tempfile::tempdir().expect("a temporary folder");
    copy(seeds, place.path());
    for kind in kinds {
        for words in &kind.commands {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let done = run(&mut command(place.path(), &words));
            // Genuine checkpoints, and none of a network of ours.
            let expected = if kind.name == "checkpoint" { 3 } else { 0 };
            let refused = (done.code != Some(expected)).then(|| format!("ended with {:?}", done.code));
            report.note("unchanged", || format!("kmax {}", words.join(" ")), &done, done.fault().or(refused));
            kind.made.iter().for_each(|made| remove(&place.path().join(made)));
        }
    }
}

/// Runs as many inputs as `count`, on two threads with a copy of the seeds each. A fault's input is kept in `keep`.
pub fn attack(seeds: &Path, kinds: &[Kind], seed: u64, count: usize, keep: &Path, report: &Report) {
    let next = AtomicUsize::new(0);
    let others: Vec<Vec<u8>> =
        kinds.iter().filter_map(|kind| fs::read(seeds.join(&kind.files[0])).ok()).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let place = tempfile::tempdir().expect("a temporary folder");
                copy(seeds, place.path());
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    one(place.path(), kinds, &others, (seed, number), keep, report);
                }
            });
        }
    });
}

fn one(
    place: &Path,
    kinds: &[Kind],
    others: &[Vec<u8>],
    (seed, number): (u64, usize),
    keep: &Path,
    report: &Report,
) {
    let mut random = Random::new(seed, number as u64);
    // In turns, so that a small campaign meets every kind too; of some there are several.
    let mut names: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
    names.dedup();
    let alike: Vec<_> = kinds.iter().filter(|kind| kind.name == names[number % names.len()]).collect();
    let kind = *random.pick(&alike);
    let name = random.pick(&kind.files);
    let file = place.join(name);
    let whole = fs::read(&file).expect("a seed");
    let changed = mutate(&whole, others, &mut random);
    fs::write(&file, &changed).expect("written");
    let words: Vec<&str> = random.pick(&kind.commands).iter().map(String::as_str).collect();
    let done = run(&mut command(place, &words));
    let fault = done.fault();
    let kept = keep.join(format!("{seed}-{number}-{}", name.replace('/', "_")));
    if fault.is_some() {
        fs::write(&kept, &changed).expect("kept");
    }
    report.note(
        kind.name,
        || format!("input {number}, kmax {} with {}", words.join(" "), kept.display()),
        &done,
        fault,
    );
    fs::write(&file, whole).expect("written");
    for made in kind.made {
        remove(&place.join(made));
    }
}

pub fn remove(path: &Path) {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    let mut open = vec![PathBuf::new()];
    while let Some(part) = open.pop() {
        for entry in fs::read_dir(from.join(&part)).expect("listed").flatten() {
            let inner = part.join(entry.file_name());
            if entry.path().is_dir() {
                fs::create_dir_all(to.join(&inner)).expect("a folder");
                open.push(inner);
            } else {
                fs::copy(entry.path(), to.join(&inner)).expect("copied");
            }
        }
    }
}

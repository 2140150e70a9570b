//! What is no file in a file's place, as an input and as a result, and files that are cut off while they are read.

use crate::inputs::{copy, remove};
use crate::program::{Done, command, is_without_memory, prepared, run};
use crate::report::Report;
use crate::seeds::Kind;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Whatever is there, it is refused in less: a pipe is waited for as long as nobody writes to it.
const AT_ONCE: Duration = Duration::from_secs(5);

const SORTS: [&str; 7] = ["pipe", "zeros", "folder", "loop", "nothing", "empty", "terminal"];

fn put(sort: &str, file: &Path) {
    let made = match sort {
        "pipe" => Command::new("mkfifo").arg(file).status().map(drop),
        "zeros" => symlink("/dev/zero", file),
        "folder" => fs::create_dir(file),
        "loop" => symlink(file, file),
        "nothing" => symlink("/nowhere/at/all", file),
        "empty" => fs::write(file, ""),
        _ => symlink("/dev/tty", file),
    };
    made.expect("made");
}

/// Every input of every kind as everything that is no file; with `few`, one sort for each.
pub fn inputs(seeds: &Path, kinds: &[Kind], few: bool, report: &Report) {
    let place = tempfile::tempdir().expect("a temporary folder");
    copy(seeds, place.path());
    for (number, kind) in kinds.iter().enumerate() {
        for (turn, name) in kind.files.iter().enumerate() {
            let file = place.path().join(name);
            let whole = fs::read(&file).expect("a seed");
            for (at, sort) in SORTS.into_iter().enumerate() {
                if few && (number + turn + at) % SORTS.len() != 0 {
                    continue;
                }
                fs::remove_file(&file).expect("removed");
                put(sort, &file);
                let words: Vec<&str> =
                    kind.commands[at % kind.commands.len()].iter().map(String::as_str).collect();
                let done = run(&mut command(place.path(), &words));
                report.note(
                    "special inputs",
                    || format!("{sort} as {name}, kmax {}", words.join(" ")),
                    &done,
                    fault(&done),
                );
                remove(&file);
                kind.made.iter().for_each(|made| remove(&place.path().join(made)));
                let _ = fs::remove_file(&file);
                fs::write(&file, &whole).expect("written");
            }
        }
    }
}

fn fault(done: &Done) -> Option<String> {
    let late = || (done.time > AT_ONCE).then(|| format!("took {:.1} s", done.time.as_secs_f64()));
    done.fault().or_else(late)
}

/// Results where something stands that is no file: it stays what it is.
pub fn results(seeds: &Path, report: &Report) {
    for sort in ["pipe", "zeros", "folder", "nothing"] {
        for words in [
            "eval panoptic --gt labelled/panoptic_val.json --pred labelled/panoptic_val.json --html there",
            "export model -o there",
            "dataset show labelled -o there",
            "dataset convert labelled/panoptic_val.json there --to coco-instances",
        ] {
            let place = tempfile::tempdir().expect("a temporary folder");
            copy(seeds, place.path());
            let there = place.path().join("there");
            put(sort, &there);
            let before = there.symlink_metadata().expect("there").file_type();
            let done = run(&mut command(place.path(), &words.split(' ').collect::<Vec<_>>()));
            let stays = there.symlink_metadata().is_ok_and(|now| now.file_type() == before);
            let fault = done.fault_of_refusal().or_else(|| (!stays).then(|| "was replaced".into()));
            report.note(
                "special results",
                || format!("{sort} in place of a result, kmax {words}"),
                &done,
                fault,
            );
        }
    }
}

/// Standard output and error that cannot be written to end no work: files are written on.
pub fn streams(seeds: &Path, report: &Report) {
    let place = tempfile::tempdir().expect("a temporary folder");
    copy(seeds, place.path());
    let words = ["segment", "nothing.jpg", "photo.png", "--model", "model", "-o", "out"];
    for redirection in ["exec 2>/dev/full", "exec >/dev/full 2>/dev/full", "exec 2>&-", "exec >&-"] {
        let done = run(&mut prepared(redirection, place.path(), &words));
        let written = place.path().join("out/photo.json").is_file();
        let ended = matches!(done.code, Some(1 | 5));
        let fault = (!ended || !written)
            .then(|| format!("ended with {:?}, its result written: {written}", done.code));
        report.note("streams", || redirection.into(), &done, fault);
        remove(&place.path().join("out"));
    }
}

/// Less and less memory, until the program cannot be loaded: each time there is a result, or a line and code 6.
pub fn memory(seeds: &Path, report: &Report) {
    let place = tempfile::tempdir().expect("a temporary folder");
    copy(seeds, place.path());
    let images: Vec<_> = (0..100_000)
        .map(
            |id| serde_json::json!({ "id": id, "file_name": format!("{id}.png"), "width": 30, "height": 20 }),
        )
        .collect();
    let truth =
        serde_json::json!({ "images": images, "annotations": [], "categories": [{ "id": 1, "name": "a" }] });
    fs::write(place.path().join("long.json"), truth.to_string()).expect("written");
    fs::write(place.path().join("none.json"), "[]").expect("written");
    let words = ["eval", "instances", "--gt", "long.json", "--pred", "none.json"];
    let mut ended = 0;
    for megabytes in (40..240).step_by(8) {
        let preparation = format!("unset RUST_BACKTRACE; ulimit -v {}", megabytes << 10);
        let done = run(&mut prepared(&preparation, place.path(), &words));
        // Below, the system's loader or a thread fails.
        if !done.err.contains("memory") && done.code != Some(0) {
            continue;
        }
        ended += usize::from(is_without_memory(&done.err));
        // Rust's own message has a note behind it, how to see more.
        let lines =
            done.err.lines().filter(|line| !line.starts_with("note: run with `RUST_BACKTRACE")).count();
        let right = matches!((done.code, lines), (Some(0), _) | (Some(6), 1));
        let fault = (!right).then(|| format!("ended with {:?} and {lines} lines", done.code));
        report.note("little memory", || format!("{megabytes} MB of address space"), &done, fault);
    }
    if ended == 0 {
        report.remark("little memory: no allocation of Rust's failed".into());
    }
}

/// Files that somebody cuts off while they are read.
pub fn shrinking(seeds: &Path, kinds: &[Kind], rounds: usize, report: &Report) {
    let place = tempfile::tempdir().expect("a temporary folder");
    copy(seeds, place.path());
    let large = kinds.iter().filter(|kind| ["weights", "checkpoint", "run"].contains(&kind.name));
    for kind in large.cycle().take(rounds) {
        let name = kind.files.last().expect("a file");
        let file = place.path().join(name);
        let whole = fs::read(&file).expect("a seed");
        let words: Vec<&str> = kind.commands[0].iter().map(String::as_str).collect();
        let done = std::thread::scope(|scope| {
            let running = scope.spawn(|| run(&mut command(place.path(), &words)));
            while !running.is_finished() {
                fs::write(&file, &whole).expect("written");
                std::thread::sleep(Duration::from_millis(3));
                fs::OpenOptions::new().write(true).open(&file).and_then(|file| file.set_len(1)).expect("cut");
            }
            running.join().expect("no panic")
        });
        report.note("shrinking files", || format!("{name}, kmax {}", words.join(" ")), &done, done.fault());
        kind.made.iter().for_each(|made| remove(&place.path().join(made)));
        fs::write(&file, &whole).expect("written");
    }
}

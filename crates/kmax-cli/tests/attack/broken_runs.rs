//! Runs that are killed, raced, asked to stop, and without space.

use crate::jobs::{Job, leftovers};
use crate::program::{Done, LONGEST, run};
use crate::random::Random;
use crate::report::Report;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Kills each job so often, each time a little way on, and lets it end after every fifth.
pub fn kills(seeds: &Path, jobs: &[Job], times: usize, seed: u64, report: &Report) {
    std::thread::scope(|scope| {
        for (number, job) in jobs.iter().enumerate() {
            scope.spawn(move || {
                let mut random = Random::new(seed, number as u64);
                let mut place = job.place(seeds);
                for time in 1..=times {
                    let micros = job.time.as_micros() as usize * 6 / 5;
                    kill(job, place.path(), Duration::from_micros(random.below(micros) as u64));
                    if let Some(broken) = job.broken(place.path()) {
                        report.fault(&format!("kill {}", job.name), format!("kill {time}: {broken}"));
                    }
                    if time % 5 == 0 || time == times {
                        let done = run(&mut job.command(place.path()));
                        let fault = job.fault(place.path(), &done);
                        report.note(
                            &format!("kill {}", job.name),
                            || format!("after {time} kills"),
                            &done,
                            fault,
                        );
                        place = job.place(seeds);
                    }
                }
            });
        }
    });
}

fn kill(job: &Job, place: &Path, after: Duration) {
    let mut command = job.command(place);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
    std::thread::sleep(after);
    let _ = child.kill();
    child.wait().expect("a child");
}

/// Asks each job to stop by SIGINT: it says so in a line, leaves nothing, and goes on.
pub fn stops(seeds: &Path, jobs: &[Job], seed: u64, report: &Report) {
    let mut random = Random::new(seed, 99);
    for job in jobs {
        let place = job.place(seeds);
        let row = format!("stop {}", job.name);
        let after = job.time.mul_f64(0.2 + 0.1 * random.below(7) as f64);
        let mut command = job.command(place.path());
        let child = command.spawn().expect("the program runs");
        wait_until_it_listens(&child);
        std::thread::sleep(after);
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
        let begun = Instant::now();
        let output = child.wait_with_output().expect("a child");
        let stopped = Done {
            code: output.status.code(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            time: begun.elapsed(),
            memory: 0,
        };
        let ended = matches!(stopped.code, Some(0 | 1));
        let left = leftovers(place.path()).filter(|file| !file.to_string_lossy().ends_with(".incomplete"));
        let fault = stopped
            .fault()
            .or_else(|| (!ended).then(|| format!("ended with {:?}", stopped.code)))
            .or_else(|| left.map(|file| format!("{} is left over", file.display())));
        report.note(&row, || format!("SIGINT after {after:?}"), &stopped, fault);
        let done = run(&mut job.command(place.path()));
        let fault = job.fault(place.path(), &done);
        report.note(&row, || "the run after it".into(), &done, fault);
    }
}

/// Before its first lines have run, SIGINT ends a program as it ends any: without a word. A busy machine is long about them.
fn wait_until_it_listens(child: &Child) {
    let begun = Instant::now();
    while cfg!(target_os = "linux") && begun.elapsed() < LONGEST {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let caught = field("SigCgt:").and_then(|set| u64::from_str_radix(set, 16).ok());
        let has_ended = field("State:").is_none_or(|state| state.starts_with('Z'));
        // The bit of SIGINT.
        if has_ended || caught.is_none_or(|set| set & 0b10 != 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Two of each job in one folder at a time: each ends well or is refused, and one of them has its way.
pub fn races(seeds: &Path, jobs: &[Job], rounds: usize, report: &Report) {
    for job in jobs {
        for _ in 0..rounds {
            let place = job.place(seeds);
            let row = format!("race {}", job.name);
            let both = std::thread::scope(|scope| {
                let one = scope.spawn(|| run(&mut job.command(place.path())));
                let other = run(&mut job.command(place.path()));
                [one.join().expect("no panic"), other]
            });
            for done in &both {
                report.note(&row, || "one of two".into(), done, done.fault());
            }
            if both.iter().all(|done| done.code != Some(0)) {
                report
                    .fault(&row, format!("neither was done: {} {}", both[0].err.trim(), both[1].err.trim()));
            }
            let done = run(&mut job.command(place.path()));
            let fault = job.fault(place.path(), &done);
            report.note(&row, || "the run after both".into(), &done, fault);
        }
    }
}

/// No space: files of so many bytes at most (on any system), and a small file system where one can be mounted.
pub fn full_disks(seeds: &Path, jobs: &[Job], sizes: &[usize], report: &Report) {
    for job in jobs {
        for blocks in sizes {
            let place = job.place(seeds);
            // The signal that would end it is left out: then writing fails as on a full disk.
            let done = run(&mut job.prepared(&format!("trap '' XFSZ; ulimit -f {blocks}"), place.path()));
            starved(job, place.path(), &done, &format!("files of {blocks} blocks at most"), report);
        }
        mounted(seeds, job, report);
    }
}

fn starved(job: &Job, place: &Path, done: &Done, what: &str, report: &Report) {
    let row = format!("full disk {}", job.name);
    let fault = done.fault().or_else(|| job.broken(place)).or_else(|| {
        leftovers(place)
            .filter(|file| !file.to_string_lossy().ends_with(".incomplete"))
            .map(|file| format!("{} is left over", file.display()))
    });
    report.note(&row, || what.into(), done, fault);
    let done = run(&mut job.command(place));
    let fault = job.fault(place, &done);
    report.note(&row, || format!("the run after {what}"), &done, fault);
}

fn mounted(seeds: &Path, job: &Job, report: &Report) {
    let place = job.place(seeds);
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).arg(place.path()).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
    };
    // As large as what lies there, and some kilobytes.
    let size = du(place.path()) + (16 << 10);
    if !mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "none"]) {
        return report
            .remark(format!("no file system can be mounted here: {} was starved by limits alone", job.name));
    }
    crate::inputs::copy(job.place(seeds).path(), place.path());
    let done = run(&mut job.command(place.path()));
    report.note(
        &format!("full disk {}", job.name),
        || "a full file system".into(),
        &done,
        done.fault().or_else(|| job.broken(place.path())),
    );
    let _ = mount(&["-o", "remount,size=1g"]);
    let done = run(&mut job.command(place.path()));
    let fault = job.fault(place.path(), &done);
    report.note(&format!("full disk {}", job.name), || "the run after it".into(), &done, fault);
    let _ = Command::new("umount").arg(place.path()).status();
}

/// Bytes in pages.
fn du(folder: &Path) -> u64 {
    let output = Command::new("du").args(["-s", "-B4096"]).arg(folder).output().expect("du");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    4096 * text.split_whitespace().next().and_then(|blocks| blocks.parse::<u64>().ok()).unwrap_or(1 << 10)
}

//! Running the program.

// Each test file uses its own part of this module.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Asserts that it failed with this code and one line that holds all of `parts`.
    #[track_caller]
    pub fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"));
    }
}

/// Runs a command of `kmax` in `folder`.
pub fn kmax<S: AsRef<OsStr>>(folder: &Path, command: &str, arguments: &[S]) -> Run {
    kmax_with(folder, command, arguments, &[])
}

/// As [`kmax`], with variables in its environment.
pub fn kmax_with<S: AsRef<OsStr>>(
    folder: &Path,
    command: &str,
    arguments: &[S],
    variables: &[(&str, String)],
) -> Run {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kmax"));
    program.envs(variables.iter().map(|(name, value)| (name, value)));
    let done = program.current_dir(folder).arg(command).args(arguments).output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: done.status.code().unwrap_or(-1), out: text(&done.stdout), err: text(&done.stderr) }
}

/// As [`kmax`], with `input` as standard input; standard output as it is.
pub fn kmax_with_input<S: AsRef<OsStr>>(
    folder: &Path,
    command: &str,
    arguments: &[S],
    input: &[u8],
) -> (Run, Vec<u8>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kmax"));
    program.current_dir(folder).arg(command).args(arguments);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = program.spawn().expect("the program runs");
    // It may be refused before it is read.
    let _ = running.stdin.take().expect("piped").write_all(input);
    let done = running.wait_with_output().expect("the program ends");
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    (Run { code: done.status.code().unwrap_or(-1), out: String::new(), err }, done.stdout)
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("listed");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A picture with something in it.
pub fn picture(width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        let inside = (x / 9 + y / 7) % 3;
        image::Rgb([(x * 5 % 256) as u8, (inside * 100) as u8, (y * 3 % 256) as u8])
    })
}

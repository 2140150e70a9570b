//! One run of the program, and what is promised of it whatever its inputs are.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a run below a megabyte of input may take.
pub const LONGEST: Duration = Duration::from_secs(10);
/// What it may have in memory at a time.
pub const MOST_MEMORY: u64 = 1 << 30;
/// The codes that `docs/CLI.md` has.
const CODES: std::ops::RangeInclusive<i32> = 0..=6;
/// Lines on standard error: notes and warnings come before the error.
const MOST_LINES: usize = 60;
/// Bytes of a line.
const LONGEST_LINE: usize = 40_000;

/// What a run left.
pub struct Done {
    pub code: Option<i32>,
    pub err: String,
    pub time: Duration,
    /// The most bytes it had in memory; 0 where the system does not say.
    pub memory: u64,
}

/// The program in `folder`, with no way to a network or a cache of the user's.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    of(&[env!("CARGO_BIN_EXE_kmax")], folder, arguments)
}

/// As [`command`], by way of a shell that prepares something.
pub fn prepared(preparation: &str, folder: &Path, arguments: &[&str]) -> Command {
    let script = format!("{preparation}; exec \"$@\"");
    of(&["sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_kmax")], folder, arguments)
}

fn of(words: &[&str], folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(arguments).current_dir(folder);
    command.env("KMAX_CACHE", folder.join("cache")).env("HF_HOME", folder.join("cache/hf"));
    command.env("TMPDIR", folder).env("HF_HUB_OFFLINE", "1").env("RAYON_NUM_THREADS", "2");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end; twice the time that it has, and it is killed.
pub fn run(command: &mut Command) -> Done {
    let begun = Instant::now();
    let mut child = command.spawn().expect("the program runs");
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let mut memory = 0;
    let code = loop {
        memory = peak(&child).unwrap_or(memory);
        if let Some(status) = child.try_wait().expect("a child") {
            break status.code();
        }
        if begun.elapsed() > 2 * LONGEST {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let time = begun.elapsed();
    let text = |reader: std::thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    };
    let (_, err) = (text(out), text(err));
    Done { code, err, time, memory }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.map(|pipe| pipe.take(1 << 24).read_to_end(&mut bytes));
        bytes
    })
}

/// The high water mark of a process that runs.
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?)
}

impl Done {
    /// What is wrong with how it ended.
    pub fn fault(&self) -> Option<String> {
        let Some(code) = self.code else {
            let how =
                if self.time > 2 * LONGEST { "took too long and was killed" } else { "ended by a signal" };
            return Some(how.into());
        };
        let errors = self.err.lines().filter(|line| line.starts_with("error: ")).count();
        let hidden = |c: char| c.is_control() && c != '\n' && c != '\r';
        let reason = if self.err.contains("panicked at") {
            "panicked".into()
        } else if !CODES.contains(&code) {
            format!("ended with {code}")
        } else if self.time > LONGEST {
            format!("took {:.1} s", self.time.as_secs_f64())
        } else if self.memory > MOST_MEMORY {
            format!("took {} MB", self.memory >> 20)
        } else if code > 1 && errors != 1 && !is_without_memory(&self.err) {
            format!("ended with {code} and {errors} lines of errors")
        } else if self.err.lines().count() > MOST_LINES {
            format!("said {} lines", self.err.lines().count())
        } else if self.err.lines().any(|line| line.len() > LONGEST_LINE || line.chars().any(hidden)) {
            "said a line that is too long or moves the cursor".into()
        } else {
            return None;
        };
        Some(reason)
    }

    /// As [`Self::fault`], of a run that must not succeed.
    pub fn fault_of_refusal(&self) -> Option<String> {
        self.fault().or_else(|| (self.code == Some(0)).then(|| "was taken".into()))
    }
}

/// The line of Rust's own where an allocation fails.
pub fn is_without_memory(err: &str) -> bool {
    err.lines().any(|line| line.starts_with("memory allocation of "))
}

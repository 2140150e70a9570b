//! Standard output, and what is said beside it.

use crate::exit::{Code, Failure, Outcome};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicI8, Ordering};

/// How much is said on standard error: -1 errors alone, 0 also warnings and progress, 1 also what is being done.
static VERBOSITY: AtomicI8 = AtomicI8::new(0);

/// Sets how much is said, from `--quiet` and `--verbose`.
pub fn set_verbosity(quiet: bool, verbose: bool) {
    VERBOSITY.store(i8::from(verbose) - i8::from(quiet), Ordering::Relaxed);
}

/// Prints the text and ends the line. A reader that has gone away has seen enough; anything else is a failure.
pub fn print(text: &str) -> Outcome {
    let line = text.strip_suffix('\n').unwrap_or(text);
    write_out(&[line.as_bytes(), b"\n"].concat())
}

/// Writes bytes as they are.
pub fn write_out(bytes: &[u8]) -> Outcome {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::Output, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something on standard error, unless `--quiet`.
pub fn remark(text: &str) {
    if VERBOSITY.load(Ordering::Relaxed) >= 0 {
        eprintln!("{text}");
    }
}

/// Says what is being done, with `--verbose`.
pub fn detail(text: impl FnOnce() -> String) {
    if VERBOSITY.load(Ordering::Relaxed) > 0 {
        eprintln!("{}", text());
    }
}

/// A progress bar on standard error, unless `--quiet`; without `length` the whole is not known.
pub fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    if VERBOSITY.load(Ordering::Relaxed) < 0 {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

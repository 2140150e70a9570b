//! Standard output, and what is said beside it.

use crate::exit::{Code, Failure, Outcome};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
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

/// The longest word of a message, in characters: names in hostile files can have megabytes.
const LONGEST_WORD: usize = 300;

/// The longest message, in characters.
const LONGEST: usize = 4_000;

/// Where a result goes: a new file, or one that it replaces, which a link may lead to. What is neither is refused, before the work
/// best of all: a device or a pipe would be gone.
pub fn place(file: &Path) -> Outcome<PathBuf> {
    kmax_base::write::place(file).map_err(|e| Failure::new(Code::Output, format!("{}: {e}", file.display())))
}

/// Makes a folder for results, with those above it.
pub fn folder(folder: &Path) -> Outcome {
    let fail = |e: std::io::Error| Failure::new(Code::Output, format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(folder).map_err(fail)
}

/// Writes a result, whole or not at all.
pub fn write(file: &Path, bytes: &[u8]) -> Outcome {
    kmax_base::write_atomically(file, bytes)
        .map_err(|e| Failure::new(Code::Output, format!("{}: {e}", file.display())))
}

/// Says something on standard error, whatever happens to it: all messages go through here. A standard error that cannot be
/// written to ends nothing.
pub fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{}\n", plain(text)).as_bytes());
}

/// One line of printable characters: what a name hides in it neither moves the cursor nor begins a line, and is cut where it is
/// too long to be read.
fn plain(text: &str) -> String {
    let (mut plain, mut word, mut length) = (String::new(), 0, 0);
    for character in text.trim_end().chars() {
        word = if character == ' ' { 0 } else { word + 1 };
        if word > LONGEST_WORD {
            if word == LONGEST_WORD + 1 {
                plain.push('…');
            }
            continue;
        }
        length += 1;
        if length > LONGEST {
            plain.push('…');
            break;
        }
        if character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// A number of bytes for people.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", 1e-6 * bytes as f64)
}

/// Says something on standard error, unless `--quiet`.
pub fn remark(text: &str) {
    if VERBOSITY.load(Ordering::Relaxed) >= 0 {
        tell(text);
    }
}

/// Says what is being done, with `--verbose`.
pub fn detail(text: impl FnOnce() -> String) {
    if VERBOSITY.load(Ordering::Relaxed) > 0 {
        tell(&text());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_readable_line() {
        assert_eq!(plain("a \u{e9}\n\u{1b}[2J\tb\u{202e}"), "a \u{e9}\\n\\u{1b}[2J\\tb\\u{202e}");
        let long = plain(&format!("{} is long", "x".repeat(1 << 20)));
        assert!(long.ends_with("x… is long") && long.chars().count() < 320, "{long}");
        assert!(plain(&"x ".repeat(1 << 20)).chars().count() <= LONGEST + 1);
    }
}

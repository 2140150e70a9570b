//! The arguments: what is wrong with them, in one line, and all of them as they were given.

use crate::exit::{Code, Failure};
use clap::error::ErrorKind;
use std::ffi::OsString;

/// Prints help and versions as they are, and anything else as a line; gives the exit code.
pub fn told(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone away has seen enough.
            let _ = error.print();
            0
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Code::Usage as u8
        }
        _ => {
            let failure = Failure::new(Code::Usage, line(&error.to_string()));
            crate::output::tell(&format!("error: {}", failure.message));
            failure.code as u8
        }
    }
}

/// The fault and the tips; not the usage, which `--help` has.
fn line(rendered: &str) -> String {
    let lines = rendered.lines().take_while(|line| !line.starts_with("Usage:"));
    let mut line = String::new();
    for part in lines.map(str::trim).filter(|part| !part.is_empty() && !part.starts_with("For more info")) {
        let part = part.strip_prefix("error: ").unwrap_or(part);
        line += match (line.is_empty(), part.starts_with("tip:") || part.starts_with('[')) {
            (true, _) => "",
            (_, true) => "; ",
            (_, false) => " ",
        };
        line += part.trim_start_matches("tip: ");
    }
    line
}

/// The command as it was given, for somebody to give it again.
pub fn command(words: &[OsString]) -> String {
    let words = words.iter().skip(1).map(|word| word.to_string_lossy());
    words.fold("kmax".to_owned(), |line, word| {
        let plain = word.chars().all(|c| c.is_alphanumeric() || "-_./:=,".contains(c));
        if plain && !word.is_empty() { format!("{line} {word}") } else { format!("{line} {word:?}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_given_again() {
        let words = ["/bin/kmax", "train", "my photos", "-o", "run/1", ""].map(OsString::from);
        assert_eq!(command(&words), r#"kmax train "my photos" -o run/1 """#);
    }

    #[test]
    fn a_usage_error_is_a_line() {
        let rendered = "error: unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\n\
                        Usage: kmax segment --json <PHOTO>...\n\nFor more information, try '--help'.\n";
        assert_eq!(line(rendered), "unexpected argument '--jsn' found; a similar argument exists: '--json'");
        let rendered =
            "error: the following required arguments were not provided:\n  <PHOTO>...\n\nUsage: kmax\n";
        assert_eq!(line(rendered), "the following required arguments were not provided: <PHOTO>...");
    }
}

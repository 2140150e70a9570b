//! What is wrong with the arguments, in one line.

use crate::exit::{Code, Failure};
use clap::error::ErrorKind;
use std::process::ExitCode;

/// Prints help and versions as they are, and anything else as a line.
pub fn told(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone away has seen enough.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(Code::Usage as u8)
        }
        _ => {
            let failure = Failure::new(Code::Usage, line(&error.to_string()));
            crate::output::tell(&format!("error: {}", failure.message));
            ExitCode::from(&failure)
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

#[cfg(test)]
mod tests {
    use super::*;

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

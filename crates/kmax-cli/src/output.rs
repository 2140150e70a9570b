//! Standard output.

use crate::exit::{Code, Failure, Outcome};
use std::io::{ErrorKind, Write};

/// Prints the text and ends the line. A reader that has gone away has seen enough; anything else is a failure.
pub fn print(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    let line = text.strip_suffix('\n').unwrap_or(text);
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::Output, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

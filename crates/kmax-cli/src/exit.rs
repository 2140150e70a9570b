//! Exit codes and the error that carries one. `docs/CLI.md` promises the numbers.

use std::fmt::Display;
use std::process::ExitCode;

/// Why the program stops, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Some inputs failed; the results of the others are written.
    Partial = 1,
    /// The arguments make no sense (clap exits with it too).
    Usage = 2,
    /// An input is missing or cannot be understood.
    Input = 3,
    /// A model cannot be loaded.
    Model = 4,
    /// A result cannot be written.
    Output = 5,
    /// The work itself failed.
    Failed = 6,
}

/// An error with the code to exit with.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// One line for the user.
    pub message: String,
}

impl Failure {
    /// From any error.
    pub fn new(code: Code, message: impl Display) -> Self {
        // One line: some libraries' messages go on below the first.
        let text = message.to_string();
        let message = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>();
        Self { code, message: message.join(" ") }
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.code as u8)
    }
}

/// Result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Turns an error into a [`Failure`] with a code.
pub trait OrExit<T> {
    /// Keeps the message, adds the code.
    fn or_exit(self, code: Code) -> Outcome<T>;
}

impl<T, E: Display> OrExit<T> for Result<T, E> {
    fn or_exit(self, code: Code) -> Outcome<T> {
        self.map_err(|e| Failure::new(code, e))
    }
}

//! Exit codes and the error that carries one. `docs/CLI.md` promises the numbers.

use kmax_base::ErrorKind;
use std::fmt::Display;

/// Why the program stops, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Some inputs failed; the results of the others are written.
    Partial = 1,
    /// The arguments make no sense.
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

/// The one table from what went wrong to how the program ends.
impl From<ErrorKind> for Code {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound | ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::Incompatible => {
                Self::Input
            }
            ErrorKind::InvalidArgument => Self::Usage,
            ErrorKind::CannotWrite => Self::Output,
            ErrorKind::Cancelled => Self::Partial,
            // Only models come over a network.
            ErrorKind::Network => Self::Model,
            // Out of memory, diverged, internal, and whatever kinds there will be.
            _ => Self::Failed,
        }
    }
}

impl Code {
    /// The same while a model is being loaded: what is wrong with an input, or with the name that was given, is the
    /// model's fault then.
    fn of_a_model(self) -> Self {
        match self {
            Self::Input | Self::Usage => Self::Model,
            other => other,
        }
    }
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
    /// From any message.
    pub fn new(code: Code, message: impl Display) -> Self {
        Self { code, message: one_line(&message.to_string()) }
    }

    /// From an error that has a kind.
    pub fn of(error: &impl Kinded) -> Self {
        Self::new(error.kind().into(), error)
    }
}

/// Some libraries draw: the line of a file, with a mark below. What they say fits on one line without the drawing.
fn one_line(text: &str) -> String {
    let drawn =
        |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    let (drawing, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(drawn);
    let lines: Vec<_> = lines.into_iter().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(if drawing.is_empty() { " " } else { ": " })
}

/// Result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

/// An error of our libraries: it knows its kind, and the exit code follows from that alone.
pub trait Kinded: Display {
    /// What kind of thing went wrong.
    fn kind(&self) -> ErrorKind;
}

impl<E: Kinded> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// Turns an error into a [`Failure`].
pub trait OrExit<T, E> {
    /// Keeps the message, adds the code.
    fn or_exit(self, code: Code) -> Outcome<T>
    where
        E: Display;

    /// With the code of its kind.
    fn or_fail(self) -> Outcome<T>
    where
        E: Kinded;

    /// With the code of its kind, met while a model was loaded.
    fn or_fail_loading(self) -> Outcome<T>
    where
        E: Kinded;
}

impl<T, E> OrExit<T, E> for Result<T, E> {
    fn or_exit(self, code: Code) -> Outcome<T>
    where
        E: Display,
    {
        self.map_err(|e| Failure::new(code, e))
    }

    fn or_fail(self) -> Outcome<T>
    where
        E: Kinded,
    {
        self.map_err(|e| Failure::of(&e))
    }

    fn or_fail_loading(self) -> Outcome<T>
    where
        E: Kinded,
    {
        self.map_err(|e| Failure::new(Code::from(e.kind()).of_a_model(), e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_follows_from_the_kind() {
        for (kind, code, loading) in [
            (ErrorKind::NotFound, Code::Input, Code::Model),
            (ErrorKind::Damaged, Code::Input, Code::Model),
            (ErrorKind::Unsupported, Code::Input, Code::Model),
            (ErrorKind::Incompatible, Code::Input, Code::Model),
            (ErrorKind::InvalidArgument, Code::Usage, Code::Model),
            (ErrorKind::CannotWrite, Code::Output, Code::Output),
            (ErrorKind::Cancelled, Code::Partial, Code::Partial),
            (ErrorKind::Network, Code::Model, Code::Model),
            (ErrorKind::OutOfMemory, Code::Failed, Code::Failed),
            (ErrorKind::Diverged, Code::Failed, Code::Failed),
            (ErrorKind::Internal, Code::Failed, Code::Failed),
        ] {
            assert_eq!((Code::from(kind), Code::from(kind).of_a_model()), (code, loading), "{kind}");
        }
    }

    #[test]
    fn a_drawing_becomes_a_line() {
        let drawn = "run.toml: TOML parse error at line 3, column 1\n  |\n3 | stepz = 1\n  | ^^^^^\nunknown field `stepz`\n";
        let told = "run.toml: TOML parse error at line 3, column 1: unknown field `stepz`";
        assert_eq!(one_line(drawn), told);
        assert_eq!(one_line("a\n  b\n"), "a b");
    }
}

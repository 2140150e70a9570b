//! A test harness that counts what was skipped as ignored, never as passed.
//!
//! A test says that it lacks something by [`skip`], which [`shared`](crate::shared) and [`golden`](crate::golden) do, and
//! returns. The harness takes `cargo test`'s usual arguments.

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::cell::RefCell;
use std::fmt::Debug;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Why the test that runs on this thread is skipped.
    static SKIPPED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Whether measurements are printed: with `--nocapture`.
static TALKING: AtomicBool = AtomicBool::new(false);

/// Counts the running test as ignored, with the reason.
pub fn skip(reason: impl Into<String>) {
    SKIPPED.set(Some(reason.into()));
}

/// Prints a line on standard error with `--nocapture`.
pub fn say(line: &str) {
    if TALKING.load(Ordering::Relaxed) {
        eprintln!("{line}");
    }
}

/// What a test function may return.
pub trait Outcome {
    /// An error fails the test.
    fn passed(self) -> Result<(), Failed>;
}

impl Outcome for () {
    fn passed(self) -> Result<(), Failed> {
        Ok(())
    }
}

impl<E: Debug> Outcome for Result<(), E> {
    fn passed(self) -> Result<(), Failed> {
        self.map_err(|error| format!("{error:?}").into())
    }
}

/// A test with its name. [`tests!`](crate::tests) makes the list.
pub fn trial<O: Outcome + 'static>(name: &str, test: fn() -> O) -> Trial {
    Trial::ignorable_test(name, move || {
        SKIPPED.set(None);
        test().passed()?;
        Ok(match SKIPPED.take() {
            Some(reason) => Completion::ignored_with(reason),
            None => Completion::Completed,
        })
    })
}

/// Runs the tests that the command line asks for.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    let arguments = Arguments::from_args();
    TALKING.store(arguments.nocapture, Ordering::Relaxed);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Makes `main` of a test file without the standard harness: the names of its test functions.
#[macro_export]
macro_rules! tests {
    ($($(#[$attribute:meta])* $test:ident),* $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::run(vec![$($crate::trial(stringify!($test), $test)),*])
        }
    };
}

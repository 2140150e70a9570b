//! Long work beside Python: without its lock, and stopped by Ctrl-C.

use crate::failure::{Failure, Outcome};
use kmax_base::{ErrorKind, Progress};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long Ctrl-C may wait to be noticed.
const PAUSE: Duration = Duration::from_millis(50);
/// Of the thread that works: as much as a main thread has.
const STACK: usize = 8 << 20;

/// Whether there were threads of ours, and whether this process is a fork of one that had them: they are not there any more.
static WORKED: AtomicBool = AtomicBool::new(false);
static FORKED: AtomicBool = AtomicBool::new(false);

/// Called by Python in the child of a fork.
#[pyfunction]
pub fn forked() {
    FORKED.store(WORKED.load(Relaxed), Relaxed);
}

/// What the work has to say while it goes on.
enum Message {
    Progress(usize, usize),
    /// A line for the log: its level, and the text.
    Log(&'static str, String),
    /// Something with several values, as JSON.
    Event(String),
    Done,
}

/// The work's end of the line to Python.
pub struct Watch {
    stop: AtomicBool,
    line: Sender<Message>,
    is_heard: bool,
}

impl Watch {
    /// Something for the log of that level, a name of a method of Python's loggers.
    pub fn log(&self, level: &'static str, text: impl Into<String>) {
        self.say(|| Message::Log(level, text.into()));
    }

    /// Something with several values.
    pub fn event(&self, value: &serde_json::Value) {
        self.say(|| Message::Event(value.to_string()));
    }

    fn say(&self, message: impl FnOnce() -> Message) {
        if self.is_heard {
            // Nobody listens any more once Python has raised something.
            let _ = self.line.send(message());
        }
    }
}

impl Progress for Watch {
    fn advance(&self, done: usize, total: usize) {
        self.say(|| Message::Progress(done, total));
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Relaxed)
    }
}

/// Does `work` on a thread of its own, without Python's lock, while this one waits for signals and hands what the work says to
/// `tell(kind, value)`. What Python raises meanwhile, KeyboardInterrupt before all, stops the work and is raised when it has stopped.
pub fn work<T: Send>(
    py: Python<'_>,
    tell: Option<Py<PyAny>>,
    work: impl FnOnce(&Watch) -> Outcome<T> + Send,
) -> PyResult<T> {
    if FORKED.load(Relaxed) {
        return Err(Failure::new(
            ErrorKind::Unsupported,
            "this process was forked from one in which kmax_deeplab had worked, and has none of its threads: start workers by \
             `spawn` or `forkserver`, or fork before the first call",
        )
        .into());
    }
    WORKED.store(true, Relaxed);
    let (result, raised) = py.detach(|| {
        let (line, heard) = channel();
        let watch = Watch { stop: AtomicBool::new(false), line, is_heard: tell.is_some() };
        thread::scope(|scope| {
            let run = || {
                let result = work(&watch);
                let _ = watch.line.send(Message::Done);
                result
            };
            let worker = match thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run) {
                Ok(worker) => worker,
                Err(error) => return (Err(Failure::new(ErrorKind::OutOfMemory, error)), None),
            };
            let raised = listen(&heard, &watch, tell.as_ref(), || worker.is_finished());
            let result = worker.join().unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
            (result, raised)
        })
    });
    match raised {
        Some(error) => Err(error),
        None => Ok(result?),
    }
}

/// Until the work is done; gives what Python raised.
fn listen(
    heard: &Receiver<Message>,
    watch: &Watch,
    tell: Option<&Py<PyAny>>,
    is_finished: impl Fn() -> bool,
) -> Option<PyErr> {
    let mut raised = None;
    loop {
        let answer = match heard.recv_timeout(PAUSE) {
            Ok(Message::Done) | Err(RecvTimeoutError::Disconnected) => return raised,
            // It panicked.
            Err(RecvTimeoutError::Timeout) if is_finished() => return raised,
            _ if raised.is_some() => continue,
            Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals()),
            Ok(message) => Python::attach(|py| told(py, tell, message)),
        };
        if let Err(error) = answer {
            watch.stop.store(true, Relaxed);
            raised = Some(error);
        }
    }
}

fn told(py: Python<'_>, tell: Option<&Py<PyAny>>, message: Message) -> PyResult<()> {
    let Some(tell) = tell else { return Ok(()) };
    match message {
        Message::Progress(done, total) => tell.call1(py, ("progress", (done, total))),
        Message::Log(level, text) => tell.call1(py, (level, text)),
        Message::Event(json) => tell.call1(py, ("event", json)),
        Message::Done => return Ok(()),
    }?;
    py.check_signals()
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Failure::new(ErrorKind::Internal, format!("a bug in kmax_deeplab: {}", text.unwrap_or_default()))
}

//! What Ctrl-C and requests to end do.
//!
//! Work that can stop between two of its parts says so by [`watched`] or [`told`], and is asked to. Anything else ends at once: what is not
//! yet in its place is removed, a line says so, and the next run begins where whole files are.

use crate::exit::{Code, OrExit, Outcome};
use crate::output::tell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Told = Box<dyn Fn() + Send>;

/// Who is told, if anybody is.
static WATCH: Mutex<Option<Told>> = Mutex::new(None);

/// Listens from now on.
pub fn listen() -> Outcome {
    ctrlc::set_handler(|| match &*WATCH.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(told) => told(),
        None => end(),
    })
    .or_exit(Code::Failed)
}

/// Ends now, with a line; what is not yet in its place is removed.
pub fn end() {
    kmax_base::beside::remove_own();
    tell("error: stopped; what is complete is kept");
    std::process::exit(Code::Partial as i32);
}

/// Work that can be stopped, for as long as the value lives.
pub struct Watch(());

/// Calls `told` for each request.
pub fn told(told: impl Fn() + Send + 'static) -> Watch {
    *WATCH.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(told));
    Watch(())
}

/// Sets `stop` when a request comes, and ends at once when another does.
pub fn watched(stop: &Arc<AtomicBool>) -> Watch {
    let stop = stop.clone();
    told(move || {
        if stop.swap(true, Ordering::Relaxed) {
            end();
        }
    })
}

impl Drop for Watch {
    fn drop(&mut self) {
        *WATCH.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

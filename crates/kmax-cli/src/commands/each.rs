//! Commands on several names: one that fails does not keep the others from being done.

use crate::exit::{Code, Failure, Outcome};
use crate::output::tell;

/// Does something for each name. Failures are told as they come, and counted at the end; that of the only name is the command's.
pub fn each(names: &[String], mut act: impl FnMut(&str) -> Outcome) -> Outcome {
    if let [only] = names {
        return act(only);
    }
    let mut failed = Vec::new();
    for name in names {
        if let Err(failure) = act(name) {
            tell(&format!("error: {}", failure.message));
            failed.push(failure);
        }
    }
    let (count, all) = (failed.len(), names.len());
    match failed.into_iter().next() {
        None => Ok(()),
        Some(Failure { code, .. }) if count == all => Err(Failure::new(code, format!("all {all} failed"))),
        Some(_) => Err(Failure::new(Code::Partial, format!("{count} of {all} failed"))),
    }
}

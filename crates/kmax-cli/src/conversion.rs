//! What is to be said about a converted checkpoint.

use kmax::convert::Chosen;

/// What was chosen in it, if there was a choice.
pub fn chosen(chosen: &Chosen) -> Option<String> {
    Some(chosen.to_string()).filter(|line| !line.is_empty())
}

/// Which other presets it may be of.
pub fn alike(presets: &[String]) -> Option<String> {
    (!presets.is_empty()).then(|| {
        format!(
            "note: may be {} as well, which is the same network with another input size, other thresholds or weights; say --variant \
             if it is",
            presets.join(", ")
        )
    })
}

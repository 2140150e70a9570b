//! `kmax serve`: models behind HTTP.

mod arguments;

pub use arguments::Arguments;

use crate::exit::{OrExit, Outcome};
use crate::output::{print, remark};
use kmax::Segmenter;
use kmax_server::Server;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    // What is wrong with the arguments is told before models are fetched.
    let settings = arguments.settings()?;
    settings.check()?;
    let (device, precision) = arguments.device.open()?;
    let model = |name: &String| -> Outcome<(String, Segmenter)> {
        let builder =
            Segmenter::builder(crate::model::open(name)?).device(device.clone()).precision(precision);
        let segmenter = builder.build().or_fail_loading()?;
        Ok((short(name), segmenter))
    };
    let models = arguments.models.iter().map(model).collect::<Outcome<Vec<_>>>()?;
    let names: Vec<_> = models.iter().map(|(name, _)| name.clone()).collect();
    let server = Server::bind(settings, models)?;
    let stopper = server.stopper();
    let asked = AtomicBool::new(false);
    let stop = move || {
        // Whoever asks twice is in a hurry.
        if asked.swap(true, Ordering::Relaxed) {
            crate::stop::end();
        }
        stopper.stop();
    };
    let _watch = crate::stop::told(stop);
    print(&format!("http://{}", server.address()))?;
    remark(&format!("serving {}; Ctrl-C ends it", names.join(", ")));
    Ok(server.run()?)
}

/// What a model is called in requests: the last part of its name or path, of characters that stand in addresses as they are.
fn short(name: &str) -> String {
    let last = name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(name);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.+@".contains(c) { c } else { '-' };
    last.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_by_the_last_part_of_their_names() {
        for (name, expected) in [
            ("kmax-people", "kmax-people"),
            ("hf://owner/rooms@v2", "rooms@v2"),
            ("runs/my best/", "my-best"),
            (".", "."),
        ] {
            assert_eq!(short(name), expected);
        }
    }
}

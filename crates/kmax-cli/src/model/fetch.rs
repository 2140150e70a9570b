//! Fetching models, with a bar and a few lines.

use crate::conversion;
use crate::exit::{OrExit, Outcome};
use crate::output::{self, megabytes, remark};
use indicatif::ProgressBar;
use kmax::hub::{self, Address, Downloads};
use kmax::pull::{Event, Options, Pulled, Puller, Settings};
use std::path::PathBuf;

const BAR: &str = "{msg} {bar:24} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";

/// The model or encoder of that name, fetched and converted if the cache does not have it.
pub fn pull(name: &str, options: &Options) -> Outcome<Pulled> {
    let mut display = Display { bar: ProgressBar::hidden() };
    let puller = Puller::new(Settings::from_env()?);
    let pulled = puller.pull(name, options, &mut |event| display.show(&event));
    display.bar.finish_and_clear();
    pulled.or_fail_loading()
}

/// Plain files in the cache.
pub fn downloads() -> Outcome<Downloads> {
    let Settings { cache, hub, pause, .. } = Settings::from_env()?;
    Ok(Downloads::new(&cache.downloads(), None, hub.offline).pausing(pause))
}

/// A plain file of at most `limit` bytes, fetched if the cache does not have it.
pub fn download(downloads: &Downloads, address: &Address, limit: u64) -> hub::Result<PathBuf> {
    let mut display = Display { bar: ProgressBar::hidden() };
    let fetched = downloads.fetch(address, limit, &mut |event| display.download(&event));
    display.bar.finish_and_clear();
    Ok(fetched?.file)
}

struct Display {
    bar: ProgressBar,
}

impl Display {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Fetching { name, from, bytes, license } => {
                let size = bytes.map_or_else(|| "of unknown size".into(), megabytes);
                self.say(&format!("fetching {name} from {from}, {size}, licence: {license}"));
            }
            Event::Download(event) => self.download(event),
            Event::Unverified { name } => {
                self.say(&format!("warning: {name}: the server announced no checksum to compare it with"));
            }
            Event::Reused { name, entry } => {
                self.say(&format!("{name}: taken as it was converted before, {entry}"))
            }
            Event::Converting { name } => self.say(&format!("converting {name}")),
            Event::Converted(summary) => {
                let (read, mapped) = (summary.read, summary.mapped);
                let size = megabytes(summary.bytes);
                self.say(&format!("{}: {mapped} of {read} tensors, {size}", summary.variant));
                let alike = conversion::alike(&summary.alike);
                conversion::chosen(&summary.chosen).iter().chain(&alike).for_each(|note| self.say(note));
            }
            Event::ConvertedEncoder(summary) => {
                let size = megabytes(summary.bytes);
                self.say(&format!("{}, named as by {}: {size}", summary.backbone, summary.naming));
                conversion::chosen(&summary.chosen).iter().for_each(|note| self.say(note));
            }
            _ => {}
        }
    }

    fn download(&mut self, event: &hub::Event<'_>) {
        match event {
            hub::Event::Started { file, size, from } => {
                self.bar.finish_and_clear();
                self.bar = output::bar(*size, BAR).with_position(*from);
                self.bar.set_message((*file).to_string());
                self.bar.reset_eta();
            }
            hub::Event::Received(bytes) => self.bar.inc(*bytes),
            hub::Event::Finished => self.bar.finish_and_clear(),
            hub::Event::Retrying { error, pause } => {
                self.say(&format!("warning: {error}; once more in {} s", pause.as_secs()));
            }
            hub::Event::Waiting { file } => {
                self.say(&format!("waiting for another program that fetches {file}"));
            }
            hub::Event::Stale { error } => self.say(&format!("warning: {error}; using what the cache has")),
            _ => {}
        }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| remark(text));
    }
}

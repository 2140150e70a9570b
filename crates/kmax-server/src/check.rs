//! Whether settings make sense.

use crate::access::{Guard, check_address};
use crate::error::{Error, Result};
use crate::settings::Settings;
use std::time::Duration;

impl Settings {
    /// Checks what [`Server::bind`](crate::Server::bind) would refuse but for the models.
    ///
    /// # Errors
    /// If the address would be open to strangers, or a setting is out of its range.
    pub fn check(&self) -> Result<()> {
        check_address(&self.access, self.address)?;
        Guard::new(&self.access, self.address)?;
        let limits = &self.limits;
        let counts = [
            ("workers", limits.workers as u64, 1, 64),
            ("queue", limits.queue as u64, 0, 10_000),
            ("body", limits.body, 1, 1 << 40),
            ("pixels", limits.pixels, 1, kmax_transforms::MAX_PIXELS),
            ("memory", limits.memory, limits.body, 1 << 50),
            ("batch", limits.batch as u64, 1, 1_000),
            ("connections", limits.connections as u64, 1, 1_000_000),
            ("predictions", limits.predictions as u64, 0, 1_000_000),
        ];
        for (name, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                return Err(Error::setting(name, format!("expected {least} to {most}, not {value}")));
            }
        }
        let times = [
            ("request", limits.request),
            ("headers", limits.headers),
            ("upload", limits.upload),
            ("download", limits.download),
            ("predictions_time", limits.predictions_time),
        ];
        let (least, most) = (Duration::from_millis(1), Duration::from_secs(86_400));
        match times.iter().find(|(_, time)| !(least..=most).contains(time)) {
            Some((name, time)) => {
                let seconds = time.as_secs_f64();
                Err(Error::setting(name, format!("expected 0.001 to 86400 seconds, not {seconds}")))
            }
            None => Ok(()),
        }
    }
}

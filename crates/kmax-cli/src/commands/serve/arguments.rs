//! What the command takes.

use crate::device::DeviceArguments;
use crate::exit::{Code, Failure, Outcome};
use kmax_base::read::{MAX_SETTINGS, read_text};
use kmax_server::{Access, LabelStudio, Limits, Settings};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Serve models to people and programs, by HTTP
///
/// Prints its address and answers until it is stopped (Ctrl-C, SIGTERM); requests in flight are finished. docs/SERVER.md describes the
/// interface, which /openapi.json tells programs.
#[derive(clap::Args)]
pub struct Arguments {
    /// Models, as of `kmax segment`; the first works where a request names none
    #[arg(long = "model", value_name = "MODEL", default_value = "kmax-people")]
    pub models: Vec<String>,
    /// The address to listen at; one that others can reach needs a token, or --insecure
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port; 0 is any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    #[command(flatten)]
    pub device: DeviceArguments,
    #[command(flatten)]
    access: AccessArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// A Label Studio, whose images may be fetched for its tasks; nothing else is ever fetched
    #[arg(long, value_name = "URL", help_heading = "Label Studio")]
    label_studio_url: Option<String>,
    /// The access token of a user of it, in a file
    #[arg(long, value_name = "FILE", requires = "label_studio_url", help_heading = "Label Studio")]
    label_studio_token_file: Option<PathBuf>,
}

/// Whom the server answers.
#[derive(clap::Args)]
struct AccessArguments {
    /// What clients must know: `Authorization: Bearer TOKEN`, or the password of any user; others of this machine may see it here
    #[arg(long, conflicts_with_all = ["token_file", "insecure"], help_heading = "Access")]
    token: Option<String>,
    /// The same, in a file
    #[arg(long, value_name = "FILE", conflicts_with = "insecure", help_heading = "Access")]
    token_file: Option<PathBuf>,
    /// Answer everybody who reaches the address
    #[arg(long, help_heading = "Access")]
    insecure: bool,
    /// Pages of this origin may use the server from browsers
    #[arg(long, value_name = "ORIGIN", help_heading = "Access")]
    cors: Vec<String>,
    /// A name by which the server is called, beside its address and localhost, such as that of a proxy
    #[arg(long, value_name = "NAME", help_heading = "Access")]
    allow_host: Vec<String>,
}

/// What the server bears.
#[derive(clap::Args)]
struct LimitArguments {
    /// Photos that are worked on at once, 1 to 64; they share the threads
    #[arg(long, value_name = "N", default_value_t = Limits::default().workers, help_heading = "Limits")]
    workers: usize,
    /// Requests that wait, 0 to 10000; beyond them the answer is 429
    #[arg(long, value_name = "N", default_value_t = Limits::default().queue, help_heading = "Limits")]
    queue: usize,
    /// The largest body
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "64M", help_heading = "Limits")]
    max_body: u64,
    /// The most pixels of a photo, up to 400000000
    #[arg(long, value_name = "N", default_value_t = Limits::default().pixels, help_heading = "Limits")]
    max_pixels: u64,
    /// Bodies and answers in memory at once; beyond them the answer is 429
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "512M", help_heading = "Limits")]
    memory: u64,
    /// Photos of a batch, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = Limits::default().batch, help_heading = "Limits")]
    max_batch: usize,
    /// From the whole body to the answer, waiting included
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "120", help_heading = "Limits")]
    request_time: Duration,
    /// For a request's headers, and for idle connections
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "15", help_heading = "Limits")]
    header_time: Duration,
    /// For a request's body
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60", help_heading = "Limits")]
    upload_time: Duration,
    /// For a client to take an answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "120", help_heading = "Limits")]
    download_time: Duration,
    /// Connections at once; one more takes the place of that which was idle longest
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections, help_heading = "Limits")]
    connections: usize,
    /// Predictions that are kept for the page; the oldest make room
    #[arg(long, value_name = "N", default_value_t = Limits::default().predictions, help_heading = "Limits")]
    predictions: usize,
    /// Memory for them
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "512M", help_heading = "Limits")]
    predictions_memory: u64,
    /// How long one is kept after it was last asked about
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "900", help_heading = "Limits")]
    predictions_time: Duration,
}

impl Arguments {
    /// The server's settings.
    pub fn settings(&self) -> Outcome<Settings> {
        let mut settings = Settings::new(self.address()?);
        let access = &self.access;
        let token = access.token_file.as_deref().map(secret).transpose()?;
        settings.access = Access::default()
            .with_token(token.or_else(|| access.token.clone()))
            .with_insecure(access.insecure)
            .with_origins(access.cors.clone())
            .with_hosts(access.allow_host.clone());
        let given = &self.limits;
        let limits = &mut settings.limits;
        (limits.workers, limits.queue, limits.batch) = (given.workers, given.queue, given.max_batch);
        (limits.body, limits.pixels, limits.memory) = (given.max_body, given.max_pixels, given.memory);
        (limits.request, limits.headers) = (given.request_time, given.header_time);
        (limits.upload, limits.download) = (given.upload_time, given.download_time);
        (limits.connections, limits.predictions) = (given.connections, given.predictions);
        limits.predictions_memory = given.predictions_memory;
        limits.predictions_time = given.predictions_time;
        if let Some(url) = &self.label_studio_url {
            let token = self.label_studio_token_file.as_deref().map(secret).transpose()?;
            settings.label_studio = Some(LabelStudio::new(url, token));
        }
        Ok(settings)
    }

    fn address(&self) -> Outcome<SocketAddr> {
        let fail = |reason: &str| Failure::new(Code::Usage, format!("--host {}: {reason}", self.host));
        let found = (self.host.as_str(), self.port).to_socket_addrs().map_err(|e| fail(&e.to_string()))?;
        // Of a name with both, the older: what listens at 127.0.0.1 is what `localhost` reaches everywhere.
        let mut found: Vec<SocketAddr> = found.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        found.first().copied().ok_or_else(|| fail("has no address"))
    }
}

/// The one line of a file that holds a secret.
fn secret(file: &Path) -> Outcome<String> {
    let text = read_text(file, MAX_SETTINGS);
    let text = text.map_err(|e| Failure::new(Code::Input, format!("{}: {e}", file.display())))?;
    Ok(text.trim().to_owned())
}

/// A number of bytes, with K, M or G for powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(number) => (number, 1 << (10 * (1 + "KMG".find(&text[number.len()..]).unwrap_or(0)))),
        None => (text, 1),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    bytes.ok_or_else(|| "expected a number of bytes, such as 500000 or 64M".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected a number of seconds".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        assert_eq!((bytes("500000"), bytes("64M"), bytes("2G")), (Ok(500_000), Ok(64 << 20), Ok(2 << 30)));
        for text in ["", "M", "1.5M", "-1", "64MB", "99999999999G"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "-1", "nan", "1e30"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}

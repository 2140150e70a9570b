//! Requests to the Hub: redirects, permission, and which answers are worth repeating.

use crate::error::{Error, Result};
use crate::etag::ETag;
use crate::event::Event;
use crate::repo::HubRepo;
use crate::settings::Settings;
use std::time::Duration;
use ureq::http::{HeaderMap, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};

/// Redirects followed for one request.
const MOST_REDIRECTS: usize = 8;
/// Repetitions of a failed request before it is given up.
const REPETITIONS: u32 = 4;
/// Longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the Hub tells of a file before it is fetched.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub commit: String,
    pub etag: ETag,
    pub size: Option<u64>,
}

/// An answer that is no redirect, with its body unread.
pub(crate) struct Answer {
    pub url: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: ureq::Body,
}

pub(crate) struct Client {
    agent: ureq::Agent,
    endpoint: String,
    token: Option<String>,
    pause: Duration,
}

impl Client {
    pub fn new(settings: &Settings) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // By hand: the token goes to the endpoint only, and the first answer's headers are needed.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(Duration::from_secs(10)))
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(30)))
            .timeout_per_read(Some(Duration::from_secs(30)))
            // Sizes and checksums are of the file as it is.
            .accept_encoding("identity")
            .user_agent(concat!("kmax/", env!("CARGO_PKG_VERSION")))
            .build();
        let Settings { endpoint, token, pause, .. } = settings.clone();
        Self { agent: config.new_agent(), endpoint, token, pause }
    }

    pub fn patience(&self) -> Patience {
        Patience { left: REPETITIONS, pause: self.pause }
    }

    /// Address of a file at a revision.
    pub fn address(&self, repo: &HubRepo, revision: &str, file: &str) -> String {
        format!("{}/{}/resolve/{}/{file}", self.endpoint, repo.id(), encode(revision))
    }

    /// Commit, ETag and size of a file. They stand in the endpoint's own answers, the redirects among them.
    pub fn metadata(&self, repo: &HubRepo, revision: &str, file: &str) -> Result<Metadata> {
        let first = self.address(repo, revision, file);
        let (mut commit, mut etag, mut size) = (None, None, None);
        let mut url = first.clone();
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.ask("HEAD", &url, 0)?;
            if !same_origin(&url, &self.endpoint) {
                break;
            }
            let text = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
            let redirect = redirection(&answer)?;
            if redirect.is_none() {
                self.check(repo, revision, file, &answer)?;
            }
            let plain = |name| redirect.is_none().then(|| text(name)).flatten();
            commit = text("x-repo-commit").map(str::to_string).or(commit);
            etag = text("x-linked-etag").or(plain("etag")).map(str::to_string).or(etag);
            size = text("x-linked-size").or(plain("content-length")).map(str::to_string).or(size);
            match redirect {
                Some(next) if commit.is_none() || etag.is_none() => url = next,
                _ => break,
            }
        }
        let lacks = |what: &str| {
            Error::protocol(
                &first,
                format!("the answer has no {what}: is this the address of a Hugging Face Hub?"),
            )
        };
        let commit =
            commit.filter(|commit| is_commit(commit)).ok_or_else(|| lacks("X-Repo-Commit with a commit"))?;
        let etag =
            etag.as_deref().and_then(ETag::parse).ok_or_else(|| lacks("ETag that could name a file"))?;
        let size =
            size.map(|size| size.parse().map_err(|_| lacks("X-Linked-Size with a number"))).transpose()?;
        Ok(Metadata { commit, etag, size })
    }

    /// Begins to fetch a file at its byte `from`.
    pub fn fetch(&self, repo: &HubRepo, revision: &str, file: &str, from: u64) -> Result<Answer> {
        let mut url = self.address(repo, revision, file);
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.ask("GET", &url, from)?;
            match redirection(&answer)? {
                Some(next) => url = next,
                None => return self.check(repo, revision, file, &answer).map(|()| answer),
            }
        }
        Err(Error::protocol(&url, format!("more than {MOST_REDIRECTS} redirects")))
    }

    fn ask(&self, method: &str, url: &str, from: u64) -> Result<Answer> {
        let mut request = match method {
            "HEAD" => self.agent.head(url),
            _ => self.agent.get(url),
        };
        if let Some(token) = self.token.as_ref().filter(|_| same_origin(url, &self.endpoint)) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        match request.call() {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Ok(Answer { url: url.into(), status: head.status.as_u16(), headers: head.headers, body })
            }
            Err(ureq::Error::BadUri(reason)) => Err(Error::protocol(url, reason)),
            Err(error) => Err(Error::Connection { url: url.into(), reason: error.to_string() }),
        }
    }

    /// The error that an answer's status means.
    fn check(&self, repo: &HubRepo, revision: &str, file: &str, answer: &Answer) -> Result<()> {
        let text = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let (url, name) = (answer.url.clone(), repo.to_string());
        let denied = |reason: String| Err(Error::Denied { repo: name.clone(), reason });
        let missing = |what: String| Err(Error::NotFound { repo: format!("hf://{}", repo.id()), what });
        let code = text("x-error-code");
        match (answer.status, code) {
            (200..=299, _) => Ok(()),
            (401, _) if self.token.is_some() => denied(
                "there is no such repository, or the token in HF_TOKEN is wrong or may not read it (401)".into(),
            ),
            (401, _) => denied(
                "there is no such repository, or it is private or gated (401): set HF_TOKEN to a token that may read it"
                    .into(),
            ),
            (403, _) => denied(format!(
                "access is denied (403): accept the conditions at {}/{} and set HF_TOKEN to a token that may read it",
                self.endpoint,
                repo.id()
            )),
            (404, Some("RepoNotFound")) => missing("there is no such repository (404)".into()),
            (404, Some("RevisionNotFound")) => missing(format!("has no revision `{revision}` (404)")),
            (404, Some("EntryNotFound")) => missing(format!("has no {file} at `{revision}` (404)")),
            (404, _) => missing(format!("nothing was found at {url} (404)")),
            (429, _) => Err(Error::Busy { url, retry_after: text("retry-after").and_then(seconds) }),
            (status @ (408 | 500..=599), _) => Err(Error::Server { url, status }),
            (status, _) => Err(Error::protocol(&url, format!("status {status}, expected 200"))),
        }
    }
}

/// How often a failed request is still repeated.
pub(crate) struct Patience {
    left: u32,
    pause: Duration,
}

impl Patience {
    /// For somebody who has an alternative.
    pub fn none() -> Self {
        Self { left: 0, pause: Duration::ZERO }
    }

    /// Waits after a temporary failure; gives any other back, and the last.
    pub fn wait(&mut self, error: Error, events: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        let pause = match &error {
            Error::Busy { retry_after: Some(wait), .. } => *wait,
            _ => self.pause,
        };
        if !error.is_temporary() || self.left == 0 || pause > LONGEST_PAUSE {
            return Err(error);
        }
        self.left -= 1;
        self.pause *= 2;
        events(Event::Retrying { error: &error, pause });
        std::thread::sleep(pause);
        Ok(())
    }
}

/// Where a redirect leads; `None` if the answer is none.
fn redirection(answer: &Answer) -> Result<Option<String>> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| resolve(&answer.url, location));
    let fail =
        || Error::protocol(&answer.url, format!("redirect to {location:?}, which is no address to follow"));
    next.ok_or_else(fail).map(Some)
}

/// `location` seen from `base`, unless it leaves HTTP, or TLS.
fn resolve(base: &str, location: &str) -> Option<String> {
    let (scheme, rest) = base.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let url = match location {
        _ if location.starts_with("http://") || location.starts_with("https://") => location.to_string(),
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{host}{location}"),
        _ => return None,
    };
    (scheme == "http" || url.starts_with("https://")).then_some(url)
}

/// Whether scheme, host and port are equal.
fn same_origin(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        Some((scheme, uri.host()?.to_ascii_lowercase(), port))
    };
    origin(a).is_some_and(|a| origin(b) == Some(a))
}

/// Forty digits of a Git commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Percent-encodes a revision as one part of a path.
fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    let encoded = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_within_http_and_keep_tls() {
        let base = "https://hub.example:8443/a/b?x";
        let next = |location| resolve(base, location);
        assert_eq!(next("/c?d=1").as_deref(), Some("https://hub.example:8443/c?d=1"));
        assert_eq!(next("//cdn.example/c").as_deref(), Some("https://cdn.example/c"));
        assert_eq!(next("https://cdn.example/c").as_deref(), Some("https://cdn.example/c"));
        for location in ["http://cdn.example/c", "file:///etc/passwd", "c/d", "", "ftp://x/y"] {
            assert_eq!(next(location), None, "{location}");
        }
    }

    #[test]
    fn the_token_stays_with_its_origin() {
        let same = |url| same_origin(url, "https://huggingface.co");
        assert!(same("https://huggingface.co/a") && same("https://HuggingFace.co:443/a"));
        for url in [
            "http://huggingface.co/a",
            "https://huggingface.co.evil.example/a",
            "https://huggingface.co:444/a",
            "https://huggingface.co@evil.example/a",
            "nonsense",
        ] {
            assert!(!same(url), "{url}");
        }
    }

    #[test]
    fn revisions_are_one_part_of_the_path() {
        assert_eq!(encode("refs/pr/1"), "refs%2Fpr%2F1");
        assert_eq!(encode("v1.0-ü"), "v1.0-%C3%BC");
    }
}

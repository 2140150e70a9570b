//! Requests of any kind: redirects, where the token goes, and answers with their bodies unread.

use crate::error::{Error, Result};
use crate::pace::Paced;
use std::io::Read;
use std::time::Duration;
use ureq::http::{HeaderMap, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};

/// Redirects followed for one request.
pub(crate) const MOST_REDIRECTS: usize = 8;

/// An answer with its body unread.
pub(crate) struct Answer {
    pub url: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: ureq::Body,
}

impl Answer {
    /// The value of a header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where it redirects to; `None` if it does not.
    pub fn redirection(&self) -> Result<Option<String>> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let location = self.header(header::LOCATION.as_str());
        let next = location.and_then(|location| resolve(&self.url, location));
        let fail =
            || Error::protocol(&self.url, format!("redirect to {location:?}, which is no address to follow"));
        next.ok_or_else(fail).map(Some)
    }

    /// The whole body, which may have `limit` bytes at most.
    pub fn read(mut self, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let body = Paced::new(self.body.as_reader()).take(limit + 1).read_to_end(&mut bytes);
        body.map_err(|e| Error::Connection {
            url: self.url.clone(),
            reason: format!("broke off after {} bytes: {e}", bytes.len()),
        })?;
        if bytes.len() as u64 > limit {
            return Err(Error::protocol(&self.url, format!("has more than {limit} bytes")));
        }
        Ok(bytes)
    }
}

/// A blocking HTTP client.
pub(crate) struct Transport {
    agent: ureq::Agent,
    /// Sent to this origin alone.
    token: Option<(String, String)>,
}

impl Transport {
    /// `token` goes to the origin of `endpoint`, and to no other.
    pub fn new(endpoint: &str, token: Option<&str>) -> Self {
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
        Self {
            agent: config.new_agent(),
            token: token.map(|token| (endpoint.to_string(), token.to_string())),
        }
    }

    /// One request without following redirects, from the byte `from` on, if the content is still that of the ETag `unless_changed`.
    pub fn ask(&self, method: &str, url: &str, from: u64, unless_changed: Option<&str>) -> Result<Answer> {
        let mut request = match method {
            "HEAD" => self.agent.head(url),
            _ => self.agent.get(url),
        };
        if let Some((_, token)) = self.token.as_ref().filter(|(endpoint, _)| same_origin(url, endpoint)) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(etag) = unless_changed {
                request = request.header(header::IF_RANGE, etag);
            }
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

    /// As [`Self::ask`], to the end of the redirects; `rewrite` may send each address elsewhere.
    pub fn follow(
        &self,
        url: &str,
        from: u64,
        unless_changed: Option<&str>,
        rewrite: impl Fn(String) -> String,
    ) -> Result<Answer> {
        let mut url = rewrite(url.to_string());
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.ask("GET", &url, from, unless_changed)?;
            match answer.redirection()? {
                Some(next) => url = rewrite(next),
                None => return Ok(answer),
            }
        }
        Err(Error::protocol(&url, format!("more than {MOST_REDIRECTS} redirects")))
    }
}

/// `location` seen from `base`, unless it leaves HTTP, or TLS.
pub(crate) fn resolve(base: &str, location: &str) -> Option<String> {
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
pub(crate) fn same_origin(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        Some((scheme, uri.host()?.to_ascii_lowercase(), port))
    };
    origin(a).is_some_and(|a| origin(b) == Some(a))
}

/// Percent-encodes a name as one part of a path, or of a query.
pub(crate) fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    let encoded = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_one_part_of_the_path() {
        assert_eq!(encode("refs/pr/1"), "refs%2Fpr%2F1");
        assert_eq!(encode("v1.0-ü"), "v1.0-%C3%BC");
    }

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
}

//! Whom the server answers: tokens, and what browsers are kept from doing for strangers.
//!
//! A page of any site can send requests from its visitor's browser. Where that matters, and how it is kept off:
//!
//! - A site may call itself by a name that means this machine (DNS rebinding). Without a token, requests must call the server by its
//!   own address or by a name that was allowed.
//! - A site may send requests blindly. Browsers say where a request comes from: `Origin` must be the server's own or allowed,
//!   `Sec-Fetch-Site` must not be another site, except for a person who follows a link.
//! - A site may read answers only if its origin was allowed (CORS); nobody's is unless it was.

use crate::problem::Problem;
use crate::settings::{Access, TOKEN_LENGTH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, SocketAddr};

/// Routes that tell nothing but whether the server lives, which probes ask without a token.
const OPEN: [&str; 5] = ["/healthz", "/readyz", "/health", "/v2/health/live", "/v2/health/ready"];

/// Decides about requests.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The digest of the token: comparing digests tells nothing of the token by its time.
    token: Option<[u8; 32]>,
    origins: Vec<String>,
    /// Names by which the server is called; any if not set.
    hosts: Option<Vec<String>>,
}

impl Guard {
    /// # Errors
    /// If the token is too short to be one, or has characters that a header cannot hold.
    pub fn new(access: &Access, address: SocketAddr) -> crate::error::Result<Self> {
        if let Some(token) = &access.token
            && (token.len() < TOKEN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let reason = format!(
                "expected at least {TOKEN_LENGTH} characters, letters, digits and signs without blanks"
            );
            return Err(crate::error::Error::setting("token", reason));
        }
        let origin = |text: &String| {
            let plain = text.split_once("://").is_some_and(|(scheme, host)| {
                matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains(['/', '*', '@', ' '])
            });
            if plain {
                return Ok(text.to_ascii_lowercase());
            }
            let reason = format!("`{text}` is no origin, expected one such as https://example.org");
            Err(crate::error::Error::setting("origins", reason))
        };
        let origins = access.origins.iter().map(origin).collect::<Result<_, _>>()?;
        let named = access.hosts.iter().map(|host| host.to_ascii_lowercase());
        let local = ["localhost".to_owned(), address.ip().to_string()];
        // An address that everybody reaches has names that the server does not know.
        let open = access.token.is_some() || access.insecure && access.hosts.is_empty();
        let hosts = (!open).then(|| local.into_iter().chain(named).collect());
        let token = access.token.as_ref().map(|token| Sha256::digest(token).into());
        Ok(Self { token, origins, hosts })
    }

    /// Whether a request is answered.
    ///
    /// # Errors
    /// 401 without the token, 403 for what a browser does for another site, 421 under a foreign name.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = host(uri, headers);
        if let Some(hosts) = &self.hosts {
            let name = host.as_deref().map(name_of).unwrap_or_default();
            let loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            if !loopback && !hosts.iter().any(|known| known == &name) {
                let detail = format!("the server is not called `{name}` (--allow-host adds names)");
                return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "forbidden", detail));
            }
        }
        self.check_site(host.as_deref(), headers)?;
        match self.token {
            Some(token) if !OPEN.contains(&uri.path()) => self.check_token(token, headers),
            _ => Ok(()),
        }
    }

    fn check_site(&self, host: Option<&str>, headers: &HeaderMap) -> Result<(), Problem> {
        let refused = |what: &str| {
            let detail = format!("{what} may not use this server (--cors allows origins)");
            Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
        };
        if let Some(origin) = text(headers, header::ORIGIN) {
            let origin = origin.to_ascii_lowercase();
            let own = origin.split_once("://").is_some_and(|(_, place)| Some(place) == host);
            if own || self.origins.contains(&origin) {
                return Ok(());
            }
            return refused(&format!("a page of {origin}"));
        }
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let link = said("sec-fetch-mode") == Some("navigate") && said("sec-fetch-dest") == Some("document");
        match said("sec-fetch-site") {
            Some("cross-site" | "same-site") if !link => refused("another site"),
            _ => Ok(()),
        }
    }

    fn check_token(&self, token: [u8; 32], headers: &HeaderMap) -> Result<(), Problem> {
        let given = text(headers, header::AUTHORIZATION).and_then(|value| value.split_once(' '));
        let secret = given.and_then(|(scheme, value)| match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(value.trim().as_bytes().to_vec()),
            "basic" => {
                let pair = STANDARD.decode(value.trim()).ok()?;
                let colon = pair.iter().position(|byte| *byte == b':')?;
                Some(pair[colon + 1..].to_vec())
            }
            _ => None,
        });
        if secret.is_some_and(|secret| <[u8; 32]>::from(Sha256::digest(&secret)) == token) {
            return Ok(());
        }
        let detail = "expected the token, as `Authorization: Bearer TOKEN` or as the password of any user";
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "forbidden", detail);
        Err(problem.with(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"kmax\", charset=\"UTF-8\""),
        ))
    }

    /// What a browser may be told for a page of an allowed origin.
    pub fn cors(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let known = self.origins.contains(&origin.to_str().ok()?.to_ascii_lowercase());
        known.then(|| origin.clone())
    }

    /// Whether a request only asks what a page may do.
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }
}

/// The name and the port that a request calls the server by, in lower case.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let said = uri.authority().map(|authority| authority.as_str());
    said.or_else(|| text(headers, header::HOST)).map(str::to_ascii_lowercase)
}

/// A name without its port, an address without brackets.
fn name_of(host: &str) -> String {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.to_owned();
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name).trim_end_matches('.').to_owned()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// An error if an address that others reach has nothing that keeps them out.
pub(crate) fn check_address(access: &Access, address: SocketAddr) -> crate::error::Result<()> {
    if address.ip().is_loopback() || access.token.is_some() || access.insecure {
        return Ok(());
    }
    Err(crate::error::Error::Open(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn guard(access: Access) -> Guard {
        Guard::new(&access, "127.0.0.1:8080".parse().expect("an address")).expect("fine")
    }

    fn status(guard: &Guard, path: &str, headers: &[(&'static str, &str)]) -> u16 {
        let pair = |(name, value): &(&'static str, &str)| {
            (header::HeaderName::from_static(name), value.parse().expect("a header"))
        };
        let headers = headers.iter().map(pair).collect();
        let checked = guard.check(&path.parse().expect("a path"), &headers);
        checked.map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    #[test]
    fn foreign_names_and_foreign_pages_are_refused() {
        let plain = guard(Access::default());
        let own = ("host", "localhost:8080");
        for (headers, expected) in [
            (&[own][..], 200),
            (&[("host", "127.0.0.1:9000")], 200),
            (&[("host", "[::1]:8080")], 200),
            (&[("host", "LOCALHOST.")], 200),
            (&[("host", "evil.example:8080")], 421),
            (&[("host", "localhost.evil.example")], 421),
            (&[("host", "192.168.0.7")], 421),
            (&[], 421),
            (&[own, ("origin", "http://localhost:8080")], 200),
            (&[own, ("origin", "http://localhost:8081")], 403),
            (&[own, ("origin", "https://evil.example")], 403),
            (&[own, ("origin", "null")], 403),
            (&[own, ("sec-fetch-site", "same-origin")], 200),
            (&[own, ("sec-fetch-site", "none")], 200),
            (&[own, ("sec-fetch-site", "cross-site")], 403),
            (
                &[
                    own,
                    ("sec-fetch-site", "same-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                403,
            ),
            (
                &[
                    own,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                200,
            ),
        ] {
            assert_eq!(status(&plain, "/v1/models", headers), expected, "{headers:?}");
        }
        let allowed = guard(Access {
            hosts: vec!["Seg.Example.org".into()],
            origins: vec!["https://example.org".into()],
            ..Access::default()
        });
        let headers = [("host", "seg.example.org"), ("origin", "https://example.org")];
        assert_eq!(status(&allowed, "/v1/models", &headers), 200);
    }

    #[test]
    fn the_token_opens_all_but_the_probes() {
        let guard = guard(Access { token: Some(TOKEN.into()), ..Access::default() });
        let basic = format!("Basic {}", STANDARD.encode(format!("anybody:{TOKEN}")));
        for (value, expected) in [
            (format!("Bearer {TOKEN}"), 200),
            (format!("bearer  {TOKEN}"), 200),
            (basic, 200),
            (format!("Bearer {TOKEN}0"), 401),
            ("Bearer".into(), 401),
            ("Basic AAAA".into(), 401),
            (format!("Token {TOKEN}"), 401),
        ] {
            assert_eq!(status(&guard, "/v1/models", &[("authorization", &value)]), expected, "{value}");
        }
        assert_eq!((status(&guard, "/metrics", &[]), status(&guard, "/healthz", &[])), (401, 200));
        // A page of another site would be sent with the password that the browser keeps.
        let headers =
            [("authorization", format!("Bearer {TOKEN}")), ("origin", "https://evil.example".into())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(status(&guard, "/v1/models", &headers), 403);
    }

    #[test]
    fn settings_that_protect_nothing_are_refused() {
        let address: SocketAddr = "0.0.0.0:80".parse().expect("an address");
        assert!(check_address(&Access::default(), address).is_err());
        assert!(check_address(&Access { insecure: true, ..Access::default() }, address).is_ok());
        for token in ["short", "with a blank in between", ""] {
            assert!(Guard::new(&Access { token: Some(token.into()), ..Access::default() }, address).is_err());
        }
        for origin in ["*", "example.org", "https://*", "https://a/b", "ftp://a"] {
            assert!(
                Guard::new(&Access { origins: vec![origin.into()], ..Access::default() }, address).is_err()
            );
        }
    }
}

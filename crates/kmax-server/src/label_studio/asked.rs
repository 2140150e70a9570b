//! What the server asks of Label Studio.

use crate::problem::Problem;
use kmax_base::ErrorKind;
use serde_json::Value;
use std::fmt::Display;
use std::io::Read;
use std::time::Duration;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// A client that follows no redirect: it would lead elsewhere.
pub(super) struct Asked(Agent);

impl Asked {
    /// Each request takes no longer than that.
    pub fn new(time: Duration) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(time))
            .accept_encoding("identity")
            .user_agent(concat!("kmax/", env!("CARGO_PKG_VERSION")))
            .build();
        Self(config.new_agent())
    }

    /// What is at an address.
    ///
    /// # Errors
    /// If it cannot be had, or is larger than `limit`.
    pub fn get(&self, address: &str, authorization: Option<&str>, limit: u64) -> Result<Vec<u8>, Problem> {
        let mut request = self.0.get(address);
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        taken(address, request.call(), limit)
    }

    /// The answer to JSON.
    ///
    /// # Errors
    /// If there is none, or it is larger than `limit`.
    pub fn post(&self, address: &str, body: &Value, limit: u64) -> Result<Vec<u8>, Problem> {
        let request = self.0.post(address).header("Content-Type", "application/json");
        taken(address, request.send(&body.to_string()), limit)
    }
}

fn taken(
    address: &str,
    response: Result<Response<Body>, ureq::Error>,
    limit: u64,
) -> Result<Vec<u8>, Problem> {
    let fail = |reason: &dyn Display| Problem::of(ErrorKind::Network, format!("{address}: {reason}"));
    let response = response.map_err(|error| fail(&error))?;
    if response.status().as_u16() != 200 {
        return Err(fail(&format!("answers {}", response.status())));
    }
    let mut bytes = Vec::new();
    let body = response.into_body().into_reader().take(limit + 1).read_to_end(&mut bytes);
    body.map_err(|error| fail(&error))?;
    if bytes.len() as u64 > limit {
        return Err(Problem::too_large(format!("{address}: has more than {limit} bytes")));
    }
    Ok(bytes)
}

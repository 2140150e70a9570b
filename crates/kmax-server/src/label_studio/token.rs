//! As whom images are fetched.
//!
//! Label Studio has two kinds of tokens. A legacy token is sent as it is. A personal access token, the only kind that new organisations have
//! unless they allow the other, is a JSON web token that is exchanged for one that lives five minutes.

use super::asked::Asked;
use crate::problem::Problem;
use crate::settings::LabelStudio;
use kmax_base::ErrorKind;
use serde::Deserialize;
use serde_json::json;

/// The longest answer to an exchange, in bytes.
const LONGEST: u64 = 64 << 10;

/// What an exchange gives.
#[derive(Deserialize)]
struct Exchanged {
    access: String,
}

/// The value of `Authorization` for a fetch, if there is a token.
///
/// # Errors
/// If Label Studio does not take the token.
pub(super) fn authorization(asked: &Asked, studio: &LabelStudio) -> Result<Option<String>, Problem> {
    let Some(token) = studio.token.as_deref() else { return Ok(None) };
    if !is_personal(token) {
        return Ok(Some(format!("Token {token}")));
    }
    let address = format!("{}/api/token/refresh/", studio.url.trim_end_matches('/'));
    let answer = asked.post(&address, &json!({ "refresh": token }), LONGEST)?;
    let fail = |reason: &str| Problem::of(ErrorKind::Network, format!("{address}: {reason}"));
    let Exchanged { access } =
        serde_json::from_slice(&answer).map_err(|_| fail("expected an access token in the answer"))?;
    if !access.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(fail("the access token has characters that no token has"));
    }
    Ok(Some(format!("Bearer {access}")))
}

/// Whether it is a JSON web token: three parts between dots.
fn is_personal(token: &str) -> bool {
    token.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        assert!(is_personal("eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoi.c2lnbmF0dXJl"));
        assert!(!is_personal("0123456789abcdef0123456789abcdef01234567"));
    }
}

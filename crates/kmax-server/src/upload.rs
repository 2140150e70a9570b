//! Receiving the body of a request, within limits.

use crate::budget::Held;
use crate::problem::Problem;
use crate::state::State;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use kmax_base::ErrorKind;
use std::time::Duration;

/// A whole body. Its memory counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Upload {
    pub bytes: Bytes,
    /// What it says it is.
    pub media_type: String,
    held: Held,
}

/// The longest that is waited for the rest of a body that is not wanted, so that the client hears the answer.
const LINGER: Duration = Duration::from_secs(2);

impl Upload {
    /// Receives the body of a request that will need a place in the queue.
    ///
    /// # Errors
    /// 413 if it is larger than the limit, 408 if it does not come in time, 415 if it is compressed, 429 if there is no room for the
    /// request or its body.
    pub async fn receive(state: &State, request: Request) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let media_type = media_type(&head.headers);
        let limits = &state.settings.limits;
        let said = head.headers.get(header::CONTENT_LENGTH);
        let said = said.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if said.is_some_and(|length| length > limits.body) {
            return Err(too_large(limits.body));
        }
        if let Err(refused) = state.queue.check() {
            drain(body, limits.body).await;
            return Err(refused);
        }
        let encoding = head.headers.get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            let detail = "a compressed body is not read; send it as it is, without Content-Encoding";
            return Err(Problem::of(ErrorKind::Unsupported, detail));
        }
        let received = receive(state, body, said.unwrap_or(0));
        let Ok(received) = tokio::time::timeout(limits.upload, received).await else {
            let detail = format!("the body did not come within {} s", limits.upload.as_secs_f64());
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "cancelled", detail));
        };
        let (bytes, held) = received?;
        Ok(Self { bytes, media_type, held })
    }

    /// The bytes alone, with what they hold of the budget.
    pub fn into_parts(self) -> (Bytes, Held) {
        (self.bytes, self.held)
    }
}

/// What a body says it is, without parameters, in lower case; nothing said is bytes.
fn media_type(headers: &HeaderMap) -> String {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    said.unwrap_or("application/octet-stream").trim().to_owned()
}

async fn receive(state: &State, mut body: Body, said: u64) -> Result<(Bytes, Held), Problem> {
    let limit = state.settings.limits.body;
    let mut held = state.budget.none();
    // Pages that nothing is written to take no memory.
    let mut bytes = Vec::with_capacity(said as usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::of(ErrorKind::Damaged, format!("the body: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() as u64 + data.len() as u64 > limit {
            return Err(too_large(limit));
        }
        if let Err(refused) = held.grow(data.len() as u64) {
            drop((bytes, held));
            drain(body, limit).await;
            return Err(refused);
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.into(), held))
}

/// Takes what is still to come of a body and forgets it.
async fn drain(mut body: Body, limit: u64) {
    let all = async {
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, all).await;
}

fn too_large(limit: u64) -> Problem {
    Problem::too_large(format!("a body of more than {limit} bytes is not taken"))
}

//! Which form of an answer a client takes (`Accept`, RFC 9110).

use crate::parameters::Format;
use crate::problem::Problem;
use axum::http::{HeaderMap, StatusCode, header};

/// What each range of media types asks for. An overlay and a map are both PNG: `image/png; result=overlay` is the overlay.
fn offered(essence: &str, parameters: &[&str]) -> Option<Format> {
    match essence {
        "*/*" | "application/*" | "application/json" => Some(Format::Json),
        "image/png" | "image/*" if parameters.contains(&"result=overlay") => Some(Format::Overlay),
        "image/png" | "image/*" => Some(Format::Map),
        "application/zip" => Some(Format::Zip),
        _ => None,
    }
}

/// The form that is asked for.
///
/// # Errors
/// 406 if there is none of those that are asked for.
pub(crate) fn format(said: Option<Format>, headers: &HeaderMap) -> Result<Format, Problem> {
    if let Some(format) = said {
        return Ok(format);
    }
    let accepted: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accepted = accepted.join(",").to_ascii_lowercase();
    if accepted.trim().is_empty() {
        return Ok(Format::Json);
    }
    let mut best: Option<(f32, Format)> = None;
    for range in accepted.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or("");
        let parameters: Vec<&str> = parts.collect();
        let weight = parameters.iter().find_map(|parameter| parameter.strip_prefix("q="));
        let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        let Some(format) = offered(essence, &parameters) else { continue };
        // Of equals the first.
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format).ok_or_else(|| {
        let detail = "expected one of application/json, image/png (the map), image/png; result=overlay and application/zip";
        Problem::new(StatusCode::NOT_ACCEPTABLE, "unsupported", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_is_accepted_most() {
        let of = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]);
            format(None, &headers).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(format(None, &HeaderMap::new()), Ok(Format::Json));
        for (accept, expected) in [
            ("*/*", Ok(Format::Json)),
            ("Image/PNG", Ok(Format::Map)),
            ("image/png; result=overlay", Ok(Format::Overlay)),
            ("text/html, application/zip;q=0.5, application/json;q=0.4", Ok(Format::Zip)),
            ("image/avif,image/webp,image/*,*/*;q=0.8", Ok(Format::Map)),
            ("text/html", Err(406)),
            ("application/json;q=0", Err(406)),
        ] {
            assert_eq!(of(accept), expected, "{accept}");
        }
        assert_eq!(format(Some(Format::Zip), &HeaderMap::new()), Ok(Format::Zip));
    }
}

//! What a request for inference holds.

use super::binary::{Values, elements};
use super::tensors::{IMAGE, OUTPUTS, PHOTO};
use crate::parameters::Thresholds;
use crate::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use kmax_base::ErrorKind;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A request, as its JSON says.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Infer {
    /// Comes back in the answer.
    #[serde(default)]
    #[schema(nullable = false)]
    id: Option<String>,
    /// `binary_data_output`, and thresholds as of `/v1/segment`.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// One of the model's two inputs.
    inputs: Vec<GivenTensor>,
    /// The outputs that are wanted; all if nothing is said.
    #[serde(default)]
    outputs: Vec<WantedTensor>,
}

/// A tensor that comes in.
#[derive(Debug, Deserialize, ToSchema)]
struct GivenTensor {
    name: String,
    datatype: String,
    shape: Vec<u64>,
    /// `binary_data_size`: the bytes of the tensor after the JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// The values, unless they follow the JSON.
    #[serde(default)]
    #[schema(value_type = Vec<Value>)]
    data: Values,
}

/// A tensor that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
struct WantedTensor {
    name: String,
    /// `binary_data`: whether it is to follow the JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
}

/// A photo.
#[derive(Debug)]
pub(crate) enum Photo {
    Pixels(RgbImage),
    File(Vec<u8>),
}

/// A request that makes sense.
#[derive(Debug)]
pub(crate) struct Request {
    pub id: Option<String>,
    pub photo: Photo,
    pub thresholds: Thresholds,
    /// By the places of [`OUTPUTS`]: whether it is to be binary.
    pub outputs: Vec<(usize, bool)>,
}

/// Parameters that clients send and that change no result here.
const IGNORED: [&str; 5] = ["priority", "timeout", "sequence_id", "sequence_start", "sequence_end"];

impl Request {
    /// Reads a body whose first `json` bytes are JSON, or all.
    ///
    /// # Errors
    /// If it is damaged, or asks for what the model does not have.
    pub fn read(body: &[u8], json: Option<&str>, most_pixels: u64) -> Result<Self, Problem> {
        let length = match json {
            Some(text) => text.parse().ok().filter(|length| *length <= body.len()),
            None => Some(body.len()),
        };
        let length = length.ok_or_else(|| {
            Problem::invalid("Inference-Header-Content-Length is not the length of the JSON")
        })?;
        let (json, binary) = body.split_at(length);
        let infer: Infer = serde_json::from_slice(json).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Problem::invalid(format!("the body: {error}")),
            _ => Problem::of(ErrorKind::Damaged, format!("the body is no JSON: {error}")),
        })?;
        let Ok([input]) = <[GivenTensor; 1]>::try_from(infer.inputs) else {
            return Err(Problem::invalid(format!(
                "expected one input, `{}` or `{}`",
                IMAGE.name, PHOTO.name
            )));
        };
        let (thresholds, all_binary) = parameters(infer.parameters)?;
        let outputs = outputs(&infer.outputs, all_binary)?;
        Ok(Self { id: infer.id, photo: photo(input, binary, most_pixels)?, thresholds, outputs })
    }
}

/// The thresholds among the parameters, and whether outputs are binary where nothing else is said.
fn parameters(mut parameters: Map<String, Value>) -> Result<(Thresholds, bool), Problem> {
    let binary = parameters.remove("binary_data_output");
    parameters.retain(|name, _| !IGNORED.contains(&name.as_str()));
    let thresholds = serde_json::from_value(Value::Object(parameters));
    let thresholds = thresholds.map_err(|error| Problem::invalid(format!("parameters: {error}")))?;
    Ok((thresholds, binary.is_some_and(|value| value == true)))
}

fn outputs(wanted: &[WantedTensor], all_binary: bool) -> Result<Vec<(usize, bool)>, Problem> {
    if wanted.is_empty() {
        return Ok((0..OUTPUTS.len()).map(|place| (place, all_binary)).collect());
    }
    let place = |output: &WantedTensor| {
        let place = OUTPUTS.iter().position(|known| known.name == output.name);
        let place = place.ok_or_else(|| {
            let names = OUTPUTS.map(|known| known.name).join(", ");
            Problem::not_found(format!("no output `{}`; there are {names}", output.name))
        })?;
        let binary = output.parameters.get("binary_data").map_or(all_binary, |value| *value == true);
        Ok((place, binary))
    };
    let places = wanted.iter().map(place).collect::<Result<Vec<_>, Problem>>()?;
    let mut seen = [false; OUTPUTS.len()];
    for (place, _) in &places {
        if std::mem::replace(&mut seen[*place], true) {
            return Err(Problem::invalid(format!(
                "the output `{}` is asked for twice",
                OUTPUTS[*place].name
            )));
        }
    }
    Ok(places)
}

fn photo(input: GivenTensor, binary: &[u8], most_pixels: u64) -> Result<Photo, Problem> {
    let GivenTensor { name, datatype, shape, parameters, data } = input;
    let size = parameters.get("binary_data_size").map(|size| {
        size.as_u64().filter(|size| *size == binary.len() as u64).ok_or_else(|| {
            Problem::invalid(format!(
                "binary_data_size is {size}, and {} bytes follow the JSON",
                binary.len()
            ))
        })
    });
    let is_binary = size.transpose()?.is_some();
    if !is_binary && !binary.is_empty() {
        return Err(Problem::invalid(format!(
            "{} bytes follow the JSON, and no binary_data_size says so",
            binary.len()
        )));
    }
    let misfit =
        |expected: &str| Problem::invalid(format!("{name} is {datatype} {shape:?}, expected {expected}"));
    if name == PHOTO.name {
        if datatype != PHOTO.datatype || shape != [1] {
            return Err(misfit("BYTES [1]"));
        }
        let file = if is_binary {
            let elements = elements(binary).filter(|elements| elements.len() == 1);
            elements.and_then(|elements| Some(elements.first()?.to_vec()))
        } else {
            let text = data.texts.first().filter(|_| data.texts.len() == 1 && data.bytes.is_empty());
            text.and_then(|text| STANDARD.decode(text).ok())
        };
        let file = file.ok_or_else(|| Problem::invalid("photo: expected one element, in JSON as base64"))?;
        return Ok(Photo::File(file));
    }
    if name != IMAGE.name {
        let detail = format!("no input `{name}`; there are {} and {}", IMAGE.name, PHOTO.name);
        return Err(Problem::not_found(detail));
    }
    let (true, &[height, width, 3]) = (datatype == IMAGE.datatype, &shape[..]) else {
        return Err(misfit("UINT8 [height, width, 3]"));
    };
    let pixels = height.checked_mul(width).filter(|pixels| *pixels > 0).ok_or_else(|| misfit("pixels"))?;
    if pixels > most_pixels {
        return Err(Problem::too_large(format!(
            "{width}x{height} pixels are more than the {most_pixels} that are read"
        )));
    }
    let values = if is_binary { binary.to_vec() } else { data.bytes };
    let count = values.len();
    let image = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    let image = image.filter(|_| count as u64 == 3 * pixels && (is_binary || data.texts.is_empty()));
    let image = image.and_then(|(width, height)| RgbImage::from_raw(width, height, values));
    image
        .map(Photo::Pixels)
        .ok_or_else(|| Problem::invalid(format!("image is {shape:?} and has {count} values")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, binary: &[u8]) -> Result<Request, (u16, String)> {
        let body = [json.as_bytes(), binary].concat();
        let read = Request::read(&body, Some(&json.len().to_string()), 100);
        read.map_err(|problem| (problem.status().as_u16(), problem.detail))
    }

    #[test]
    fn pixels_and_files_come_in_json_or_after_it() {
        let pixels = |request: Request| match request.photo {
            Photo::Pixels(image) => (image.dimensions(), image.into_raw()),
            Photo::File(file) => ((0, 0), file),
        };
        let json =
            r#"{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,2,3],"data":[[[1,2,3],[4,5,6]]]}]}"#;
        let plain = read(json, b"").expect("fine");
        assert_eq!(plain.outputs, [(0, false), (1, false), (2, false), (3, false)]);
        assert_eq!(pixels(plain), ((2, 1), vec![1, 2, 3, 4, 5, 6]));
        let json = r#"{"id":"a","parameters":{"binary_data_output":true,"priority":0,"pixel_threshold":0.5},
            "inputs":[{"name":"image","datatype":"UINT8","shape":[1,2,3],"parameters":{"binary_data_size":6}}],
            "outputs":[{"name":"scores","parameters":{"binary_data":false}},{"name":"panoptic"}]}"#;
        let binary = read(json, &[1, 2, 3, 4, 5, 6]).expect("fine");
        assert_eq!(
            (&binary.outputs[..], binary.thresholds.pixel_threshold),
            (&[(3, false), (0, true)][..], Some(0.5))
        );
        assert_eq!((binary.id.clone().as_deref(), pixels(binary).1.len()), (Some("a"), 6));
        let json = r#"{"inputs":[{"name":"photo","datatype":"BYTES","shape":[1],"data":["AAEC"]}]}"#;
        assert_eq!(pixels(read(json, b"").expect("fine")).1, [0, 1, 2]);
        let json = r#"{"inputs":[{"name":"photo","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]}"#;
        assert_eq!(pixels(read(json, b"\x02\0\0\0ab").expect("fine")).1, b"ab");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let image = |rest: &str| format!(r#"{{"inputs":[{{"name":"image","datatype":"UINT8",{rest}}}]}}"#);
        for (json, binary, status, part) in [
            ("{".into(), &b""[..], 422, "no JSON"),
            ("{}".into(), b"", 400, "inputs"),
            (r#"{"inputs":[]}"#.into(), b"", 400, "one input"),
            (image(r#""shape":[1,1,3],"data":[1,2]"#), b"", 400, "2 values"),
            (image(r#""shape":[1,1,3],"data":[1,2,3,"a"]"#), b"", 400, "3 values"),
            (image(r#""shape":[1,3],"data":[1,2,3]"#), b"", 400, "[height, width, 3]"),
            (image(r#""shape":[0,1,3],"data":[]"#), b"", 400, "pixels"),
            (image(r#""shape":[4294967296,4294967296,3],"data":[]"#), b"", 400, "pixels"),
            (image(r#""shape":[11,10,3],"data":[]"#), b"", 413, "110"),
            (image(r#""shape":[1,1,3]"#), b"abc", 400, "binary_data_size"),
            (
                image(r#""shape":[1,1,3],"parameters":{"binary_data_size":2}"#),
                b"abc",
                400,
                "binary_data_size",
            ),
            (r#"{"inputs":[{"name":"x","datatype":"UINT8","shape":[]}]}"#.into(), b"", 404, "no input"),
            (
                r#"{"parameters":{"pixel":1},"inputs":[{"name":"x","datatype":"","shape":[]}]}"#.into(),
                b"",
                400,
                "pixel",
            ),
            (
                r#"{"outputs":[{"name":"x"}],"inputs":[{"name":"x","datatype":"","shape":[]}]}"#.into(),
                b"",
                404,
                "no output",
            ),
            (
                r#"{"inputs":[{"name":"photo","datatype":"BYTES","shape":[1],"data":["!"]}]}"#.into(),
                b"",
                400,
                "base64",
            ),
        ] {
            let (found, detail) = read(&json, binary).map(|_| ()).expect_err(&json);
            // What is too large is told by its sides.
            let told = detail.contains(part) || status == 413;
            assert!(found == status && told, "{json}: {found} {detail}");
        }
        assert!(Request::read(b"{}", Some("3"), 1).is_err() && Request::read(b"{}", Some("-1"), 1).is_err());
    }
}

//! What an inference answers.

use super::tensors::OUTPUTS;
use crate::problem::Problem;
use kmax_masks::Panoptic;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// The answer's JSON.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Inferred {
    model_name: String,
    model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<FoundTensor>,
}

/// A tensor that comes out.
#[derive(Debug, Serialize, ToSchema)]
struct FoundTensor {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    /// `binary_data_size`: the bytes of the tensor after the JSON.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// The values, unless they follow the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<f64>)]
    data: Option<Data>,
}

/// Values of a tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Data {
    Int(Vec<i32>),
    Float(Vec<f32>),
}

impl Data {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Int(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Float(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// The body, and how many bytes of it are JSON if others follow.
pub(crate) fn written(
    panoptic: &Panoptic,
    outputs: &[(usize, bool)],
    id: Option<String>,
    model: &str,
) -> Result<(Vec<u8>, Option<usize>), Problem> {
    let (width, height) = (panoptic.map.width(), panoptic.map.height());
    let segments = &panoptic.segments;
    let ints =
        |of: fn(&kmax_masks::Segment) -> u32| Data::Int(segments.iter().map(|s| of(s) as i32).collect());
    let mut binary = Vec::new();
    let output = |&(place, is_binary): &(usize, bool)| {
        let (shape, data) = match place {
            0 => (vec![height, width], Data::Int(panoptic.map.data().iter().map(|id| *id as i32).collect())),
            1 => (vec![segments.len()], ints(|segment| segment.id)),
            2 => (vec![segments.len()], ints(|segment| segment.category_id)),
            _ => {
                let scores = segments.iter().map(|segment| segment.score.unwrap_or(0.0)).collect();
                (vec![segments.len()], Data::Float(scores))
            }
        };
        let tensor = &OUTPUTS[place];
        let (mut parameters, mut kept) = (Map::new(), None);
        if is_binary {
            let bytes = data.bytes();
            parameters.insert("binary_data_size".into(), json!(bytes.len()));
            binary.extend(bytes);
        } else {
            kept = Some(data);
        }
        FoundTensor { name: tensor.name, datatype: tensor.datatype, shape, parameters, data: kept }
    };
    let outputs: Vec<FoundTensor> = outputs.iter().map(output).collect();
    let inferred = Inferred { model_name: model.to_owned(), model_version: "1", id, outputs };
    let mut body = serde_json::to_vec(&inferred).map_err(Problem::internal)?;
    let json = (!binary.is_empty()).then_some(body.len());
    body.extend(binary);
    Ok((body, json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::LabelMap;

    #[test]
    fn values_stand_in_the_json_or_follow_it() {
        let map = LabelMap::new(2, 1, vec![0, 3]).expect("a map");
        let mut panoptic = Panoptic::from_map(map, |_| (7, false));
        panoptic.segments[0].score = Some(0.5);
        let (body, length) = written(&panoptic, &[(0, true), (3, false)], None, "m").expect("written");
        let (json, binary) = body.split_at(length.expect("binary"));
        assert_eq!(binary, [0, 0, 0, 0, 3, 0, 0, 0]);
        let json: Value = serde_json::from_slice(json).expect("JSON");
        assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], 8);
        assert_eq!(
            (&json["outputs"][0]["shape"], &json["outputs"][1]["data"]),
            (&json!([1, 2]), &json!([0.5]))
        );
        let (_, length) = written(&panoptic, &[(1, false), (2, false)], None, "m").expect("written");
        assert_eq!(length, None);
    }
}

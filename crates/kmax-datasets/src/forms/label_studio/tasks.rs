//! The tasks of an export, in its long form and in its short one.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The lists of labels that regions with an area have.
const AREAS: [&str; 4] = ["brushlabels", "polygonlabels", "rectanglelabels", "ellipselabels"];

/// A labelled region.
#[derive(Debug)]
pub(super) struct Region {
    pub label: String,
    /// Which of the lists its label was in.
    pub kind: &'static str,
    pub size: (usize, usize),
    pub value: Value,
}

/// An image with its regions.
#[derive(Debug)]
pub(super) struct Task {
    pub position: usize,
    /// The photo, as the export names it.
    pub photo: String,
    pub regions: Vec<Region>,
}

/// What was left out or chosen.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub without: usize,
    pub several: usize,
    pub other: usize,
}

type Object = Map<String, Value>;

/// The tasks that somebody annotated.
///
/// # Errors
/// If a task names no photo, or a region is damaged.
pub(super) fn tasks(file: &Path, list: Vec<Object>, counts: &mut Counts) -> Result<Vec<Task>> {
    let mut tasks = Vec::with_capacity(list.len());
    for (position, task) in list.into_iter().enumerate() {
        let fail = |reason: String| Error::entry(file, format!("[{position}]"), reason);
        let annotations =
            task.get("annotations").or_else(|| task.get("completions")).and_then(Value::as_array);
        let found: Vec<Object> = match annotations {
            Some(annotations) => {
                let Some(chosen) = chosen(annotations, counts) else {
                    counts.without += 1;
                    continue;
                };
                let result = chosen.get("result").and_then(Value::as_array);
                result.into_iter().flatten().filter_map(whole).collect()
            }
            // The short form has regions in fields that are called as their tools.
            None => task
                .values()
                .filter_map(Value::as_array)
                .flatten()
                .filter_map(Value::as_object)
                .cloned()
                .collect(),
        };
        let mut regions = Vec::with_capacity(found.len());
        for object in found {
            match region(object).map_err(fail)? {
                Some(region) => regions.push(region),
                None => counts.other += 1,
            }
        }
        let data = task.get("data").and_then(Value::as_object).unwrap_or(&task);
        let photo = photo(data).ok_or_else(|| fail("names no photo, or several, in its `data`".into()))?;
        tasks.push(Task { position, photo, regions });
    }
    Ok(tasks)
}

/// The annotation that counts: the one marked as truth, else the first that was not cancelled.
fn chosen<'a>(annotations: &'a [Value], counts: &mut Counts) -> Option<&'a Object> {
    let is = |annotation: &Object, flag: &str| annotation.get(flag).and_then(Value::as_bool) == Some(true);
    let mut kept = annotations.iter().filter_map(Value::as_object).filter(|one| !is(one, "was_cancelled"));
    let all: Vec<&Object> = kept.by_ref().collect();
    counts.several += usize::from(all.len() > 1);
    all.iter().find(|one| is(one, "ground_truth")).or(all.first()).copied()
}

/// A result with what stands in its `value`.
fn whole(result: &Value) -> Option<Object> {
    let mut object = result.as_object()?.clone();
    if let Some(Value::Object(value)) = object.remove("value") {
        object.extend(value);
    }
    Some(object)
}

fn region(object: Object) -> std::result::Result<Option<Region>, String> {
    let list =
        |kind: &&&str| object.get(**kind).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let Some(kind) = AREAS.iter().find(list) else { return Ok(None) };
    let label = object[*kind].get(0).and_then(Value::as_str).ok_or("a label is no text")?.to_owned();
    let side = |name: &str| {
        let side = object.get(name).and_then(Value::as_u64).filter(|side| *side > 0);
        side.ok_or_else(|| format!("a region of {label:?} has no `{name}`")).map(|side| side as usize)
    };
    let size = (side("original_width")?, side("original_height")?);
    if object.get("image_rotation").and_then(Value::as_f64).is_some_and(|turn| turn != 0.0) {
        return Err(format!("a region of {label:?} was drawn on a rotated image, which is not read"));
    }
    Ok(Some(Region { label, kind, size, value: Value::Object(object) }))
}

/// The photo: the field `image`, else the only one that names a file.
fn photo(data: &Object) -> Option<String> {
    if let Some(Value::String(image)) = data.get("image") {
        return Some(image.clone());
    }
    let names: Vec<&String> = data
        .values()
        .filter_map(|value| match value {
            Value::String(text) if super::names_photo(text) => Some(text),
            _ => None,
        })
        .collect();
    match names[..] {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The code of a brush.
#[derive(Deserialize)]
pub(super) struct Brush {
    pub rle: Vec<u8>,
}

/// Points in shares of 100.
#[derive(Deserialize)]
pub(super) struct Points {
    pub points: Vec<[f64; 2]>,
}

/// A rectangle in shares of 100, turned about its upper left corner by degrees.
#[derive(Deserialize)]
pub(super) struct Rectangle {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    #[serde(default)]
    pub rotation: f64,
}

/// An ellipse in shares of 100, turned about its middle by degrees.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ellipse {
    pub x: f64,
    pub y: f64,
    pub radius_x: f64,
    pub radius_y: f64,
    #[serde(default)]
    pub rotation: f64,
}

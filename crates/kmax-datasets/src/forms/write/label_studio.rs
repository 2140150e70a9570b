//! Label Studio's tasks with predictions as brush strokes.
//!
//! The json holds a task for each image: `data.image`, and a prediction with a region of type `brushlabels` for each segment, whose mask
//! is in [packed runs](https://labelstud.io/guide/predictions) of Label Studio's own. A region has the segment's `score`, the prediction the
//! mean of its regions' scores, and a crowd the text `crowd` in its `meta`. Beside the json stands `NAME.xml`, the labelling
//! interface with the classes and the names that the regions refer to: `tag` and `image`.
//!
//! A photo that was found is `/data/local-files/?d=FOLDER/NAME`, FOLDER being the last part of the path of the photos: set
//! `LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT` to the folder above it, and add the photos' folder as local storage. A photo that was not found is
//! its name alone.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use kmax_masks::LabelMap;
use serde::Serialize;

use super::Labelled;
use super::classes::{Classes, Object};
use super::names::with_folder;
use super::rle_pack::pack;
use crate::error::{Error, Result};
use crate::files;

/// A task.
#[derive(Serialize)]
struct Task {
    data: Data,
    predictions: [Prediction; 1],
}

#[derive(Serialize)]
struct Data {
    image: String,
}

#[derive(Serialize)]
struct Prediction {
    model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    result: Vec<Region>,
}

#[derive(Serialize)]
struct Region {
    id: String,
    from_name: &'static str,
    to_name: &'static str,
    r#type: &'static str,
    original_width: u32,
    original_height: u32,
    image_rotation: u32,
    value: Brush,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Brush {
    format: &'static str,
    rle: Vec<u8>,
    brushlabels: [String; 1],
}

#[derive(Serialize)]
struct Meta {
    text: [&'static str; 1],
}

/// The task of an image, as JSON.
pub(super) fn task(labelled: &Labelled, objects: &[Object]) -> Result<String> {
    let map = &labelled.panoptic.map;
    let pixels = u32::try_from(map.data().len());
    let pixels =
        pixels.map_err(|_| Error::setting("image", format!("{} is too large", labelled.image.id)))?;
    let mut runs = row_runs(map);
    let region = |object: &Object| {
        let runs = runs.remove(&object.segment.id)?;
        Some(Region {
            id: format!("segment-{}", object.segment.id),
            from_name: "tag",
            to_name: "image",
            r#type: "brushlabels",
            original_width: labelled.image.width,
            original_height: labelled.image.height,
            image_rotation: 0,
            value: Brush { format: "rle", rle: pack(pixels, runs), brushlabels: [object.class.name.clone()] },
            score: object.segment.score,
            meta: object.segment.iscrowd.then_some(Meta { text: ["crowd"] }),
        })
    };
    let result: Vec<Region> = objects.iter().filter_map(region).collect();
    let scores: Vec<f32> = result.iter().filter_map(|region| region.score).collect();
    let score = (!scores.is_empty()).then(|| scores.iter().sum::<f32>() / scores.len() as f32);
    let image = match labelled.photo {
        Some(photo) => {
            format!("/data/local-files/?d={}", in_url(&with_folder(photo, &labelled.image.file_name)))
        }
        None => labelled.image.file_name.clone(),
    };
    let predictions = [Prediction { model_version: "kmax", score, result }];
    serde_json::to_string(&Task { data: Data { image }, predictions })
        .map_err(|error| Error::setting("image", format!("{}: {error}", labelled.image.id)))
}

/// The brush strokes of a map: of each id the packed runs that Label Studio keeps in `value.rle`. 0 is an id like any other.
///
/// # Errors
/// If the map has more than 2^32 pixels.
pub fn brushes(map: &LabelMap) -> Result<HashMap<u32, Vec<u8>>> {
    let pixels = u32::try_from(map.data().len())
        .map_err(|_| Error::setting("map", format!("{} pixels are too many", map.data().len())))?;
    Ok(row_runs(map).into_iter().map(|(id, runs)| (id, pack(pixels, runs))).collect())
}

/// Of each id its runs `start..end`, row by row.
fn row_runs(map: &LabelMap) -> HashMap<u32, Vec<(u32, u32)>> {
    let mut runs: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
    let mut start = 0;
    for run in map.data().chunk_by(|a, b| a == b) {
        let end = start + run.len() as u32;
        runs.entry(run[0]).or_default().push((start, end));
        start = end;
    }
    runs
}

/// A path as a value in an URL.
fn in_url(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte))
            }
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

/// Writes the tasks, and the labelling interface beside them.
pub(super) fn finish(out: &Path, classes: &Classes, tasks: &[String]) -> Result<()> {
    let mut view = String::from(
        "<View>\n  <Image name=\"image\" value=\"$image\" zoom=\"true\"/>\n  <BrushLabels name=\"tag\" toName=\"image\">\n",
    );
    for class in classes.list() {
        let [red, green, blue] = class.color;
        let name = in_xml(&class.name);
        let _ =
            writeln!(view, "    <Label value=\"{name}\" background=\"#{red:02x}{green:02x}{blue:02x}\"/>");
    }
    view += "  </BrushLabels>\n</View>\n";
    files::write(&out.with_extension("xml"), view.as_bytes())?;
    files::write_with(out, |file| {
        file.write_all(b"[")?;
        for (number, task) in tasks.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(file, "{comma}{task}")?;
        }
        file.write_all(b"]")
    })
}

/// A text as an attribute of XML.
fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(in_url("a b/\u{e9}&+.jpg"), "a%20b/%C3%A9%26%2B.jpg");
        assert_eq!(in_xml("a & \"b\" <c>"), "a &amp; &quot;b&quot; &lt;c&gt;");
    }

    use super::super::Tool;
    use super::super::fixture::{Written, json, mask, write_to, written};

    #[test]
    fn segments_are_regions_of_a_prediction() -> Result<()> {
        let Written { folder, out, .. } = written(Tool::LabelStudio, "out.json")?;
        let tasks = json(&out);
        assert_eq!(tasks.as_array().map(Vec::len), Some(1));
        assert_eq!(tasks[0]["data"]["image"], "/data/local-files/?d=photos/sub/a%20b.jpg");
        let prediction = &tasks[0]["predictions"][0];
        assert_eq!(prediction["score"], 0.5);
        let regions = prediction["result"].as_array().expect("regions");
        assert_eq!(regions.len(), 6);
        for (region, id) in regions.iter().zip([1, 2, 3, 4, 6, 7]) {
            let rows = mask(id).decode();
            let pixels = (0u32..).zip(rows).filter(|(_, set)| *set).map(|(at, _)| (at, at + 1));
            // Joined, as runs have to be.
            let mut runs: Vec<(u32, u32)> = Vec::new();
            for (start, end) in pixels {
                match runs.last_mut().filter(|run| run.1 == start) {
                    Some(run) => run.1 = end,
                    None => runs.push((start, end)),
                }
            }
            assert_eq!(region["value"]["rle"], serde_json::Value::from(pack(63, runs)), "{id}");
            let label = if id < 5 { "a: \"b\"" } else { "sea & sky" };
            assert_eq!(region["value"]["brushlabels"][0], label);
            assert_eq!(region["score"].as_f64(), (id == 6).then_some(0.5), "{id}");
            assert_eq!(region["meta"]["text"][0].as_str(), (id == 4).then_some("crowd"), "{id}");
            assert_eq!((&region["original_width"], &region["original_height"]), (&9.into(), &7.into()));
        }
        let view = std::fs::read_to_string(folder.path().join("out.xml")).expect("the interface");
        assert!(view.contains("<Label value=\"a: &quot;b&quot;\" background=\"#010203\"/>"), "{view}");
        assert!(view.contains("<Label value=\"sea &amp; sky\" background=\"#ff0010\"/>"), "{view}");
        assert_eq!(view.matches("<Label ").count(), 2);

        write_to(Tool::LabelStudio, &out, &folder.path().join("none"), "train")?;
        assert_eq!(json(&out)[0]["data"]["image"], "sub/a b.jpg");
        Ok(())
    }
}

//! The k-means steps of a photo as pictures, an animation and a list.

use crate::exit::{Code, OrExit, Outcome};
use crate::output::write;
use crate::photos::Input;
use gif::{Encoder, Frame, Repeat};
use image::RgbImage;
use image::imageops::{self, FilterType};
use kmax::Explanation;
use kmax::render::{Overlay, colors, draw_clusters, query_colors, size_within};
use kmax_results::{Steps, query_history};
use serde_json::json;
use std::path::Path;

/// The largest width and height of the animation: it holds every picture in 256 colours, hardly packed.
const ANIMATED: u32 = 640;
/// How long the animation shows a step, and its end, in hundredths of a second.
const PAUSES: [u16; 2] = [90, 300];
/// How carefully the animation's colours are chosen, from 1 (best) to 30.
const HASTE: i32 = 10;

/// Writes NAME.stepK.png for each step, NAME.steps.gif and, last, NAME.steps.json.
pub fn write_all(
    folder: &Path,
    explanation: &Explanation,
    input: &Input,
    photo: &RgbImage,
    (overlay, model): (&Overlay, &str),
) -> Outcome {
    let place = |ending: &str| folder.join(format!("{}.{ending}", input.name));
    let config = explanation.prediction.config();
    let segments = explanation.segments().or_fail()?;
    let steps = Steps::new(explanation, &segments);
    let (panoptic, _) = segments;
    let chosen = colors::choose(&panoptic.map, &panoptic.segments, &config.categories);
    let of_segment = |query: usize| chosen.get(&steps.queries.get(query)?.segment_id?).copied();
    let colors = query_colors(steps.queries.len(), of_segment);

    let mut frames = vec![(small(photo), PAUSES[0])];
    for (k, step) in (1..).zip(&explanation.steps) {
        let picture = draw_clusters(photo, &step.assignment, &colors)?;
        write(&place(&format!("step{k}.png")), &kmax_results::png(&picture).or_exit(Code::Failed)?)?;
        frames.push((small(&picture), PAUSES[0]));
    }
    frames.push((small(&overlay.draw(photo, &panoptic)?), PAUSES[1]));
    write(&place("steps.gif"), &animation(frames).or_exit(Code::Failed)?)?;
    write(&place("steps.json"), list(explanation, steps, input, model)?.as_bytes())
}

/// As large as the animation may be.
fn small(picture: &RgbImage) -> RgbImage {
    match size_within(picture, ANIMATED) {
        size if size == picture.dimensions() => picture.clone(),
        (width, height) => imageops::resize(picture, width, height, FilterType::Triangle),
    }
}

/// A GIF of pictures of one size, each with how long it is shown, which begins again when it is over.
fn animation(frames: Vec<(RgbImage, u16)>) -> Result<Vec<u8>, gif::EncodingError> {
    let mut bytes = Vec::new();
    // Not above ANIMATED, so they fit.
    let [width, height] = frames.first().map_or([0; 2], |(frame, _)| [frame.width(), frame.height()]);
    let (width, height) = (width as u16, height as u16);
    let mut encoder = Encoder::new(&mut bytes, width, height, &[])?;
    encoder.set_repeat(Repeat::Infinite)?;
    for (picture, delay) in frames {
        let frame = Frame::from_rgb_speed(width, height, picture.as_raw(), HASTE);
        encoder.write_frame(&Frame { delay, ..frame })?;
    }
    drop(encoder);
    Ok(bytes)
}

/// The steps, and all queries with their histories.
fn list(explanation: &Explanation, steps: Steps, input: &Input, model: &str) -> Outcome<String> {
    let Steps { steps, queries } = steps;
    let of_query = |row: &kmax_results::QueryRow| {
        let mut query = json!(row);
        query["history"] = json!(query_history(explanation, row.query));
        query
    };
    let list = json!({
        "image_id": input.id,
        "file": input.file.display().to_string(),
        "model": model,
        "input": explanation.prediction.config().preprocess.size,
        "steps": steps,
        "queries": queries.iter().map(of_query).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&list).or_exit(Code::Failed)? + "\n")
}

//! From logits to segments: `kmax_model::postprocess` as operators, in both conventions.

mod classes;
mod loop_body;
mod masks;
mod maskwise;
mod nearest;
mod pixelwise;
mod segments;
mod totals;

use crate::frame::Frame;
use crate::graph::{Element, Graph, Value};
use crate::network::Logits;
use kmax_model::Config;
use kmax_model::postprocess::{Convention, Method};

/// What a file with post-processing gives.
pub struct Segmented {
    /// `[image_height, image_width]` of int32: 0 is void, `k` the segment at `k - 1` of the others.
    pub map: Value,
    /// `[segments]` of int64: places in the list of classes.
    pub classes: Value,
    /// `[segments]`.
    pub scores: Value,
}

/// Which query each pixel went to, before segments are made of them. Rank is the place of a query in this order: from the most to
/// the least confident if the method is maskwise.
struct Assignment {
    /// `[h, w]` of int32: 0 where no query was sure enough, else 1 + its rank.
    map: Value,
    /// `[queries]` of int64 by rank: classes.
    classes: Value,
    /// `[queries]` by rank: class probability times mean mask probability.
    scores: Value,
    /// `[queries]` of doubles by rank: pixels.
    areas: Value,
}

/// Writes the post-processing behind the network's logits of one image.
pub fn postprocess(g: &mut Graph, config: &Config, logits: &Logits, frame: &Frame) -> Segmented {
    let settings = &config.postprocess;
    let class_logits = g.cast(&logits.classes, Element::F32, "class_logits.single");
    let best = classes::best(g, &class_logits, config);
    let small = masks::single(g, &logits.masks);
    let resized = masks::resized(g, &small, config, frame);
    let assignment = match settings.method {
        Method::Maskwise => {
            // deeplab2 scores a mask before it is resized, padding included.
            let scored = (settings.convention == Convention::Deeplab2).then_some(&small);
            maskwise::assign(g, settings, &resized, scored, &best)
        }
        Method::Pixelwise => pixelwise::assign(g, settings, &resized, &best),
    };
    segments::segments(g, config, &assignment, frame)
}

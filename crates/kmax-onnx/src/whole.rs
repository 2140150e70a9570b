//! Inputs, what stands before the network, the network, what stands behind it, and outputs.

use crate::error::Result;
use crate::frame::{CONTENT, Frame, IMAGE, name_sizes};
use crate::graph::{Dim, Element, Graph, Value, described};
use crate::network::{Logits, Said, network};
use crate::options::{Batch, Options, Precision};
use crate::postprocess::{Segmented, postprocess};
use crate::preprocess::preprocess;
use crate::proto::{GraphMessage, ValueInfo};
use kmax_model::Config;
use kmax_model::postprocess::Convention;
use kmax_nn::Params;

/// The graph of a file with that name.
pub fn whole(name: &str, config: &Config, params: &Params, options: &Options) -> Result<GraphMessage> {
    let float = match options.precision {
        Precision::Float32 => Element::F32,
        Precision::Float16 => Element::F16,
    };
    let batch = match options.batch {
        Batch::Fixed(batch) => Dim::Fixed(batch),
        Batch::Free => Dim::free("batch"),
    };
    let size = match options.fixed_size(config) {
        Some(size) => size.map(Dim::Fixed),
        None => [Dim::free("height"), Dim::free("width")],
    };
    let mut g = Graph::new(options.opset, float, batch);
    let mut inputs = Vec::new();
    let (pixels, frame) = if options.preprocess {
        // What follows an image in shape is one more than a multiple of 32.
        g.odd = true;
        let image = g.input("image", Element::U8);
        inputs.push(described(&image, &[IMAGE[0], IMAGE[1], Dim::Fixed(3)], "RGB, upright, 0 to 255"));
        let (pixels, frame) = preprocess(&mut g, config, &image, size);
        (pixels, Some(frame))
    } else {
        let pixels = g.input("pixel_values", Element::F32);
        let shape = [batch, Dim::Fixed(3), size[0], size[1]];
        inputs.push(described(
            &pixels,
            &shape,
            "RGB, normalised, padded with zeros at the bottom and on the right",
        ));
        let frame = options.postprocess.then(|| told_frame(&mut g, config, size, &mut inputs));
        (pixels, frame)
    };
    let image = g.cast(&pixels, float, "pixel_values.cast");
    let image = g.map(image, 3, size);
    let Said { logits, steps } = network(&mut g, &config.network, &image, params, options.steps)?;
    let mut outputs = match frame.filter(|_| options.postprocess) {
        Some(frame) => segments(&mut g, config, &logits, &frame),
        None => raw(&mut g, config, &logits, "", MASKS).into(),
    };
    for (step, logits) in (1..).zip(&steps) {
        outputs.extend(raw(&mut g, config, logits, &format!("step_{step}_"), STEP_MASKS));
    }
    Ok(g.finish(name, inputs, outputs))
}

/// Where the image lies in the network's input, told by whoever made the input.
fn told_frame(g: &mut Graph, config: &Config, input: [Dim; 2], inputs: &mut Vec<ValueInfo>) -> Frame {
    let mut told = |name: &str, dims: [Dim; 2], doc: &str| {
        let sizes = g.input(name, Element::I64);
        inputs.push(described(&sizes, &[Dim::Fixed(2)], doc));
        name_sizes(g, dims, &sizes);
    };
    // PyTorch's convention finds the content by a rounding of its own.
    if config.postprocess.convention == Convention::Deeplab2 {
        told("content_size", CONTENT, "height and width of the part of the input that shows the image");
    }
    told("image_size", IMAGE, "height and width of the image, and so of the result");
    Frame { input, content: CONTENT, image: IMAGE }
}

const MASKS: &str = "a softmax over queries gives each pixel's probabilities";
const STEP_MASKS: &str = "the argmax over queries is what each pixel is assigned to";

/// Logits as outputs whose names begin with `prefix`.
fn raw(g: &mut Graph, config: &Config, logits: &Logits, prefix: &str, mask_doc: &str) -> [ValueInfo; 2] {
    let queries = Dim::Fixed(config.network.decoder.queries);
    let mut output = |value: &Value, name: &str| {
        let value = g.cast(value, Element::F32, &format!("{name}.cast"));
        g.output(&value, name)
    };
    let classes = output(&logits.classes, &format!("{prefix}class_logits"));
    let masks = output(&logits.masks.value, &format!("{prefix}mask_logits"));
    let [height, width] = logits.masks.size;
    let class_shape = [g.batch, queries, Dim::Fixed(config.network.classes + 1)];
    [
        described(&classes, &class_shape, "a softmax gives each query's probabilities; void is last"),
        described(&masks, &[g.batch, queries, height, width], mask_doc),
    ]
}

/// Segments as outputs.
fn segments(g: &mut Graph, config: &Config, logits: &Logits, frame: &Frame) -> Vec<ValueInfo> {
    let Segmented { map, classes, scores } = postprocess(g, config, logits, frame);
    let segments = [Dim::free("segments")];
    let map_doc = "0 is void, k the segment at k - 1 of the other outputs";
    vec![
        described(&g.output(&map, "panoptic_label_map"), &frame.image, map_doc),
        described(
            &g.output(&classes, "segment_classes"),
            &segments,
            "places in the list `categories` of the metadata",
        ),
        described(&g.output(&scores, "segment_scores"), &segments, "0 to 1"),
    ]
}

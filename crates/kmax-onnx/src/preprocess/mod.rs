//! From an 8-bit image of any size to the network's input: `kmax_transforms::eval` as operators.

pub mod corners;
mod pillow;
mod sizes;

use crate::frame::{CONTENT, Frame, IMAGE};
use crate::graph::{Constant, Dim, Element, Graph, Value};
use crate::layers::sampling;
use kmax_model::{Config, ResizeConfig};

/// What padding holds: normalisation turns it into 0 in both reference implementations (`kmax_transforms::planar::PAD`).
const PAD: f64 = 127.5;

/// Resizes, pads and normalises `image` `[image_height, image_width, 3]` of 8 bits; gives `[1, 3, h, w]` in single precision and
/// where the image lies in it. `size` is that of the network's input.
pub fn preprocess(g: &mut Graph, config: &Config, image: &Value, size: [Dim; 2]) -> (Value, Frame) {
    for (axis, dim) in IMAGE.into_iter().enumerate() {
        let length = g.axis_of(image, axis, &dim.to_string());
        g.name_size(dim, length);
    }
    let frame = Frame { input: size, content: CONTENT, image: IMAGE };
    sizes::name(g, &config.preprocess, &frame);
    let planes = g.transpose(image, &[2, 0, 1], "image.planes");
    let planes = g.cast(&planes, Element::F32, "image.float");
    let content = match config.preprocess.resize {
        ResizeConfig::Deeplab2 { .. } => {
            let [rows, columns] = [0, 1].map(|axis| corners::shares(g, IMAGE[axis], CONTENT[axis]));
            sampling::mix(g, &planes, &rows, &columns, "image.resized")
        }
        ResizeConfig::Pytorch { .. } | ResizeConfig::Fit { .. } => pillow::resize(g, &planes),
    };
    let padded = pad(g, &content, &frame);
    let channel = |values: [f64; 3]| Constant::floats(Element::F32, &[3, 1, 1], &values);
    let mean = g.constant(channel(config.preprocess.mean));
    let centred = g.binary("Sub", &padded, &mean, "image.centred");
    let deviation = g.constant(channel(config.preprocess.std));
    let normalised = g.binary("Div", &centred, &deviation, "image.normalised");
    let axis = g.constant(Constant::integers(&[0]));
    let batch = g.node("Unsqueeze", &[&normalised, &axis], Vec::new(), Element::F32, "image.batch");
    (batch, frame)
}

/// Pads at the bottom and on the right. Content that is larger than the input, which a network of another shape than its images
/// meets, ends the run: a part of zeros that is repeated a negative number of times.
fn pad(g: &mut Graph, content: &Value, frame: &Frame) -> Value {
    let [bottom, right] = [0, 1].map(|axis| {
        let (input, content) = (g.size(frame.input[axis]), g.size(frame.content[axis]));
        g.binary("Sub", &input, &content, &format!("image.padding_{axis}"))
    });
    let none = g.constant(Constant::integers(&[0, 0, 0, 0]));
    let zero = g.constant(Constant::integers(&[0]));
    let least = g.binary("Min", &bottom, &right, "image.padding_least");
    let least = g.binary("Min", &least, &zero, "image.padding_lacking");
    // The only row of a table; a negative index below it does not exist.
    let two = g.constant(Constant::integers(&[2]));
    let row = g.binary("Mul", &least, &two, "image.padding_row");
    let checked = g.gather(&zero, &row, 0, "image.content_larger_than_input");
    let bottom = g.binary("Add", &bottom, &checked, "image.padding_bottom");
    let pads = g.concat(&[&none, &bottom, &right], 0, "image.pads");
    let grey = g.number(content, PAD);
    g.node("Pad", &[content, &pads, &grey], Vec::new(), content.element, "image.padded")
}

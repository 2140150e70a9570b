//! Where the image lies in the network's input.

use crate::graph::{Constant, Dim, Element, Graph, Value};

/// Heights and widths that lead from the network's input back to the image, which lies in its upper left corner.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The network's input.
    pub input: [Dim; 2],
    /// The part of it that shows the image.
    pub content: [Dim; 2],
    /// The image, and so the results.
    pub image: [Dim; 2],
}

/// The axes of the image that an exported file takes.
pub const IMAGE: [Dim; 2] =
    [Dim::Free { axis: "image_height", stride: 1 }, Dim::Free { axis: "image_width", stride: 1 }];
/// The axes of the part of the network's input that shows the image.
pub const CONTENT: [Dim; 2] =
    [Dim::Free { axis: "content_height", stride: 1 }, Dim::Free { axis: "content_width", stride: 1 }];

/// Names the axes `dims` after the height and width in `sizes`, `[2]` of int64.
pub fn name_sizes(g: &mut Graph, dims: [Dim; 2], sizes: &Value) {
    for (axis, dim) in (0..).zip(dims) {
        let index = g.constant(Constant::integers(&[axis]));
        let size = g.gather(sizes, &index, 0, &dim.to_string());
        g.name_size(dim, size);
    }
}

/// Both lengths as doubles `[1]`.
pub fn doubles(g: &mut Graph, dims: [Dim; 2]) -> [Value; 2] {
    dims.map(|dim| {
        g.shared(&format!("double.{dim}"), |g, name| {
            let size = g.size(dim);
            g.cast(&size, Element::F64, name)
        })
    })
}

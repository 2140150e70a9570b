//! Bilinear resizing of maps.

use crate::graph::{Attribute, Dim, Extent, Graph, Map};
use kmax_kernels::Alignment;
use kmax_pixel_decoder::ResizeRule;

/// `x` in another size.
pub fn resize(g: &mut Graph, x: &Map, size: [Dim; 2], rule: ResizeRule, name: &str) -> Map {
    if x.size == size {
        return x.clone();
    }
    let sizes =
        [Extent::Like(g.batch), Extent::Of(x.channels), Extent::Like(size[0]), Extent::Like(size[1])];
    let sizes = g.shape(&sizes);
    let alignment = match (rule, x.size[1]) {
        (rule, Dim::Fixed(width)) => rule.alignment(width),
        _ => Alignment::Corners,
    };
    let coordinates = match alignment {
        Alignment::Corners => "align_corners",
        Alignment::Borders => "half_pixel",
    };
    let settings = vec![
        ("mode", Attribute::Text("linear")),
        ("coordinate_transformation_mode", Attribute::Text(coordinates)),
    ];
    // Neither a region nor factors.
    let none = g.absent(x.value.element);
    let value = g.node("Resize", &[&x.value, &none, &none, &sizes], settings, x.value.element, name);
    g.map(value, x.channels, size)
}

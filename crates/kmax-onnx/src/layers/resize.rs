//! Bilinear resizing of maps.

use super::sampling;
use crate::graph::{Attribute, Constant, Dim, Element, Extent, Graph, Map, Value};
use kmax_kernels::Alignment;
use kmax_pixel_decoder::ResizeRule;

/// Sample positions of a resize.
#[derive(Debug, Clone)]
pub enum Aligned {
    /// These.
    Known(Alignment),
    /// Corners where this is true, borders where it is not.
    Corners(Value),
}

/// What `rule` says of a map of that width.
pub fn aligned(g: &mut Graph, rule: ResizeRule, width: Dim) -> Aligned {
    match width {
        Dim::Fixed(width) => Aligned::Known(rule.alignment(width)),
        _ if rule == ResizeRule::Corners => Aligned::Known(Alignment::Corners),
        // Of 32 k + 1 pixels, 16 k + 1 to 2 k + 1 are left at strides 2 to 16, and k + 1 at stride 32.
        Dim::Free { stride, .. } if g.odd && stride < 32 => Aligned::Known(Alignment::Corners),
        width => Aligned::Corners(g.shared(&format!("corners.{width}"), |g, name| {
            let width = g.size(width);
            let two = g.constant(Constant::integers(&[2]));
            let rest = g.binary("Mod", &width, &two, &format!("{name}.rest"));
            g.cast(&rest, Element::Bool, name)
        })),
    }
}

/// `x` in another size.
pub fn resize(g: &mut Graph, x: &Map, size: [Dim; 2], aligned: &Aligned, name: &str) -> Map {
    if x.size == size {
        return x.clone();
    }
    let value = match aligned {
        Aligned::Known(alignment) => by_operator(g, x, size, *alignment, name),
        Aligned::Corners(corners) => {
            let mut matrix = |axis: usize| matrix(g, x.size[axis], size[axis], corners);
            let (rows, columns) = (matrix(0), matrix(1));
            sampling::mix(g, &x.value, &rows, &columns, name)
        }
    };
    g.map(value, x.channels, size)
}

fn by_operator(g: &mut Graph, x: &Map, size: [Dim; 2], alignment: Alignment, name: &str) -> Value {
    let sizes = [Extent::Like(g.batch), Extent::Of(x.channels), Extent::Like(size[0]), Extent::Like(size[1])];
    let sizes = g.shape(&sizes);
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
    g.node("Resize", &[&x.value, &none, &none, &sizes], settings, x.value.element, name)
}

/// The shares of pixels of one axis, `[to, from]`.
fn matrix(g: &mut Graph, from: Dim, to: Dim, corners: &Value) -> Value {
    g.shared(&format!("resize.{from}.{to}.{}", corners.name), |g, name| {
        let hint = |part: &str| format!("{name}.{part}");
        let (source, target) = (g.size(from), g.size(to));
        let less = g.cast(corners, Element::F32, &hint("less"));
        let [numerator, denominator] = [(&source, "source"), (&target, "target")].map(|(length, part)| {
            let length = g.cast(length, Element::F32, &hint(&format!("{part}.float")));
            g.binary("Sub", &length, &less, &hint(part))
        });
        let one = g.number(&less, 1.0);
        let denominator = g.binary("Max", &denominator, &one, &hint("denominator"));
        let scale = g.binary("Div", &numerator, &denominator, &hint("scale"));
        let (zero, half) = (g.number(&less, 0.0), g.number(&less, 0.5));
        let half = g.choose(corners, &zero, &half, &hint("half"));
        let position = sampling::range(g, &target, Element::F32, &hint("indices"));
        let position = g.binary("Add", &position, &half, &hint("centre"));
        let position = g.binary("Mul", &position, &scale, &hint("scaled"));
        let position = g.binary("Sub", &position, &half, &hint("position"));
        let position = g.binary("Max", &position, &zero, &hint("position.least"));
        let last = g.cast(&source, Element::F32, &hint("last.float"));
        let last = g.binary("Sub", &last, &one, &hint("last"));
        let position = g.binary("Min", &position, &last, &hint("position.most"));
        sampling::shares(g, &position, &source, name)
    })
}

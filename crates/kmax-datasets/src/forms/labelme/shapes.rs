//! Masks of shapes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kmax_masks::{Rle, codec};

use super::super::outlines::{Outlines, ellipse, patch, rectangle};
use super::entries::Shape;

/// The mask of a shape in an image; none if it covers no pixel.
pub(super) fn mask(
    shape: &Shape,
    [width, height]: [usize; 2],
    outlines: &mut Outlines,
) -> Result<Option<Rle>, String> {
    let outline = match (shape.kind(), &shape.points[..]) {
        ("polygon" | "oriented_rectangle", points) => points.concat(),
        // Labelme before version 5 could save the four corners.
        ("rectangle", points @ [_, _, _, _]) => points.concat(),
        ("rectangle", [one, two]) => rectangle(*one, *two),
        ("circle", [middle, edge]) => {
            let radius = (middle[0] - edge[0]).hypot(middle[1] - edge[1]);
            ellipse(*middle, [radius; 2], 0.0)
        }
        ("mask", [corner, other]) => {
            let text = shape.mask.as_deref().ok_or("a mask without its PNG")?;
            return drawn(text, [width, height], *corner, *other).map(Some);
        }
        (kind, points) => return Err(format!("a {kind:?} of {} points is not known", points.len())),
    };
    outlines.mask(&[outline])
}

/// The PNG of a mask at its place. Whole corners bound it, both included; others are where it was dragged to.
fn drawn(text: &str, size: [usize; 2], corner: [f64; 2], other: [f64; 2]) -> Result<Rle, String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|error| format!("the mask is no base64: {error}"))?;
    let map = codec::decode_labels(&bytes).map_err(|error| format!("the mask: {error}"))?;
    let whole = corner.iter().chain(&other).all(|value| value.fract() == 0.0);
    let length = |axis: usize, length: usize| {
        let spanned = (other[axis] - corner[axis] + 1.0).max(0.0) as usize;
        if whole { spanned.min(length) } else { length }
    };
    let lengths = [length(0, map.width()), length(1, map.height())];
    let place = corner.map(|value| value.round_ties_even() as i64);
    patch(size, place, lengths, |x, y| map.get(x, y).is_some_and(|value| value != 0))
        .map_err(|error| error.to_string())
}

//! Charts, drawn as part of the page.

mod curve;
mod histogram;
mod lines;
mod scale;
mod spark;

pub use curve::Point;
pub use histogram::Histogram;
pub use lines::Lines;
pub use spark::spark;

/// The colours of lines; more lines than that share colours.
const COLORS: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

/// A coordinate of a drawing.
fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

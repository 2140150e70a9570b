//! How often values occur.

use super::coordinate;
use crate::page::{Html, number};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 96.0;
const BASE: f64 = 78.0;
/// The most bars; more distinct values than that share bars.
const MOST: usize = 24;

/// Bars whose heights say how many values lie in each of their ranges.
#[derive(Clone, Debug)]
pub struct Histogram {
    title: &'static str,
    unit: &'static str,
    sorted: Vec<u64>,
}

impl Histogram {
    /// A histogram of `values` in `unit`, which stands behind them.
    pub fn new(title: &'static str, unit: &'static str, mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        Self { title, unit, sorted: values }
    }

    /// The bars with the lowest, the middle and the highest value below them.
    pub fn finish(self) -> Html {
        let caption = Html::element("figcaption", &[], self.title);
        let (Some(&low), Some(middle), Some(&high)) =
            (self.sorted.first(), number::median(&self.sorted), self.sorted.last())
        else {
            return Html::of_class(
                "figure",
                "chart",
                caption.with(Html::of_class("p", "note", "Nothing to count.")),
            );
        };
        let bars = bars(&self.sorted, low, high);
        let most = bars.iter().map(|bar| bar.2).max().unwrap_or(1).max(1);
        let step = WIDTH / bars.len() as f64;
        let mut drawing = Html::new();
        for (at, &(from, to, number)) in bars.iter().enumerate() {
            let height = (BASE - 2.0) * number as f64 / most as f64;
            let (x, width) = (coordinate(at as f64 * step + 1.0), coordinate((step - 2.0).clamp(1.0, 60.0)));
            // What occurs at all is seen.
            let height = if number > 0 { height.max(1.5) } else { 0.0 };
            let (y, height) = (coordinate(BASE - height), coordinate(height));
            let range = if from == to {
                self.of(from)
            } else {
                format!("{} to {}", number::count(from), self.of(to))
            };
            let title = Html::element("title", &[], format!("{range}: {}", number::count(number)));
            let attributes =
                [("x", x.as_str()), ("y", &y), ("width", &width), ("height", &height), ("rx", "1.5")];
            drawing.push(Html::element("rect", &attributes, title));
        }
        let base = coordinate(BASE);
        let axis = [("class", "axis"), ("x1", "0"), ("x2", "300"), ("y1", base.as_str()), ("y2", &base)];
        drawing.push(Html::element("line", &axis, ""));
        let ends = [("0", "start", low), ("300", "end", high)];
        for (x, anchor, value) in ends.into_iter().take(if low == high { 1 } else { 2 }) {
            let attributes = [("x", x), ("y", "93"), ("text-anchor", anchor)];
            drawing.push(Html::element("text", &attributes, number::count(value)));
        }
        let about =
            format!("{}: {} to {}, half below {}", self.title, self.of(low), self.of(high), self.of(middle));
        let view = format!("0 0 {WIDTH} {HEIGHT}");
        let attributes =
            [("class", "histogram"), ("viewBox", view.as_str()), ("role", "img"), ("aria-label", &about)];
        let summary = format!("median {} \u{b7} max {}", self.of(middle), self.of(high));
        let caption = Html::element(
            "figcaption",
            &[],
            Html::from(self.title).with(Html::of_class("small", "last", summary)),
        );
        Html::of_class("figure", "chart", caption.with(Html::element("svg", &attributes, drawing)))
    }

    fn of(&self, value: u64) -> String {
        format!("{}{}", number::count(value), self.unit)
    }
}

/// Ranges of equal width, ends included, with the number of values in each.
fn bars(sorted: &[u64], low: u64, high: u64) -> Vec<(u64, u64, u64)> {
    let width = (high - low) / MOST as u64 + 1;
    let number = ((high - low) / width + 1) as usize;
    let mut bars: Vec<_> =
        (0..number as u64).map(|nth| (low + nth * width, low + (nth * width + (width - 1)), 0)).collect();
    for value in sorted {
        bars[((value - low) / width) as usize].2 += 1;
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let values: Vec<u64> = (0..1000).map(|n| n * n % 997).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let bars = bars(&sorted, sorted[0], sorted[999]);
        assert!(bars.len() <= MOST && bars.len() > MOST / 2);
        assert_eq!(bars.iter().map(|bar| bar.2).sum::<u64>(), 1000);
        assert!(bars.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
    }

    #[test]
    fn nothing_and_one_value_have_a_histogram() {
        assert!(Histogram::new("a", "", vec![]).finish().into_string().contains("Nothing to count"));
        let one = Histogram::new("a", " px", vec![7; 3]).finish().into_string();
        assert!(one.contains("<title>7 px: 3</title>") && !one.contains("NaN"));
        let wide = Histogram::new("a", "", vec![0, u64::from(u32::MAX)]).finish().into_string();
        assert!(wide.contains("4,294,967,295") && wide.matches("<rect").count() <= MOST);
    }
}

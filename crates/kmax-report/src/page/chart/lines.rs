//! Curves over a common axis.

use super::curve::{Point, smooth, thin};
use super::scale::Scale;
use super::spark::path;
use super::{COLORS, coordinate};
use crate::page::{Html, number};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 30.0;
/// The most points of a curve.
const MOST: usize = 600;
/// The most places at which values are shown to a pointer.
const PLACES: usize = 60;
/// The width of a letter and the height of a line where values are shown.
const LETTER: f64 = 7.0;
const LINE: f64 = 16.0;

#[derive(Clone, Debug)]
struct Line {
    name: String,
    points: Vec<Point>,
    color: &'static str,
    faint: bool,
}

/// A chart of lines.
#[derive(Clone, Debug)]
pub struct Lines {
    title: &'static str,
    across: &'static str,
    lines: Vec<Line>,
    ratio: bool,
    zero: bool,
}

impl Lines {
    /// A chart without lines; `across` says what its x axis counts.
    pub fn new(title: &'static str, across: &'static str) -> Self {
        Self { title, across, lines: Vec::new(), ratio: false, zero: false }
    }

    /// The values are ratios of 0 to 1; the chart shows hundredths, from 0.
    pub fn of_ratios(self) -> Self {
        Self { ratio: true, zero: true, ..self }
    }

    /// The axis begins at 0.
    pub fn with_zero(self) -> Self {
        Self { zero: true, ..self }
    }

    /// Adds a line, by rising x. Each has the next colour.
    pub fn line(&mut self, name: &str, points: &[Point]) {
        let firm = self.lines.iter().filter(|line| !line.faint).count();
        self.add(name, points, COLORS[firm % COLORS.len()], false);
    }

    /// Adds a line with a faint one behind it, of the values that it smooths.
    pub fn smoothed(&mut self, name: &str, raw: &[Point], window: usize) {
        let firm = self.lines.iter().filter(|line| !line.faint).count();
        self.add(name, raw, COLORS[firm % COLORS.len()], true);
        self.line(name, &smooth(raw, window));
    }

    fn add(&mut self, name: &str, points: &[Point], color: &'static str, faint: bool) {
        let points = thin(points, MOST);
        self.lines.push(Line { name: name.to_owned(), points, color, faint });
    }

    /// The chart with its legend.
    pub fn finish(self) -> Html {
        let mut caption = Html::from(self.title);
        let points = || self.lines.iter().flat_map(|line| &line.points).filter(|(_, y)| y.is_finite());
        let ends = points().fold(None, |ends: Option<(f64, f64)>, &(x, _)| {
            let (low, high) = ends.unwrap_or((x, x));
            Some((low.min(x), high.max(x)))
        });
        let Some(((first, last), up)) = ends.zip(self.up()) else {
            let nothing = Html::of_class("p", "note empty", "Nothing to draw yet.");
            return Html::of_class(
                "figure",
                "chart",
                Html::element("figcaption", &[], caption).with(nothing),
            );
        };
        let across =
            if first == last { Scale::linear(first - 1.0, last + 1.0) } else { Scale::linear(first, last) };
        if up.is_logarithmic() {
            caption.push(Html::of_class("small", "last", "logarithmic"));
        }
        let place = |(x, y): Point| {
            let (across, up) = (across.place(x), up.place(y).clamp(-1.0, 2.0));
            (across * (WIDTH - LEFT - RIGHT), (1.0 - up) * (HEIGHT - TOP - BOTTOM))
        };
        let mut drawing = self.axes(across, up, place);
        let mut inside = Html::new();
        for line in
            self.lines.iter().filter(|line| line.faint).chain(self.lines.iter().filter(|line| !line.faint))
        {
            let class = format!("line {}{}", line.color, if line.faint { " faint" } else { "" });
            inside.push(Html::element("path", &[("class", &class), ("d", &path(&line.points, place))], ""));
        }
        // A drawing within the drawing cuts off what leaves it.
        let (left, top) = (coordinate(LEFT), coordinate(TOP));
        let (width, height) = (coordinate(WIDTH - LEFT - RIGHT), coordinate(HEIGHT - TOP - BOTTOM));
        let frame = [("x", left.as_str()), ("y", &top), ("width", &width), ("height", &height)];
        drawing.push(Html::element("svg", &frame, inside));
        drawing.push(self.pointed(place));
        let view = format!("0 0 {WIDTH} {HEIGHT}");
        let about = format!("{} over {}", self.title, self.across);
        let attributes = [("viewBox", view.as_str()), ("role", "img"), ("aria-label", &about)];
        let figure = Html::element("figcaption", &[], caption);
        let figure = figure.with(Html::element("svg", &attributes, drawing)).with(self.legend());
        Html::of_class("figure", "chart", figure)
    }

    /// The axis of the values. The hundredth part of the faint ones at either end may leave it.
    fn up(&self) -> Option<Scale> {
        let mut faint: Vec<f64> = self.lines.iter().filter(|line| line.faint).flat_map(numbers).collect();
        faint.sort_unstable_by(f64::total_cmp);
        let rare = faint.len() / 100;
        let usual = faint.get(rare..faint.len() - rare).unwrap_or(&[]).to_vec();
        let firm = self.lines.iter().filter(|line| !line.faint).flat_map(numbers);
        let zero = self.zero.then_some(0.0);
        Scale::of(firm.chain(usual).chain(zero))
            .filter(|_| self.lines.iter().flat_map(numbers).next().is_some())
    }

    fn shown(&self, value: f64) -> String {
        if self.ratio { number::points(Some(value)) } else { number::short(value) }
    }

    fn axes(&self, across: Scale, up: Scale, place: impl Fn(Point) -> (f64, f64)) -> Html {
        let mut axes = Html::new();
        let bottom = HEIGHT - BOTTOM;
        let text = |x: f64, y: f64, anchor: &str, what: String| {
            let (x, y) = (coordinate(x), coordinate(y));
            Html::element("text", &[("x", x.as_str()), ("y", &y), ("text-anchor", anchor)], what)
        };
        let rule = |from: Point, to: Point| {
            let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(coordinate);
            let ends = [("class", "grid"), ("x1", x1.as_str()), ("y1", &y1), ("x2", &x2), ("y2", &y2)];
            Html::element("line", &ends, "")
        };
        for tick in up.ticks(5) {
            let y = TOP + place((0.0, tick)).1;
            axes.push(rule((LEFT, y), (WIDTH - RIGHT, y)));
            let shown = if self.ratio { number::short(100.0 * tick) } else { number::short(tick) };
            axes.push(text(LEFT - 7.0, y + 4.0, "end", shown));
        }
        for tick in across.ticks(5).into_iter().filter(|tick| tick.fract() == 0.0) {
            let x = LEFT + place((tick, 1.0)).0;
            // The name of the axis stands at its end.
            if x < WIDTH - 75.0 {
                axes.push(text(x, bottom + 19.0, "middle", number::count(tick.max(0.0) as u64)));
            }
        }
        axes.push(text(WIDTH - RIGHT, bottom + 19.0, "end", self.across.to_owned()));
        axes
    }

    /// What a pointer shows: the values at the places along the chart.
    fn pointed(&self, place: impl Fn(Point) -> (f64, f64)) -> Html {
        let firm: Vec<&Line> = self.lines.iter().filter(|line| !line.faint).collect();
        let Some(longest) = firm.iter().max_by_key(|line| line.points.len()) else { return Html::new() };
        let every = longest.points.len().div_ceil(PLACES).max(1);
        let places: Vec<f64> =
            longest.points.iter().rev().step_by(every).rev().map(|point| point.0).collect();
        let at = |x: f64| LEFT + place((x, 1.0)).0;
        let (top, bottom) = (coordinate(TOP), coordinate(HEIGHT - BOTTOM));
        let mut all = Html::new();
        for (nth, &x) in places.iter().enumerate() {
            let here = at(x);
            let from = nth.checked_sub(1).map_or(LEFT, |before| (at(places[before]) + here) / 2.0);
            let to = places.get(nth + 1).map_or(WIDTH - RIGHT, |&after| (at(after) + here) / 2.0);
            let [left, width, middle] = [from, to - from, here].map(coordinate);
            let height = coordinate(HEIGHT - TOP - BOTTOM);
            let area = [("x", left.as_str()), ("y", &top), ("width", &width), ("height", &height)];
            let line = [("x1", middle.as_str()), ("x2", &middle), ("y1", &top), ("y2", &bottom)];
            let mut hit = Html::element("rect", &area, "").with(Html::element("line", &line, ""));
            hit.push(self.values(&firm, x, here));
            all.push(Html::of_class("g", "hit", hit));
        }
        all
    }

    fn values(&self, firm: &[&Line], x: f64, here: f64) -> Html {
        let mut rows = vec![(None, format!("{} {}", self.across, number::short_count(x)))];
        for line in firm {
            let value = line.points.iter().min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs()));
            let shown = value.map_or(number::NONE.to_owned(), |point| self.shown(point.1));
            let name: String = line.name.chars().take(18).collect();
            rows.push((Some(line.color), format!("{name} {shown}")));
        }
        let letters = rows.iter().map(|(_, row)| row.chars().count()).max().unwrap_or(0);
        let width = letters as f64 * LETTER + 22.0;
        let left = if here + width + 10.0 > WIDTH { (here - width - 8.0).max(0.0) } else { here + 8.0 };
        let [x, y, w, h] = [left, TOP + 4.0, width, rows.len() as f64 * LINE + 8.0].map(coordinate);
        let frame =
            [("class", "back"), ("x", x.as_str()), ("y", &y), ("width", &w), ("height", &h), ("rx", "4")];
        let mut shown = Html::element("rect", &frame, "");
        for (nth, (color, row)) in rows.into_iter().enumerate() {
            let down = TOP + 4.0 + LINE * (nth as f64 + 0.85);
            let (y, x) =
                (coordinate(down + 2.0), coordinate(left + if color.is_some() { 18.0 } else { 8.0 }));
            if let Some(color) = color {
                let class = format!("end {color}");
                let (cx, cy) = (coordinate(left + 10.0), coordinate(down - 2.0));
                shown.push(Html::element(
                    "circle",
                    &[("class", &class), ("cx", &cx), ("cy", &cy), ("r", "3.5")],
                    "",
                ));
            }
            shown.push(Html::element("text", &[("x", x.as_str()), ("y", &y)], row));
        }
        Html::of_class("g", "values", shown)
    }

    /// The names of the lines with their last values.
    fn legend(&self) -> Html {
        let entry = |line: &Line| {
            let class = format!("key {}", line.color);
            let last = line.points.iter().rev().find(|point| point.1.is_finite());
            let value = last.map_or(number::NONE.to_owned(), |point| self.shown(point.1));
            let entry = Html::element("span", &[("class", &class)], "").with(line.name.as_str());
            Html::element("li", &[], entry.with(" ").with(Html::element("b", &[], value)))
        };
        let entries = self.lines.iter().filter(|line| !line.faint).map(entry);
        Html::of_class("ul", "legend", entries.collect::<Html>())
    }
}

fn numbers(line: &Line) -> impl Iterator<Item = f64> {
    line.points.iter().map(|point| point.1).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(series: &[&[Point]]) -> String {
        let mut chart = Lines::new("Loss", "step");
        for (nth, points) in series.iter().enumerate() {
            chart.smoothed(&format!("term <{nth}>"), points, 5);
        }
        let html = chart.finish().into_string();
        assert!(!html.contains("NaN") && !html.contains("inf") && !html.contains("<0>"), "{html}");
        html
    }

    #[test]
    fn odd_curves_are_drawn_or_said_to_be_empty() {
        for empty in [&[] as &[&[Point]], &[&[]], &[&[(1.0, f64::NAN), (2.0, f64::INFINITY)]]] {
            assert!(drawn(empty).contains("Nothing to draw yet"));
        }
        assert!(drawn(&[&[(5.0, 2.0)]]).contains("h0"));
        drawn(&[&[(0.0, 0.0), (1.0, 0.0)], &[(0.0, -5.0), (1.0, f64::NAN), (2.0, 1e300)]]);
        drawn(&[&[(3.0, 1e-300), (4.0, 1e300)]]);
    }

    #[test]
    fn a_long_run_is_a_small_chart() {
        let points: Vec<Point> = (0..200_000).map(|x| (f64::from(x), 3.0 + f64::from(x % 11))).collect();
        let html = drawn(&[&points, &points, &points]);
        assert!(html.len() < 120_000, "{}", html.len());
        assert!(html.contains("class=\"line c2 faint\"") && html.matches("class=\"hit\"").count() <= PLACES);
    }

    #[test]
    fn ratios_are_shown_in_hundredths_from_zero() {
        let mut chart = Lines::new("Quality", "step").of_ratios();
        chart.line("PQ", &[(100.0, 0.452), (200.0, 0.503)]);
        let html = chart.finish().into_string();
        assert!(html.contains("<b>50.3</b>") && html.contains(">40</text>") && html.contains(">0</text>"));
        assert!(html.contains("step 100</text>") && html.contains("PQ 45.2</text>"));
    }
}

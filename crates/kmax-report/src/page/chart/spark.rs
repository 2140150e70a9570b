//! A curve as small as a word.

use super::coordinate;
use super::curve::{Point, thin};
use crate::page::Html;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;
/// Room for the ends of the line.
const MARGIN: f64 = 3.0;
const MOST: usize = 80;

/// A line of values from 0 to the highest of them without axes, with a dot at its last one. Values that are no numbers interrupt it.
pub fn spark(values: &[Option<f64>], about: &str) -> Html {
    let points: Vec<Point> =
        values.iter().enumerate().map(|(at, value)| (at as f64, value.unwrap_or(f64::NAN))).collect();
    let points = thin(&points, MOST);
    let last = points.last().map_or(1.0, |point| point.0).max(1.0);
    let highest = points.iter().map(|point| point.1).filter(|y| y.is_finite()).fold(1e-9, f64::max);
    let place = |(x, y): Point| {
        let across = MARGIN + (WIDTH - 2.0 * MARGIN) * x / last;
        let down = HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * (y / highest).max(0.0);
        (across, down)
    };
    let mut drawing = Html::element("path", &[("class", "line c0"), ("d", &path(&points, place))], "");
    if let Some((x, y)) = points.iter().rev().find(|point| point.1.is_finite()).map(|point| place(*point)) {
        let (x, y) = (coordinate(x), coordinate(y));
        drawing.push(Html::element(
            "circle",
            &[("class", "end c0"), ("cx", &x), ("cy", &y), ("r", "2.4")],
            "",
        ));
    }
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    let attributes = [("class", "spark"), ("viewBox", view.as_str()), ("role", "img"), ("aria-label", about)];
    Html::element("svg", &attributes, drawing)
}

/// The commands of a line through all points, new after each that is no number. A lone point is a line of no length, which round
/// ends make a dot.
pub fn path(points: &[Point], place: impl Fn(Point) -> (f64, f64)) -> String {
    let (mut commands, mut drawing) = (String::new(), false);
    for (at, point) in points.iter().enumerate() {
        if !point.1.is_finite() {
            drawing = false;
            continue;
        }
        let (x, y) = place(*point);
        commands.push(if drawing { 'L' } else { 'M' });
        commands.push_str(&coordinate(x));
        commands.push(' ');
        commands.push_str(&coordinate(y));
        let alone = !drawing && !points.get(at + 1).is_some_and(|next| next.1.is_finite());
        commands.push_str(if alone { "h0" } else { "" });
        drawing = true;
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_lone_points_are_drawn() {
        let points = [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0), (4.0, f64::INFINITY)];
        assert_eq!(path(&points, |point| point), "M0 1L1 2M3 4h0");
        assert_eq!(path(&[], |point| point), "");
    }

    #[test]
    fn any_number_of_values_is_small() {
        let long: Vec<_> = (0..10_000).map(|at| Some(f64::from(at) / 1e4)).collect();
        assert!(spark(&long, "a").into_string().len() < 2000);
        for values in [vec![], vec![None], vec![Some(0.5)], vec![Some(f64::NAN), Some(2.0)]] {
            let html = spark(&values, "a").into_string();
            assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
        }
    }
}

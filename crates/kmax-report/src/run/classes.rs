//! The classes of a run: their last numbers and how these came about.

use std::collections::HashMap;

use super::Measurement;
use crate::page::chart::spark;
use crate::page::number::{NONE, points};
use crate::page::{Column, Html, Table, part};

/// Less than that, in hundredths, is no change.
const CHANGE: f64 = 0.05;

/// A row for each class of the last measurement.
pub fn table(measurements: &[Measurement]) -> Html {
    let Some(last) = measurements.last().filter(|last| !last.per_class.is_empty()) else {
        return Html::new();
    };
    let mut history: HashMap<&str, Vec<Option<f64>>> = HashMap::new();
    for (at, measurement) in measurements.iter().enumerate() {
        for class in &measurement.per_class {
            history.entry(&class.name).or_insert_with(|| vec![None; measurements.len()])[at] = class.pq;
        }
    }
    let mut table = Table::new(&[
        Column::text("Class"),
        Column::text("Kind"),
        Column::chart("PQ"),
        Column::text("PQ over time"),
        Column::number("Change"),
        Column::number("SQ"),
        Column::number("RQ"),
        Column::number("IoU"),
    ]);
    for class in &last.per_class {
        let values = history.get(class.name.as_str()).map_or(&[][..], Vec::as_slice);
        let before = values.iter().rev().skip(1).find_map(|value| *value);
        table.row([
            class.name.as_str().into(),
            part::chip(if class.isthing { "thing" } else { "stuff" }),
            part::bar(class.pq.unwrap_or(0.0), &points(class.pq)),
            spark(values, &format!("PQ of {} over time", class.name)),
            change(before, class.pq),
            points(class.sq).into(),
            points(class.rq).into(),
            points(class.iou).into(),
        ]);
    }
    let note = "Changes are those since the measurement before. A dash: neither in the truth nor predicted.";
    table.finish().with(part::note(note))
}

fn change(before: Option<f64>, now: Option<f64>) -> Html {
    let difference = before.zip(now).map(|(before, now)| 100.0 * (now - before));
    match difference.filter(|difference| difference.is_finite()) {
        None => Html::of_class("span", "none", NONE),
        Some(by) if by >= CHANGE => Html::of_class("span", "up", format!("+{by:.1}")),
        Some(by) if by <= -CHANGE => Html::of_class("span", "down", format!("\u{2212}{:.1}", -by)),
        Some(_) => Html::of_class("span", "none", "0.0"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClassMeasurement;
    use super::*;

    #[test]
    fn classes_are_followed_by_name() {
        let class = |name: &str, pq| ClassMeasurement { name: name.to_owned(), pq, ..Default::default() };
        let measured = |per_class| Measurement { per_class, ..Measurement::default() };
        let html = table(&[
            measured(vec![class("a", Some(0.25)), class("b", Some(0.5))]),
            measured(vec![class("b", Some(0.75)), class("a", Some(0.125)), class("<c>", None)]),
        ])
        .into_string();
        let (b, a) = (html.find(">b</td>").expect("b"), html.find(">a</td>").expect("a"));
        assert!(b < a && html[b..a].contains("+25.0") && html[a..].contains("\u{2212}12.5"));
        assert!(html.contains("&lt;c&gt;") && !html.contains("<c>"));
        assert!(table(&[]).is_empty() && table(&[Measurement::default()]).is_empty());
    }
}

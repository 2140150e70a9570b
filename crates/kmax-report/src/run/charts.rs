//! The curves of a run.

use std::collections::HashMap;

use super::{Measurement, RunReport, StepPoint};
use crate::page::Html;
use crate::page::chart::{Lines, Point};

/// The most terms that are drawn.
const TERMS: usize = 16;

/// A mean is taken of one such part of the steps.
const PARTS: usize = 50;

/// PQ, SQ, RQ and mIoU over the steps.
pub fn quality(measurements: &[Measurement]) -> Html {
    let curve = |value: fn(&Measurement) -> Option<f64>| -> Vec<Point> {
        measurements.iter().map(|m| (m.step as f64, value(m).unwrap_or(f64::NAN))).collect()
    };
    let mut chart = Lines::new("Quality", "step").of_ratios();
    chart.line("PQ", &curve(|m| m.pq));
    chart.line("SQ", &curve(|m| m.sq));
    chart.line("RQ", &curve(|m| m.rq));
    chart.line("mIoU", &curve(|m| m.miou));
    chart.finish()
}

/// The sum of the losses, its terms, and the learning rate over the steps.
pub fn losses(run: &RunReport) -> Html {
    let curve = |value: fn(&StepPoint) -> f64| -> Vec<Point> {
        run.steps.iter().map(|step| (step.step as f64, value(step))).collect()
    };
    let window = (run.steps.len() / PARTS).max(1);
    let mut loss = Lines::new("Loss", "step");
    loss.smoothed("weighted sum", &curve(|step| step.loss), window);
    let mut rate = Lines::new("Learning rate", "step").with_zero();
    rate.line("learning rate", &curve(|step| step.learning_rate));
    let mut charts = loss.finish();
    let terms = terms(&run.steps);
    if !terms.is_empty() {
        let mut chart = Lines::new("Terms of the loss", "step");
        terms.iter().for_each(|(name, points)| chart.smoothed(name, points, window));
        charts.push(chart.finish());
    }
    charts.with(rate.finish())
}

/// The first terms over the steps, in the order in which they occur; no number where a step lacks one.
fn terms(steps: &[StepPoint]) -> Vec<(&str, Vec<Point>)> {
    let mut terms: Vec<(&str, Vec<Point>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, step) in steps.iter().enumerate() {
        for (name, value) in &step.terms {
            if !places.contains_key(name.as_str()) {
                if terms.len() == TERMS {
                    continue;
                }
                places.insert(name, terms.len());
                terms.push((name, steps.iter().map(|step| (step.step as f64, f64::NAN)).collect()));
            }
            terms[places[name.as_str()]].1[at].1 = *value;
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_that_comes_later_has_a_gap_before() {
        let step = |step, terms: &[(&str, f64)]| StepPoint {
            step,
            terms: terms.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            ..StepPoint::default()
        };
        let steps = [step(1, &[("mask", 3.0)]), step(2, &[("class", 1.0), ("mask", 2.0)])];
        let terms = terms(&steps);
        assert_eq!(terms[0], ("mask", vec![(1.0, 3.0), (2.0, 2.0)]));
        assert!(terms[1].0 == "class" && terms[1].1[0].1.is_nan() && terms[1].1[1] == (2.0, 1.0));
    }
}

//! The text file of an image's labels: an object a line, its class and an outline in shares of the photo's width and height.

use std::path::Path;

use super::super::text;
use crate::error::{Error, Result};

/// How far a share may lie outside of 0 to 1, as rounding leaves it.
const SLACK: f64 = 0.01;

/// What a line outlines.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// `x0, y0, x1, y1, ...`.
    Outline(Vec<f64>),
    /// The middle, width and height.
    Box([f64; 4]),
}

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub number: usize,
    pub class: u32,
    pub shape: Shape,
}

/// The objects of a file; a line that stands twice counts once.
///
/// # Errors
/// If a line is no object.
pub(super) fn read(file: &Path, classes: usize) -> Result<Vec<Line>> {
    let mut lines = text::lines(file)?;
    let mut seen = std::collections::HashSet::new();
    lines.retain(|(_, line)| seen.insert(line.clone()));
    let object = |(number, line): (usize, String)| {
        object(&line, classes)
            .map(|(class, shape)| Line { number, class, shape })
            .map_err(|reason| Error::entry(file, format!("line {number}"), reason))
    };
    lines.into_iter().map(object).collect()
}

fn object(line: &str, classes: usize) -> std::result::Result<(u32, Shape), String> {
    let mut numbers = Vec::new();
    for word in line.split_whitespace() {
        let number: f64 = word.parse().map_err(|_| format!("{word:?} is no number"))?;
        numbers.push(number);
    }
    let [class, shares @ ..] = &numbers[..] else { return Err("is empty".into()) };
    if class.fract() != 0.0 || !(0.0..classes as f64).contains(class) {
        return Err(format!("the class {class} is none of the {classes} that are named (from 0)"));
    }
    if let Some(out) = shares.iter().find(|share| !(-SLACK..=1.0 + SLACK).contains(*share)) {
        return Err(format!("{out} is no share of the photo from 0 to 1"));
    }
    let shape = match shares {
        [x, y, width, height] => Shape::Box([*x, *y, *width, *height]),
        _ if shares.len() >= 6 && shares.len().is_multiple_of(2) => Shape::Outline(shares.to_vec()),
        _ => {
            let count = numbers.len();
            return Err(format!("{count} numbers, expected a class and at least three points x y"));
        }
    };
    Ok((*class as u32, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_class_and_an_outline_or_a_box() {
        let outline = Shape::Outline(vec![0.0, 0.5, 1.0, 1.0, 0.25, 1.005]);
        assert_eq!(object("1 0 0.5 1 1 .25 1.005", 2), Ok((1, outline)));
        assert_eq!(object("0.0 0.5 0.5 1 1", 2), Ok((0, Shape::Box([0.5, 0.5, 1.0, 1.0]))));
        for (line, expected) in [
            ("2 0 0 1 1 1 0", "the class 2 is none of the 2"),
            ("-1 0 0 1 1 1 0", "the class -1"),
            ("0.5 0 0 1 1 1 0", "the class 0.5"),
            ("NaN 0 0 1 1 1 0", "the class NaN"),
            ("0 0 0 1 1 1 70", "70 is no share"),
            ("0 0 0 1 1 1 nan", "NaN is no share"),
            ("0 0 0 1 1 1", "6 numbers"),
            ("0 0 0 1 1 1 1 1", "8 numbers"),
            ("0", "1 numbers"),
            ("cat 0 0", "\"cat\" is no number"),
        ] {
            let said = object(line, 2).expect_err(line);
            assert!(said.contains(expected), "{said}");
        }
    }
}

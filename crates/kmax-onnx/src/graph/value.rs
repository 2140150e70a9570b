//! What flows through a graph.

use super::element::Element;
use std::fmt;
use std::rc::Rc;

/// A tensor in a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub name: Rc<str>,
    pub element: Element,
}

/// The length of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dim {
    /// Known when the file is written.
    Fixed(usize),
    /// Known when the file runs: the axis of the input with that name, over the stride.
    Free { axis: &'static str, stride: usize },
}

impl Dim {
    /// The axis of that name of an input.
    pub fn free(axis: &'static str) -> Self {
        Self::Free { axis, stride: 1 }
    }

    /// With some more behind it, for what rounds up when it is halved.
    pub fn padded(self, by: usize) -> Self {
        match self {
            Self::Fixed(length) => Self::Fixed(length + by),
            free => free,
        }
    }

    /// After a convolution that keeps the size but for its stride.
    pub fn strided(self, by: usize) -> Self {
        match self {
            Self::Fixed(length) => Self::Fixed(length.div_ceil(by)),
            Self::Free { axis, stride } => Self::Free { axis, stride: stride * by },
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => write!(f, "{length}"),
            Self::Free { axis, stride: 1 } => f.write_str(axis),
            Self::Free { axis, stride } => write!(f, "{axis}_{stride}"),
        }
    }
}

/// A feature map `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct Map {
    pub value: Value,
    pub channels: usize,
    /// Height and width.
    pub size: [Dim; 2],
}

/// An axis of a new shape.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    /// That of the same place in the old shape.
    Same,
    /// What is left over.
    Rest,
    /// That many.
    Of(usize),
    /// As long as that axis.
    Like(Dim),
}

//! Types of elements, and constants of them.

use crate::proto;

/// Type of a tensor's elements, by its number in ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Element {
    F32 = 1,
    U8 = 2,
    I32 = 6,
    I64 = 7,
    Bool = 9,
    F16 = 10,
    F64 = 11,
}

impl Element {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::F32, Self::U8, Self::I32, Self::I64, Self::Bool, Self::F16, Self::F64];

    /// As NumPy calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::U8 => "uint8",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Bool => "bool",
            Self::F16 => "float16",
            Self::F64 => "float64",
        }
    }
}

/// A constant that is not yet part of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Constant {
    pub element: Element,
    pub dims: Vec<i64>,
    pub bytes: Vec<u8>,
}

impl Constant {
    /// Integers along one axis.
    pub fn integers(values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { element: Element::I64, dims: vec![values.len() as i64], bytes }
    }

    /// One integer without an axis.
    pub fn integer(value: i64) -> Self {
        Self { dims: Vec::new(), ..Self::integers(&[value]) }
    }

    /// Floats, rounded to `element`; integers and truth values are taken from them as well.
    pub fn floats(element: Element, dims: &[usize], values: &[f64]) -> Self {
        let bytes = match element {
            Element::F16 => {
                values.iter().flat_map(|value| half::f16::from_f64(*value).to_le_bytes()).collect()
            }
            Element::F64 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Element::F32 => values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
            Element::I64 => values.iter().flat_map(|value| (*value as i64).to_le_bytes()).collect(),
            Element::I32 => values.iter().flat_map(|value| (*value as i32).to_le_bytes()).collect(),
            Element::U8 | Element::Bool => values.iter().map(|value| *value as u8).collect(),
        };
        Self { element, dims: dims.iter().map(|length| *length as i64).collect(), bytes }
    }

    /// One float without an axis.
    pub fn float(element: Element, value: f64) -> Self {
        Self::floats(element, &[], &[value])
    }

    /// Under its name.
    pub fn into_tensor(self, name: &str) -> proto::Tensor {
        proto::Tensor {
            dims: self.dims,
            data_type: Some(self.element as i32),
            name: Some(name.into()),
            raw_data: Some(self.bytes),
        }
    }
}

//! What the protocol calls tensors, and which of them a model has.

use serde::Serialize;
use utoipa::ToSchema;

/// What a tensor is called, and its type and shape; -1 is any length.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Tensor {
    pub name: &'static str,
    pub datatype: &'static str,
    pub shape: &'static [i64],
}

/// A photo as pixels.
pub(crate) const IMAGE: Tensor = Tensor { name: "image", datatype: "UINT8", shape: &[-1, -1, 3] };
/// A photo as a file.
pub(crate) const PHOTO: Tensor = Tensor { name: "photo", datatype: "BYTES", shape: &[1] };

/// What comes out, in this order.
pub(crate) const OUTPUTS: [Tensor; 4] = [
    Tensor { name: "panoptic", datatype: "INT32", shape: &[-1, -1] },
    Tensor { name: "segment_ids", datatype: "INT32", shape: &[-1] },
    Tensor { name: "category_ids", datatype: "INT32", shape: &[-1] },
    Tensor { name: "scores", datatype: "FP32", shape: &[-1] },
];

//! safetensors: a JSON header, then the bytes.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use crate::arrays::{Storage, View, row_major};
use crate::contents::Skipped;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::objects::Found;
use crate::source::Source;

/// Whether a file starts as safetensors do: the header's length, then an object.
pub(crate) fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    rest.first() == Some(&b'{') && u64::from_le_bytes(*length) <= rest.len() as u64
}

/// Finds the tensors of a file.
pub(crate) fn read(source: &Source) -> Result<Found> {
    let bytes = source.bytes();
    let header =
        |e: safetensors::SafeTensorError| Error::damaged(source.path(), "safetensors header", e.to_string());
    kmax_base::read::check_header(bytes)
        .map_err(|e| Error::damaged(source.path(), "safetensors header", e.to_string()))?;
    let (length, metadata) = SafeTensors::read_metadata(bytes).map_err(header)?;
    let start = length + size_of::<u64>();
    let data = start..bytes.len();
    let (mut views, mut skipped) = (BTreeMap::new(), Vec::new());
    for (name, info) in metadata.tensors() {
        let Some(dtype) = dtype(info.dtype) else {
            skipped.push(Skipped {
                name,
                reason: format!("safetensors' type {:?} is not supported", info.dtype),
            });
            continue;
        };
        let size = dtype.size().unwrap_or(1);
        let (from, _) = info.data_offsets;
        if from % size != 0 {
            let reason = format!("starts at byte {from}, between two {dtype}");
            return Err(Error::tensor(source.path(), &name, reason));
        }
        let (shape, offset) = (info.shape.clone(), from / size);
        let strides = row_major(&shape);
        views.insert(name, View { storage: 0, dtype, shape, strides, offset, big_endian: false });
    }
    Ok(Found { views, storages: vec![Storage::Plain(data)], skipped, ..Found::default() })
}

fn dtype(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U64 => DType::U64,
        Dtype::U32 => DType::U32,
        Dtype::U16 => DType::U16,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool,
        _ => return None,
    })
}

//! The functions and classes that a pickled tensor needs. All others have a name and nothing else.

use crate::dtype::DType;

/// A function or class by what it means here. None is ever called; they are read as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    /// `_codecs.encode(text, "latin1")`: how Python 3 writes bytes in old protocols.
    Encode,
    Bytes,
    ByteArray,
    NumpyArray,
    NumpyArrayClass,
    NumpyFromBuffer,
    NumpyDType,
    NumpyScalar,
    /// `_rebuild_tensor`, `_v2` and `_v3`, whose first four arguments agree.
    TorchTensor,
    TorchParameter,
    TorchStorage(DType),
    TorchUntypedStorage,
    /// A storage in its own legacy file within the pickle.
    TorchStorageFromBytes,
    TorchDType(DType),
    TorchSize,
    TorchDevice,
    /// Any other, by its number among those of the pickle. What it makes is no tensor.
    Opaque(u32),
}

impl Global {
    /// The global `module.name`, in the spellings of Python 2 and 3 and of old and new releases.
    pub(crate) fn find(module: &[u8], name: &[u8]) -> Option<Self> {
        let (module, name) = (str::from_utf8(module).ok()?, str::from_utf8(name).ok()?);
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("_codecs", "encode") => Self::Encode,
            ("builtins" | "__builtin__", "bytes") => Self::Bytes,
            ("builtins" | "__builtin__", "bytearray") => Self::ByteArray,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Self::NumpyArray,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::NumpyScalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::NumpyFromBuffer,
            ("numpy", "ndarray") => Self::NumpyArrayClass,
            ("numpy", "dtype") => Self::NumpyDType,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
                Self::TorchTensor
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Self::TorchParameter,
            ("torch.storage", "_load_from_bytes") => Self::TorchStorageFromBytes,
            ("torch" | "torch.storage", "UntypedStorage") => Self::TorchUntypedStorage,
            ("torch", "Size") => Self::TorchSize,
            ("torch", "device") => Self::TorchDevice,
            ("torch", name) => match name.strip_suffix("Storage") {
                Some(kind) => Self::TorchStorage(storage(kind)?),
                None => Self::TorchDType(dtype(name)?),
            },
            _ => return None,
        })
    }
}

fn storage(kind: &str) -> Option<DType> {
    Some(match kind {
        "Double" => DType::F64,
        "Float" => DType::F32,
        "Half" => DType::F16,
        "BFloat16" => DType::BF16,
        "Long" => DType::I64,
        "Int" => DType::I32,
        "Short" => DType::I16,
        "Char" => DType::I8,
        "Byte" => DType::U8,
        "Bool" => DType::Bool,
        _ => return None,
    })
}

fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "float64" => DType::F64,
        "float32" => DType::F32,
        "float16" => DType::F16,
        "bfloat16" => DType::BF16,
        "int64" => DType::I64,
        "int32" => DType::I32,
        "int16" => DType::I16,
        "int8" => DType::I8,
        "uint64" => DType::U64,
        "uint32" => DType::U32,
        "uint16" => DType::U16,
        "uint8" => DType::U8,
        "bool" => DType::Bool,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_tensors_need_is_known() {
        assert_eq!(Global::find(b"torch", b"HalfStorage"), Some(Global::TorchStorage(DType::F16)));
        assert_eq!(Global::find(b"torch", b"uint16"), Some(Global::TorchDType(DType::U16)));
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("builtins", "eval"),
            ("builtins", "getattr"),
            ("torch", "load"),
            ("torch", "Storage"),
            ("torch.serialization", "load"),
            ("numpy", "load"),
            ("numpy.core.multiarray", "_reconstruct.__globals__"),
            ("collections", "OrderedDict.fromkeys"),
            ("", ""),
        ] {
            assert_eq!(Global::find(module.as_bytes(), name.as_bytes()), None, "{module}.{name}");
        }
    }
}

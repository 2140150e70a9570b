//! The storages that a pickle of PyTorch refers to.

use crate::dtype::DType;
use crate::pickle::{Global, Id, Node, Pickle};

/// What PyTorch writes in place of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StorageId {
    pub key: String,
    /// `None` for a storage of plain bytes.
    pub dtype: Option<DType>,
    pub elements: usize,
}

impl StorageId {
    /// Reads `("storage", type, key, device, elements, …)`.
    pub(crate) fn parse(pickle: &Pickle<'_>, id: Id) -> std::result::Result<Self, String> {
        let parts = pickle.sequence(id).unwrap_or_default();
        let [tag, class, key, _device, elements, rest @ ..] = parts else {
            return Err(format!("a storage of {} parts, expected 5 or 6", parts.len()));
        };
        if pickle.text(*tag).as_deref() != Some("storage") {
            return Err("an object outside the pickle that is no storage".to_string());
        }
        let dtype = match pickle.node(*class) {
            Node::Global(Global::TorchStorage(dtype)) => Some(*dtype),
            Node::Global(Global::TorchUntypedStorage) => None,
            _ => return Err("a storage of unknown type".to_string()),
        };
        if rest.first().is_some_and(|&view| *pickle.node(view) != Node::None) {
            return Err("a storage that is a view of another, which only PyTorch 0.1 wrote".to_string());
        }
        let key = pickle.text(*key).ok_or("a storage whose key is no text")?.into_owned();
        let elements = pickle.count(*elements).ok_or("a storage whose size is no count")?;
        Ok(Self { key, dtype, elements })
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> std::result::Result<usize, String> {
        let size = self.dtype.and_then(DType::size).unwrap_or(1);
        let bytes = self.elements.checked_mul(size);
        bytes.ok_or_else(|| format!("storage `{}` of {} elements overflows", self.key, self.elements))
    }
}

//! A pickle in its file.

use std::collections::BTreeMap;

use crate::pickle::{Global, Id, Node, Pickle};
use crate::source::Source;

/// Where a storage of PyTorch is, by its key.
pub(crate) type Keys = BTreeMap<String, usize>;

/// A pickle and the file that it lies in.
pub(crate) struct Pickled<'a> {
    pub source: &'a Source,
    pub pickle: &'a Pickle<'a>,
    /// The piece of the file that the pickle is; empty if that is no piece.
    pub part: &'a str,
    /// Where it starts; `None` if it was inflated and lies nowhere.
    pub base: Option<usize>,
    pub keys: &'a Keys,
    pub big_endian: bool,
}

impl Pickled<'_> {
    /// Whether a node is a tensor or an array, sound or not.
    pub(crate) fn is_tensor(&self, id: Id) -> bool {
        let Node::Call(call) = self.pickle.node(id) else { return false };
        matches!(
            call.function,
            Global::TorchTensor | Global::TorchParameter | Global::NumpyArray | Global::NumpyFromBuffer
        )
    }
}

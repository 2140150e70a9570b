//! Files that are pickles from the first byte: detectron2's, and PyTorch's legacy form.

use std::collections::BTreeMap;

use crate::arrays::Storage;
use crate::contents::Format;
use crate::error::Result;
use crate::objects::{self, Found};
use crate::pickle::Pickle;
use crate::pickled::Pickled;
use crate::source::Source;
use crate::torch_legacy;
use crate::wrapping::WeightSet;

/// Finds the tensors of a file and says which of the two it is.
pub(crate) fn read(source: &Source, asked: &WeightSet) -> Result<(Format, Found)> {
    let first = Pickle::parse(source.bytes()).map_err(|fault| fault.within(source.path(), ""))?;
    if torch_legacy::is_magic(&first) {
        return Ok((Format::TorchLegacy, legacy(source, asked)?));
    }
    let keys = BTreeMap::new();
    let pickled = Pickled { source, pickle: &first, part: "", base: Some(0), keys: &keys, big_endian: false };
    let found = objects::find(&pickled, Vec::new(), asked)?;
    Ok((Format::Pickle, found))
}

/// Finds the tensors of a legacy file.
fn legacy(source: &Source, asked: &WeightSet) -> Result<Found> {
    let parts = torch_legacy::parse(source.bytes()).map_err(|fault| fault.within(source.path(), ""))?;
    let (mut storages, mut keys) = (Vec::new(), BTreeMap::new());
    for (key, range) in parts.storages {
        keys.insert(key, storages.len());
        storages.push(Storage::Plain(range));
    }
    let (pickle, base, big_endian) = (&parts.object, Some(parts.start), parts.big_endian);
    objects::find(&Pickled { source, pickle, part: "", base, keys: &keys, big_endian }, storages, asked)
}

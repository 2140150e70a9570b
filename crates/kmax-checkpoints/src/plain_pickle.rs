//! Files that are pickles from the first byte: detectron2's, and PyTorch's legacy form.

use std::collections::BTreeMap;

use crate::arrays::Storage;
use crate::contents::Format;
use crate::error::Result;
use crate::objects::{self, Found};
use crate::pickle::Pickle;
use crate::source::Source;
use crate::torch_legacy;

/// Finds the tensors of a file and says which of the two it is.
pub(crate) fn read(source: &Source) -> Result<(Format, Found)> {
    let first = Pickle::parse(source.bytes()).map_err(|fault| fault.within(source.path(), ""))?;
    if torch_legacy::is_magic(&first) {
        return Ok((Format::TorchLegacy, legacy(source)?));
    }
    let found = objects::find(source, &first, Some(0), Vec::new(), &BTreeMap::new(), false)?;
    Ok((Format::Pickle, found))
}

/// Finds the tensors of a legacy file.
fn legacy(source: &Source) -> Result<Found> {
    let parts = torch_legacy::parse(source.bytes()).map_err(|fault| fault.within(source.path(), ""))?;
    let (mut storages, mut keys) = (Vec::new(), BTreeMap::new());
    for (key, range) in parts.storages {
        keys.insert(key, storages.len());
        storages.push(Storage::Mapped(range));
    }
    objects::find(source, &parts.object, Some(parts.start), storages, &keys, parts.big_endian)
}

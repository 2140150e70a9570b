//! Files that are pickles from the first byte: detectron2's, and PyTorch's legacy form.

use std::collections::BTreeMap;

use crate::checkpoint::Format;
use crate::error::Result;
use crate::objects::{self, Found};
use crate::pickle::Pickle;
use crate::source::Source;
use crate::torch_legacy;

/// Finds the tensors of a file and says which of the two it is.
pub(crate) fn read(source: &Source) -> Result<(Format, Found)> {
    let first = Pickle::parse(source.bytes()).map_err(|fault| fault.within(source.path(), ""))?;
    if torch_legacy::is_magic(&first) {
        return Ok((Format::TorchLegacy, torch_legacy::read(source)?));
    }
    let found = objects::find(source, &first, Some(0), Vec::new(), &BTreeMap::new(), false)?;
    Ok((Format::Pickle, found))
}

//! `torch.save` before PyTorch 1.6: five pickles in a row, then the storages.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::dtype::DType;
use crate::error::{Fault, Parse};
use crate::pickle::{Node, Pickle};
use crate::storage_id::StorageId;

/// The number in the first pickle, in its binary and its text form.
const MAGIC: [&[u8]; 2] = [b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", b"119547037146038801333356"];
/// The number in the second pickle.
const VERSION: i64 = 1001;

/// Whether the first pickle of a file is that of a legacy file.
pub(crate) fn is_magic(first: &Pickle<'_>) -> bool {
    let Node::Long(blob) = first.node(first.root()) else { return false };
    let number = first.blob(blob);
    MAGIC.contains(&number.strip_suffix(b"L").unwrap_or(number))
}

/// A legacy file taken apart.
pub(crate) struct Parts<'a> {
    pub object: Pickle<'a>,
    /// Where the object's pickle starts.
    pub start: usize,
    pub storages: BTreeMap<String, Range<usize>>,
    pub big_endian: bool,
}

/// The type and the bytes of a legacy file that holds one storage and nothing else, and whether they are big-endian.
pub(crate) fn single_storage(bytes: &[u8]) -> Parse<(Option<DType>, Range<usize>, bool)> {
    let parts = parse(bytes)?;
    let Node::Persistent(id) = *parts.object.node(parts.object.root()) else {
        return Err(Fault::new(parts.start, "not a storage"));
    };
    let id = StorageId::parse(&parts.object, id).map_err(|reason| Fault::new(parts.start, reason))?;
    let range = parts.storages.get(&id.key).cloned();
    let range = range.ok_or_else(|| Fault::new(parts.start, format!("storage `{}` is missing", id.key)))?;
    Ok((id.dtype, range, parts.big_endian))
}

/// Takes a legacy file apart.
pub(crate) fn parse(bytes: &[u8]) -> Parse<Parts<'_>> {
    let mut at = 0;
    let mut next = || -> Parse<(Pickle<'_>, usize)> {
        let start = at;
        let pickle =
            Pickle::parse(bytes.get(start..).unwrap_or_default()).map_err(|fault| fault.shifted(start))?;
        at = start + pickle.end();
        Ok((pickle, start))
    };
    let (magic, start) = next()?;
    if !is_magic(&magic) {
        return Err(Fault::new(start, "lacks the magic number of torch.save"));
    }
    let (version, start) = next()?;
    if *version.node(version.root()) != Node::Int(VERSION) {
        return Err(Fault::new(start, format!("a version of torch.save other than {VERSION}")));
    }
    let (system, _) = next()?;
    let big_endian = system.items(system.root()).unwrap_or_default().into_iter().any(|(key, value)| {
        system.text(key).as_deref() == Some("little_endian") && *system.node(value) == Node::Bool(false)
    });
    let (object, start) = next()?;
    let (order, order_at) = next()?;

    let mut ids = BTreeMap::new();
    for node in object.nodes() {
        if let Node::Persistent(id) = *node {
            let id = StorageId::parse(&object, id).map_err(|reason| Fault::new(start, reason))?;
            ids.insert(id.key.clone(), id);
        }
    }
    let keys =
        order.sequence(order.root()).ok_or_else(|| Fault::new(order_at, "the storages' keys are no list"))?;
    let mut storages = BTreeMap::new();
    for &key in keys {
        let key = order.text(key).ok_or_else(|| Fault::new(order_at, "a storage's key is no text"))?;
        let fault = |reason: String| Fault::new(at, format!("storage `{}`: {reason}", key.escape_default()));
        let id = ids.get(key.as_ref()).ok_or_else(|| fault("belongs to no tensor".to_string()))?;
        let size = id.size().map_err(fault)?;
        let (count, rest) = bytes.get(at..).unwrap_or_default().split_first_chunk::<8>().unzip();
        let count = count.ok_or_else(|| fault("is cut off".to_string()))?;
        let count = if big_endian { u64::from_be_bytes(*count) } else { u64::from_le_bytes(*count) };
        if count != id.elements as u64 {
            return Err(fault(format!("has {count} elements, its tensors say {}", id.elements)));
        }
        let available = rest.map_or(0, <[u8]>::len);
        if size > available {
            return Err(fault(format!("{size} bytes announced, {available} left")));
        }
        storages.insert(key.into_owned(), at + 8..at + 8 + size);
        at += 8 + size;
    }
    Ok(Parts { object, start, storages, big_endian })
}

//! TensorFlow 2 tensor bundles: `PREFIX.index`, a table of entries, and `PREFIX.data-NNNNN-of-MMMMM`, the bytes.

mod block;
mod entry;
mod places;
mod slices;
mod strings;
mod table;
#[cfg(test)]
#[path = "../../tests/support/table.rs"]
#[allow(dead_code, missing_docs)]
pub(crate) mod writer;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::contents::{Skipped, TensorInfo};
use crate::dtype::{DType, elements};
use crate::error::{Error, Fault, Parse, Result, preview};
use crate::source::Source;
use block::masked_crc;
use entry::{Entry, Header};
use places::Place;
use slices::Assembly;

pub(crate) use table::is_table;

/// Most entries understood; published models have a few thousand.
const MOST_ENTRIES: usize = 1 << 20;
/// Most bytes of names understood. Prefix compression lets a small file claim long names many times.
const MOST_NAME_BYTES: usize = 64 << 20;

/// An open bundle: its index in memory, its shards mapped when first needed.
#[derive(Debug)]
pub(crate) struct Bundle {
    index: PathBuf,
    prefix: PathBuf,
    tensors: BTreeMap<String, Entry>,
    /// Slices of partitioned variables under their encoded keys.
    pieces: BTreeMap<Vec<u8>, Entry>,
    shards: Vec<OnceLock<Source>>,
}

/// The tensors of a bundle, and what it holds besides.
pub(crate) type Contents = (BTreeMap<String, TensorInfo>, Vec<Skipped>);

/// What the index of a bundle holds.
#[derive(Default)]
struct Index {
    header: Option<Header>,
    tensors: BTreeMap<String, Entry>,
    pieces: BTreeMap<Vec<u8>, Entry>,
    name_bytes: usize,
}

impl Index {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Parse<()> {
        self.name_bytes += key.len();
        if self.tensors.len() + self.pieces.len() >= MOST_ENTRIES || self.name_bytes > MOST_NAME_BYTES {
            let reason = format!("more than {MOST_ENTRIES} entries or {MOST_NAME_BYTES} bytes of names");
            return Err(Fault::new(0, reason));
        }
        if key.is_empty() {
            self.header = Some(Header::parse(value)?);
        } else if slices::is_slice_key(key) {
            self.pieces.insert(key.to_vec(), Entry::parse(value)?);
        } else {
            let name = str::from_utf8(key)
                .map_err(|_| Fault::new(0, format!("the name `{}` is not UTF-8", preview(key))))?;
            self.tensors.insert(name.to_string(), Entry::parse(value)?);
        }
        Ok(())
    }
}

impl Bundle {
    /// Reads the index of a bundle. Its shards are opened as tensors are read.
    pub(crate) fn open(source: &Source) -> Result<Self> {
        let path = source.path();
        let mut index = Index::default();
        table::visit_table(source.bytes(), |key, value| index.add(key, value))
            .map_err(|fault| fault.within(path, ""))?;
        let Index { header, tensors, pieces, .. } = index;
        let header = header
            .ok_or_else(|| Error::damaged(path, "index", "a table without a bundle's header (empty key)"))?;
        let shards = (0..header.shards).map(|_| OnceLock::new()).collect();
        Ok(Self { index: path.to_path_buf(), prefix: path.with_extension(""), tensors, pieces, shards })
    }

    /// What there is to read, and what there is besides.
    pub(crate) fn contents(&self) -> Result<Contents> {
        let (mut infos, mut skipped) = (BTreeMap::new(), Vec::new());
        for (name, entry) in &self.tensors {
            match entry.dtype.dtype() {
                Ok(dtype) => {
                    self.check_size(name, entry, dtype)?;
                    infos.insert(name.clone(), TensorInfo { dtype, shape: entry.shape.clone() });
                }
                Err(reason) => skipped.push(Skipped { name: name.clone(), reason }),
            }
        }
        Ok((infos, skipped))
    }

    fn check_size(&self, name: &str, entry: &Entry, dtype: DType) -> Result<()> {
        let fail = |reason| Err(Error::tensor(&self.index, name, reason));
        let Some(count) = elements(&entry.shape) else {
            return fail(format!("shape {:?} overflows", entry.shape));
        };
        let Some(size) = dtype.size() else {
            return if entry.slices.is_empty() { Ok(()) } else { fail("strings in slices".to_string()) };
        };
        match count.checked_mul(size) {
            None => fail(format!("shape {:?} overflows", entry.shape)),
            Some(size) if entry.slices.is_empty() && size as u64 != entry.size => {
                fail(format!("{} bytes stored, {dtype} of shape {:?} has {size}", entry.size, entry.shape))
            }
            Some(_) => Ok(()),
        }
    }

    /// The bytes of a tensor that [`Self::contents`] lists, as stored.
    pub(crate) fn read(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let entry = self.entry(name)?;
        if entry.slices.is_empty() {
            return self.checked(name, entry).map(Cow::Borrowed);
        }
        self.assemble(name, entry).map(Cow::Owned)
    }

    /// The elements of a tensor of strings.
    pub(crate) fn read_strings(&self, name: &str) -> Result<Vec<Vec<u8>>> {
        let entry = self.entry(name)?;
        let bytes = self.stored(name, entry)?;
        let count = elements(&entry.shape).unwrap_or(usize::MAX);
        strings::parse(bytes, count, entry.crc).map_err(|reason| self.fail(name, entry, reason))
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.tensors.get(name).ok_or_else(|| Error::tensor(&self.index, name, "no such entry in the index"))
    }

    /// An error at a tensor that lies in a shard.
    fn fail(&self, name: &str, entry: &Entry, reason: String) -> Error {
        Error::tensor(&self.shard_path(entry.shard), name, reason)
    }

    /// The file of the index.
    pub(crate) fn index(&self) -> &Path {
        &self.index
    }

    /// The index and the shards.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let shards = (0..self.shards.len()).map(|shard| self.shard_path(shard as u64));
        std::iter::once(self.index.clone()).chain(shards).collect()
    }

    /// The file of a shard.
    pub(crate) fn shard_path(&self, shard: u64) -> PathBuf {
        let mut path = self.prefix.clone().into_os_string();
        path.push(format!(".data-{shard:05}-of-{:05}", self.shards.len()));
        path.into()
    }

    fn shard(&self, name: &str, shard: u64) -> Result<&Source> {
        let slot = &self.shards[self.check_shard(name, shard)?];
        if let Some(source) = slot.get() {
            return Ok(source);
        }
        let source = Source::open(&self.shard_path(shard))?;
        Ok(slot.get_or_init(|| source))
    }

    /// The stored bytes of an entry, not yet checked.
    fn stored(&self, name: &str, entry: &Entry) -> Result<&[u8]> {
        let shard = self.shard(name, entry.shard)?.bytes();
        self.check_inside(&Place { name, entry }, shard.len() as u64)?;
        // Both fit, as the length of the shard does.
        Ok(&shard[entry.offset as usize..(entry.offset + entry.size) as usize])
    }

    /// The stored bytes of an entry of fixed-size elements, checked against its checksum.
    fn checked(&self, name: &str, entry: &Entry) -> Result<&[u8]> {
        let bytes = self.stored(name, entry)?;
        self.check_sum(&Place { name, entry }, bytes)?;
        Ok(bytes)
    }

    fn assemble(&self, name: &str, entry: &Entry) -> Result<Vec<u8>> {
        let fail = |reason| Error::tensor(&self.index, name, reason);
        let dtype = entry.dtype.dtype().map_err(fail)?;
        let size = dtype.size().ok_or_else(|| fail("strings in slices".to_string()))?;
        let mut pieces = Vec::new();
        let mut stored = 0u64;
        for slice in &entry.slices {
            let bounds = slices::bounds(slice, &entry.shape).map_err(fail)?;
            let key = slices::slice_key(name, slice);
            let piece =
                self.pieces.get(&key).ok_or_else(|| fail(format!("no entry for its slice {bounds:?}")))?;
            if piece.dtype != entry.dtype || !piece.shape.iter().eq(bounds.iter().map(|(_, length)| length)) {
                return Err(fail(format!(
                    "its slice {bounds:?} has shape {:?} or another type",
                    piece.shape
                )));
            }
            stored = stored.saturating_add(piece.size);
            pieces.push((bounds, piece));
        }
        let whole = elements(&entry.shape).and_then(|count| count.checked_mul(size));
        if whole.map(|whole| whole as u64) != Some(stored) {
            return Err(fail(format!("slices of {stored} bytes in all for shape {:?}", entry.shape)));
        }
        let pieces = pieces.into_iter().map(|(bounds, piece)| Ok((bounds, self.checked(name, piece)?)));
        let pieces = pieces.collect::<Result<Vec<_>>>()?;
        // Slices that share their bytes cannot make the variable larger than what is on disk.
        let on_disk: usize =
            self.shards.iter().filter_map(OnceLock::get).map(|shard| shard.bytes().len()).sum();
        if whole.is_none_or(|whole| whole > on_disk) {
            return Err(fail(format!("{stored} bytes in slices, but the shards have {on_disk}")));
        }
        let mut assembly = Assembly::new(&entry.shape, size).map_err(fail)?;
        for (bounds, bytes) in pieces {
            assembly.insert(&bounds, bytes).map_err(fail)?;
        }
        assembly.finish().map_err(fail)
    }
}

/// The `.index` that `path` means when it is a bundle's prefix.
pub(crate) fn index_of_prefix(path: &Path) -> PathBuf {
    let mut index = path.as_os_str().to_os_string();
    index.push(".index");
    index.into()
}

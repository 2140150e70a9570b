//! A TensorFlow bundle in an archive, whose tensors are cut out as the archive passes by.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use kmax_base::beside::Beside;

use crate::among::{ENDINGS, only_among};
use crate::error::{Error, Result};
use crate::source::Source;
use crate::tarball::{Tarball, Then};
use crate::tensorflow::Bundle;

/// Largest index that is kept in memory. Those of published models have some hundred KB.
const LARGEST_INDEX: u64 = 128 << 20;

/// The bundle of an archive: its index in memory, everything else still packed.
#[derive(Debug)]
pub(crate) struct Streamed {
    archive: Tarball,
    bundle: Bundle,
    /// The sizes of the archive's files.
    sizes: BTreeMap<String, u64>,
    /// What [`Self::read`] needs.
    unpacked: OnceLock<Unpacked>,
    unpacking: Mutex<()>,
}

#[derive(Debug)]
struct Unpacked {
    folder: Beside,
    bundle: Bundle,
}

impl Streamed {
    /// The only checkpoint of an archive, if it is a bundle whose tensors lie one behind the other. `None` for anything else,
    /// which must be unpacked: this is where that is decided.
    ///
    /// The whole archive is gone through, so that nothing in it can be cut off or beyond the limits later on.
    pub(crate) fn open(archive: &Tarball) -> Result<Option<Box<Self>>> {
        let (mut sizes, mut index, mut unknown) = (BTreeMap::new(), None, false);
        archive.walk(|member| {
            sizes.insert(member.name.to_string(), member.size);
            match Path::new(member.name).extension().and_then(OsStr::to_str) {
                Some("index") if index.is_none() && member.size <= LARGEST_INDEX => {
                    let bytes = member.read(0, member.size as usize);
                    let bytes = bytes.map_err(|e| archive.fail(member.name, e.to_string()))?;
                    index = Some(Source::of(&archive.path().join(member.name), bytes));
                }
                Some(ending) if ending != "index" => unknown |= ENDINGS.contains(&ending),
                Some("index") => unknown |= member.size > LARGEST_INDEX,
                _ => {}
            }
            Ok::<_, Error>(if unknown { Then::Stop } else { Then::On })
        })?;
        if unknown {
            return Ok(None);
        }
        only_among(sizes.keys().map(String::as_str))
            .map_err(|reason| Error::not_a_checkpoint(archive.path(), reason))?;
        let Some(index) = index else { return Ok(None) };
        let bundle = Bundle::open(&index)?;
        if !bundle.is_sequential() {
            return Ok(None);
        }
        let (archive, unpacked, unpacking) = (archive.clone(), OnceLock::new(), Mutex::new(()));
        Ok(Some(Box::new(Self { archive, bundle, sizes, unpacked, unpacking })))
    }

    pub(crate) fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Calls `each` with the stored bytes of every tensor of `names`, in the order in which they lie in the archive.
    pub(crate) fn visit<'a, E: From<Error>>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        mut each: impl FnMut(&'a str, Vec<u8>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut shards = BTreeMap::new();
        for (shard, places) in self.bundle.places(names)? {
            let path = self.bundle.shard_path(shard);
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let size = self.sizes.get(name);
            let size = *size.ok_or_else(|| Error::io(&path, std::io::ErrorKind::NotFound.into()))?;
            places.iter().try_for_each(|place| self.bundle.check_inside(place, size))?;
            shards.insert(name.to_string(), places);
        }
        if shards.is_empty() {
            return Ok(());
        }
        self.archive.walk(|member| {
            for place in shards.remove(member.name).unwrap_or_default() {
                // Both were checked against the size of the file, which was all there.
                let bytes = member.read(place.entry.offset, place.entry.size as usize);
                let bytes = bytes.map_err(|e| self.archive.fail(member.name, e.to_string()))?;
                self.bundle.check_sum(&place, &bytes)?;
                each(place.name, bytes)?;
            }
            Ok::<_, E>(if shards.is_empty() { Then::Stop } else { Then::On })
        })?;
        match shards.keys().next() {
            Some(name) => Err(self.archive.fail(name, "is gone".to_string()).into()),
            None => Ok(()),
        }
    }

    /// The bytes of one tensor. The first time, the archive is unpacked.
    pub(crate) fn read(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        self.unpacked(|bundle| bundle.read(name))
    }

    /// The elements of one tensor of strings, likewise.
    pub(crate) fn read_strings(&self, name: &str) -> Result<Vec<Vec<u8>>> {
        self.unpacked(|bundle| bundle.read_strings(name))
    }

    fn unpacked<'a, T>(&'a self, read: impl FnOnce(&'a Bundle) -> Result<T>) -> Result<T> {
        let told = |folder: &Beside, error: Error| error.moved(folder.path(), self.archive.path());
        let one_at_a_time = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.unpacked.get().is_none() {
            let folder = self.archive.unpack()?;
            let index = self.bundle.index().file_name().unwrap_or_default();
            let bundle = Source::open(&folder.path().join(index)).and_then(|index| Bundle::open(&index));
            let bundle = bundle.map_err(|error| told(&folder, error))?;
            self.unpacked.get_or_init(|| Unpacked { folder, bundle });
        }
        drop(one_at_a_time);
        let Some(Unpacked { folder, bundle }) = self.unpacked.get() else {
            return Err(self.archive.fail("", "is gone".to_string()));
        };
        read(bundle).map_err(|error| told(folder, error))
    }
}

//! Where the tensors of a bundle lie in its shards, for who can read those from front to back alone.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::{Bundle, masked_crc};
use crate::error::{Error, Result};

/// A tensor and where it lies.
pub(crate) struct Place<'n, 'e> {
    pub name: &'n str,
    pub entry: &'e Entry,
}

impl Bundle {
    /// Whether all tensors lie in one piece each, and none in the bytes of another.
    pub(crate) fn is_sequential(&self) -> bool {
        let Ok(shards) = self.places(self.tensors.keys().map(String::as_str)) else { return false };
        let end = |place: &Place<'_, '_>| place.entry.offset.saturating_add(place.entry.size);
        shards.values().all(|places| {
            places.iter().all(|place| place.entry.slices.is_empty())
                && places.windows(2).all(|pair| end(&pair[0]) <= pair[1].entry.offset)
        })
    }

    /// The tensors of these names by shard, in the order in which they lie there.
    pub(crate) fn places<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<BTreeMap<u64, Vec<Place<'n, '_>>>> {
        let mut shards = BTreeMap::<u64, Vec<_>>::new();
        for name in names {
            let entry = self.entry(name)?;
            self.check_shard(name, entry.shard)?;
            shards.entry(entry.shard).or_default().push(Place { name, entry });
        }
        for places in shards.values_mut() {
            places.sort_unstable_by_key(|Place { name, entry }| (entry.offset, entry.size, *name));
            places.dedup_by_key(|place| place.name);
        }
        Ok(shards)
    }

    /// Fails unless a tensor lies in its shard of `length` bytes.
    pub(crate) fn check_inside(&self, place: &Place<'_, '_>, length: u64) -> Result<()> {
        let Place { name, entry } = place;
        let Entry { offset, size, .. } = entry;
        if offset.checked_add(*size).is_some_and(|end| end <= length) {
            return Ok(());
        }
        let reason = format!("its {size} bytes at byte {offset} end beyond the file's {length}");
        Err(self.fail(name, entry, reason))
    }

    /// Fails unless the bytes of a tensor of fixed-size elements have its checksum.
    pub(crate) fn check_sum(&self, place: &Place<'_, '_>, bytes: &[u8]) -> Result<()> {
        let Place { name, entry } = place;
        let computed = masked_crc(crc32c::crc32c(bytes));
        if computed == entry.crc {
            return Ok(());
        }
        let Entry { crc, size, offset, .. } = entry;
        let reason = format!("checksum {crc:08x}, but the {size} bytes at byte {offset} have {computed:08x}");
        Err(self.fail(name, entry, reason))
    }

    /// The place of a shard among the shards.
    pub(super) fn check_shard(&self, name: &str, shard: u64) -> Result<usize> {
        let count = self.shards.len();
        let missing =
            || Error::tensor(&self.index, name, format!("lies in shard {shard}, but there are {count}"));
        usize::try_from(shard).ok().filter(|shard| *shard < count).ok_or_else(missing)
    }
}

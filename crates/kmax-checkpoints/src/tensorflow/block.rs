//! One block of a table: sorted entries whose keys leave out what they share with the key before.

use std::borrow::Cow;

use crate::error::{Fault, Parse};
use crate::wire::Wire;

/// Bytes after a block: its compression and its checksum.
const TRAILER: usize = 5;
/// Longest key understood. Real ones have a few hundred bytes.
const LONGEST_KEY: usize = 1 << 16;
/// Snappy shortens by less than this factor, so a block that claims more is damaged.
const SNAPPY_FACTOR: usize = 64;

/// CRC-32C in the masked form of LevelDB: rotated and shifted, so that a checksum of checksums is not degenerate.
pub(crate) fn masked_crc(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Where a block lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle {
    pub offset: u64,
    pub size: u64,
}

impl Handle {
    pub(crate) fn read(wire: &mut Wire<'_>) -> Parse<Self> {
        Ok(Self { offset: wire.varint()?, size: wire.varint()? })
    }

    /// The contents of this block of `file`, checked against their checksum and decompressed. Offsets of faults are
    /// the file's.
    pub(crate) fn load(self, file: &[u8]) -> Parse<Cow<'_, [u8]>> {
        let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let fault = |reason: String| Fault::new(start, reason);
        let outside = || {
            let Self { offset, size } = self;
            fault(format!(
                "a block of {size} bytes at byte {offset} lies outside the file of {} bytes",
                file.len()
            ))
        };
        let size = usize::try_from(self.size).map_err(|_| outside())?;
        let end = start.checked_add(size).ok_or_else(outside)?;
        let whole = end.checked_add(TRAILER).and_then(|end| file.get(start..end)).ok_or_else(outside)?;
        let (checked, stored) = whole.split_last_chunk::<4>().ok_or_else(outside)?;
        let (stored, computed) = (u32::from_le_bytes(*stored), masked_crc(crc32c::crc32c(checked)));
        if stored != computed {
            return Err(fault(format!("block checksum {stored:08x}, but its bytes have {computed:08x}")));
        }
        let (compression, contents) = checked.split_last().ok_or_else(outside)?;
        match compression {
            0 => Ok(Cow::Borrowed(contents)),
            1 => decompress(contents).map(Cow::Owned).map_err(|e| fault(format!("snappy block: {e}"))),
            other => Err(fault(format!("block compression {other}, known are 0 (none) and 1 (snappy)"))),
        }
    }
}

fn decompress(contents: &[u8]) -> Result<Vec<u8>, String> {
    let length = snap::raw::decompress_len(contents).map_err(|e| e.to_string())?;
    if length / SNAPPY_FACTOR > contents.len() {
        return Err(format!("{length} bytes announced in {} compressed ones", contents.len()));
    }
    snap::raw::Decoder::new().decompress_vec(contents).map_err(|e| e.to_string())
}

/// Calls `visit` with each key, its value and the value's offset in the block.
///
/// Restart points are checked too: each must lead to an entry that gives its whole key.
pub(crate) fn entries(block: &[u8], mut visit: impl FnMut(&[u8], &[u8], usize) -> Parse<()>) -> Parse<()> {
    let (mut wire, restarts) = split(block)?;
    let (mut key, mut restarts) = (Vec::new(), restarts.iter().peekable());
    while !wire.is_empty() {
        let start = wire.at();
        let (shared, unshared, value) = (wire.varint()?, wire.varint()?, wire.varint()?);
        let restart = restarts.next_if(|restart| u32::from_le_bytes(**restart) as usize == start).is_some();
        if restart && shared != 0 {
            return Err(Fault::new(start, format!("the key at a restart point shares {shared} bytes")));
        }
        let kept = usize::try_from(shared).ok().filter(|&shared| shared <= key.len()).ok_or_else(|| {
            Fault::new(
                start,
                format!("a key shares {shared} bytes with the one before, which has {}", key.len()),
            )
        })?;
        key.truncate(kept);
        key.extend_from_slice(wire.bytes(unshared)?);
        if key.len() > LONGEST_KEY {
            return Err(Fault::new(
                start,
                format!("a key of {} bytes, at most {LONGEST_KEY} are read", key.len()),
            ));
        }
        let offset = wire.at();
        visit(&key, wire.bytes(value)?, offset)?;
    }
    match restarts.next() {
        // A block without entries has one restart point, where the first entry would be.
        Some(restart) if !(block.len() == 8 && *restart == [0; 4]) => {
            Err(wire.fault(format!("restart point {} is no entry's start", u32::from_le_bytes(*restart))))
        }
        _ => Ok(()),
    }
}

/// The entries and the restart points that follow them.
fn split(block: &[u8]) -> Parse<(Wire<'_>, &[[u8; 4]])> {
    let cut = |reason: String| Fault::new(block.len().saturating_sub(4), reason);
    let (rest, count) =
        block.split_last_chunk::<4>().ok_or_else(|| cut("no room for restart points".into()))?;
    let count = u32::from_le_bytes(*count);
    let start = (count as usize).checked_mul(4).and_then(|size| rest.len().checked_sub(size));
    let (entries, restarts) = start
        .and_then(|start| rest.split_at_checked(start))
        .ok_or_else(|| cut(format!("{count} restart points in a block of {} bytes", block.len())))?;
    let (restarts, _) = restarts.as_chunks::<4>();
    if restarts.first().is_none_or(|first| *first != [0; 4]) {
        return Err(cut("the first restart point is not the block's start".into()));
    }
    Ok((Wire::new(entries), restarts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorflow::writer::{append_block, block};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn collect(bytes: &[u8]) -> Parse<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut found = Vec::new();
        entries(bytes, |key, value, _| {
            found.push((key.to_vec(), value.to_vec()));
            Ok(())
        })?;
        Ok(found)
    }

    proptest! {
        #[test]
        fn blocks_survive(
            table: BTreeMap<Vec<u8>, Vec<u8>>, interval in 1usize..20, snappy: bool,
            before in proptest::collection::vec(any::<u8>(), 0..9), at: prop::sample::Index,
        ) {
            let table: Vec<_> = table.into_iter().collect();
            let mut file = before.clone();
            let size = append_block(&mut file, &block(&table, interval), snappy);
            let handle = Handle { offset: before.len() as u64, size };
            let contents = handle.load(&file).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
            prop_assert_eq!(collect(&contents), Ok(table));
            // A changed bit is noticed, wherever it is.
            let byte = before.len() + at.index(file.len() - before.len());
            file[byte] ^= 1 << (byte % 8);
            prop_assert!(handle.load(&file).is_err(), "byte {}", byte);
        }

        #[test]
        fn any_bytes_end_in_entries_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = collect(&bytes);
            let _ = decompress(&bytes);
        }

        #[test]
        fn snappy_survives(bytes in proptest::collection::vec(0u8..4, 0..3000)) {
            let mut file = Vec::new();
            let size = append_block(&mut file, &bytes, true);
            let handle = Handle { offset: 0, size };
            prop_assert_eq!(handle.load(&file).map(Cow::into_owned), Ok(bytes));
        }
    }

    #[test]
    fn restart_points_must_be_entries() {
        let table: Vec<_> = (0..9u8).map(|i| (vec![b'k', i], vec![i; 3])).collect();
        let good = block(&table, 4);
        assert_eq!(collect(&good).map(|t| t.len()), Ok(9));
        let restarts = good.len() - 4 * 4;
        for (at, value) in [(restarts, 1), (restarts + 4, 5), (good.len() - 4, 0), (good.len() - 1, 0x40)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(collect(&bad).is_err(), "byte {at} = {value}");
        }
    }

    #[test]
    fn a_snappy_block_cannot_claim_more_than_it_holds() {
        assert!(decompress(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]).is_err_and(|e| e.contains("announced")));
    }
}

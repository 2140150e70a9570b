//! Damaged TensorFlow bundles. Each ends in one error that names the file and the place in it.

#[allow(dead_code)]
mod support;

use std::fs;

use kmax_checkpoints::Checkpoint;

use support::table::{self, Entry, Layout, write_bundle};
use support::{TestResult, VALUES, read_all, refused, refused_bytes};

/// A bundle of one tensor `x`, whose entry was changed by `damage`.
fn damaged_entry(reason: &str, damage: impl FnOnce(&mut Entry)) -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut entry = Entry::float(&[2, 2], 0, &VALUES);
    damage(&mut entry);
    refused(&write_bundle(folder.path(), &[("x", entry)], &VALUES, Layout::default()), reason);
    Ok(())
}

#[test]
fn the_undamaged_bundle_is_read() -> TestResult {
    let folder = tempfile::tempdir()?;
    for snappy in [false, true] {
        let tensors: Vec<(String, Entry)> =
            (0..40).map(|i| (format!("layer/{i}/kernel"), Entry::float(&[2, 2], 0, &VALUES))).collect();
        let tensors: Vec<(&str, Entry)> =
            tensors.iter().map(|(name, entry)| (name.as_str(), entry.clone())).collect();
        let path =
            write_bundle(folder.path(), &tensors, &VALUES, Layout { per_block: 7, interval: 3, snappy });
        assert_eq!(read_all(&path)?, 40 * 16);
    }
    Ok(())
}

#[test]
fn entries_that_lie_about_their_tensor() -> TestResult {
    damaged_entry("overflows", |e| e.shape = vec![1 << 33, 1 << 33])?;
    damaged_entry("overflows", |e| e.shape = vec![1 << 62, 2])?;
    damaged_entry("an axis of -1 elements", |e| e.shape = vec![u64::MAX])?;
    damaged_entry("16 bytes stored", |e| e.shape = vec![2, 3])?;
    damaged_entry("end beyond the file's 16", |e| e.offset = u64::MAX)?;
    damaged_entry("end beyond the file's 16", |e| e.offset = 1)?;
    damaged_entry("18446744073709551615 bytes stored", |e| e.size = u64::MAX)?;
    damaged_entry("lies in shard 7, but there are 1", |e| e.shard = 7)?;
    damaged_entry("lies in shard 18446744073709551615", |e| e.shard = u64::MAX)?;
    damaged_entry("checksum", |e| e.crc ^= 1)?;
    damaged_entry("no entry for its slice", |e| e.slices = vec![vec![(0, 1), (0, 2)]])?;
    damaged_entry("leaves the shape", |e| e.slices = vec![vec![(1, 2), (0, 2)]])?;
    damaged_entry("a slice of rank 1", |e| e.slices = vec![vec![(0, 2)]])?;
    damaged_entry("more than 254 axes", |e| e.shape = vec![1; 300])?;
    damaged_entry("strings in", |e| (e.dtype, e.shape) = (7, vec![1 << 40]))?;
    damaged_entry("checksum", |e| (e.dtype, e.shape) = (7, vec![1]))
}

#[test]
fn a_type_that_is_not_supported_is_skipped() -> TestResult {
    let folder = tempfile::tempdir()?;
    let complex = Entry { dtype: 8, ..Entry::float(&[1, 2], 0, &VALUES) };
    let tensors = [("x", Entry::float(&[4], 0, &VALUES)), ("z", complex)];
    let checkpoint = Checkpoint::open(write_bundle(folder.path(), &tensors, &VALUES, Layout::default()))?;
    assert_eq!(checkpoint.len(), 1);
    assert_eq!(checkpoint.skipped().iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["z"]);
    Ok(())
}

#[test]
fn tables_with_impossible_handles() -> TestResult {
    let footer = |offset, size| table::finish(vec![0; 40], &table::handle(offset, size));
    refused_bytes("a.index", &footer(u64::MAX, 8), "lies outside the file")?;
    refused_bytes("b.index", &footer(0, u64::MAX), "lies outside the file")?;
    refused_bytes("c.index", &footer(1 << 63, 1 << 63), "lies outside the file")?;
    refused_bytes("d.index", &footer(0, 84), "lies outside the file")?;
    refused_bytes("e.index", &table::finish(Vec::new(), &[0xff; 11]), "varint")?;
    refused_bytes("f.index", &[0; 47], "too few for a table")?;
    // The block's own checksum is right, what is in it is not.
    let block = |contents: &[u8]| {
        let mut file = Vec::new();
        let size = table::append_block(&mut file, contents, false);
        table::finish(file, &table::handle(0, size))
    };
    refused_bytes("g.index", &block(&[]), "no room for restart points")?;
    refused_bytes("h.index", &block(&[0xff; 4]), "restart points in a block of 4 bytes")?;
    refused_bytes("i.index", &block(&[5, 1, 0, b'k', 0, 0, 0, 0, 1, 0, 0, 0]), "shares 5 bytes")?;
    refused_bytes("j.index", &block(&table::block(&[], 1)), "without a bundle's header")?;
    let mut unknown = block(&table::block(&[], 1));
    unknown[8] = 9;
    let crc = table::masked(crc32c::crc32c(&unknown[..9]));
    unknown[9..13].copy_from_slice(&crc.to_le_bytes());
    refused_bytes("k.index", &unknown, "block compression 9")
}

#[test]
fn a_small_table_cannot_unfold_to_a_large_one() -> TestResult {
    // Every key but the first repeats 60,000 bytes of the one before.
    let entry = |i: u32| {
        let mut key = vec![b'k'; 60_000];
        key.extend(format!("{i:04}").into_bytes());
        (key, Entry::float(&[], 0, &VALUES[..4]).encode())
    };
    let mut entries = vec![(Vec::new(), table::header(1))];
    entries.extend((0..2000).map(entry));
    let bytes = table::table(&entries, Layout { per_block: 4000, interval: 4000, snappy: true });
    assert!(bytes.len() < 300_000);
    refused_bytes("unfolds.index", &bytes, "bytes of names")
}

#[test]
fn a_partitioned_variable_cannot_be_larger_than_its_shards() -> TestResult {
    // Slices that all have the same bytes.
    let folder = tempfile::tempdir()?;
    let slices: Vec<Vec<(u64, u64)>> = (0..64).map(|i| vec![(i * 4, 4)]).collect();
    let whole = Entry { dtype: 1, shape: vec![256], slices: slices.clone(), ..Entry::default() };
    let mut entries = vec![(Vec::new(), table::header(1)), (b"x".to_vec(), whole.encode())];
    for slice in &slices {
        let start = slice[0].0;
        let mut key = b"\x00x\x00\x01\x01\x01".to_vec();
        key.extend(if start < 64 { vec![0x80 + start as u8] } else { vec![0xc0, start as u8] });
        key.push(0x84);
        entries.push((key, Entry::float(&[4], 0, &VALUES).encode()));
    }
    entries.sort();
    let path = folder.path().join("shared.index");
    fs::write(&path, table::table(&entries, Layout::default()))?;
    fs::write(folder.path().join("shared.data-00000-of-00001"), VALUES)?;
    refused(&path, "but the shards have 16");
    Ok(())
}

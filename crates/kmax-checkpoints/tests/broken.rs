//! Damaged and hostile files. Each ends in one error that names the file and the place in it.

#[allow(dead_code, missing_docs)]
#[path = "support/pickle.rs"]
mod pickle;
#[allow(dead_code, missing_docs)]
#[path = "support/table.rs"]
mod table;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use kmax_checkpoints::{Checkpoint, DType, Error};
use pickle::{numpy_array, torch_tensor};
use table::{Entry, Layout, write_bundle};

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Opens a checkpoint and reads all of it.
fn read_all(path: &Path) -> Result<usize, Error> {
    let checkpoint = Checkpoint::open(path)?;
    let mut bytes = 0;
    for (name, info) in checkpoint.tensors() {
        bytes += match info.dtype {
            DType::String => checkpoint.read_strings(name)?.iter().map(Vec::len).sum(),
            _ => checkpoint.read(name)?.bytes.len(),
        };
    }
    Ok(bytes)
}

/// Asserts that the file fails with a message that names it and says `reason`.
fn refused(path: &Path, reason: &str) {
    let error = read_all(path).expect_err(reason).to_string();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    assert!(error.contains(name.as_ref()) && error.contains(reason), "{error}\nexpected: {reason}");
}

/// Writes `bytes` as `name` into a folder of its own and asserts that reading it fails with `reason`.
fn refused_bytes(name: &str, bytes: &[u8], reason: &str) -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    fs::write(&path, bytes)?;
    refused(&path, reason);
    Ok(())
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

const VALUES: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

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

#[test]
fn a_pickle_executes_nothing() -> TestResult {
    let folder = tempfile::tempdir()?;
    let witness = folder.path().join("executed");
    let command = format!("touch {}", witness.display());
    let protocol0 = format!("cos\nsystem\n(S'{command}'\ntR.");
    let mut protocol4 = vec![0x80, 4, 0x8c, 5];
    protocol4.extend(b"posix\x8c\x06system\x93X");
    protocol4.extend((command.len() as u32).to_le_bytes());
    protocol4.extend(command.as_bytes());
    protocol4.extend(b"\x85R.");
    for (name, bytes, global) in [
        ("a.pkl", protocol0.as_bytes(), "refused `os.system`"),
        ("b.pkl", &protocol4, "refused `posix.system`"),
        ("c.pkl", b"(ios\nsystem\n.", "refused `os.system`"),
        ("d.pkl", b"\x80\x02cbuiltins\neval\nX\x03\0\0\x001+1\x85R.", "refused `builtins.eval`"),
        ("e.pkl", b"\x80\x02c__builtin__\ngetattr\n.", "refused `__builtin__.getattr`"),
        ("f.pkl", b"\x80\x04\x8c\x05numpy\x8c\x04load\x93.", "refused `numpy.load`"),
        ("g.pkl", b"\x80\x02ctorch\nload\n.", "refused `torch.load`"),
    ] {
        refused_bytes(name, bytes, global)?;
    }
    // The same inside PyTorch's archive and its legacy form.
    refused_bytes(
        "h.pth",
        &pickle::zip(protocol0.as_bytes(), &[], false),
        "archive/data.pkl, byte 0: refused `os.system`",
    )?;
    refused_bytes("i.pth", &pickle::legacy(protocol0.as_bytes(), &[]), "refused `os.system`")?;
    assert!(!witness.exists());
    Ok(())
}

#[test]
fn pickles_that_break_the_machine() -> TestResult {
    let deep = [b"\x80\x02".as_slice(), &[b'('; 100_000]].concat();
    let lists = [b"\x80\x02".as_slice(), &b"]"[..], &b"]a".repeat(100_000), b"."].concat();
    let nested =
        [b"\x80\x02".as_slice(), &b"}X\x01\0\0\0k".repeat(5000), b"N", &b"s".repeat(5000), b"."].concat();
    let endless = [b"\x80\x02".as_slice(), &b"N0".repeat(3 << 20)].concat();
    let doubling = pickle::doubling(40);
    for (name, bytes, reason) in [
        ("deep.pkl", deep.as_slice(), "byte 1002: more than 1000 marks"),
        ("lists.pkl", &lists, "expected a dictionary of tensors"),
        ("nested.pkl", &nested, "nested too deeply"),
        ("endless.pkl", &endless, "more than 4194304 opcodes"),
        ("doubling.pkl", &doubling, "nested too deeply"),
        ("wide.pkl", &pickle::doubling(12), ""),
        ("cycle.pkl", b"\x80\x02}q\0X\x01\0\0\0kh\0s.", "nested too deeply"),
        ("underflow.pkl", b"\x80\x02}ss.", "the stack is empty"),
        ("markless.pkl", b"\x80\x02t.", "no mark is open"),
        ("odd.pkl", b"\x80\x02}(NNNu.", "a key without a value"),
        ("memo.pkl", b"\x80\x02h\x07.", "nothing is in the memo at 7"),
        ("long.pkl", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615 bytes announced"),
        ("frame.pkl", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", "bytes announced"),
        ("negative.pkl", b"\x80\x02T\xff\xff\xff\xff.", "a length of -1"),
        ("future.pkl", b"\x80\x05\x80\x09N.", "protocol 9"),
        ("extension.pkl", b"\x80\x02\x82\x01.", "opcode 0x82"),
        ("utf8.pkl", b"\x80\x02X\x01\0\0\0\xff.", "not UTF-8"),
        ("number.pkl", b"\x80\x02Inope\n.", "`nope` is no number"),
        ("call.pkl", b"\x80\x02N)R.", "a call of what is no function"),
        ("state.pkl", b"\x80\x02NNb.", "state for what is no object"),
        ("scalar.pkl", b"\x80\x02K\x07.", "holds an integer, expected a dictionary"),
    ] {
        if reason.is_empty() {
            let folder = tempfile::tempdir()?;
            fs::write(folder.path().join(name), bytes)?;
            assert_eq!(read_all(&folder.path().join(name))?, 0);
        } else {
            refused_bytes(name, bytes, reason)?;
        }
    }
    Ok(())
}

#[test]
fn arrays_that_lie_about_their_data() -> TestResult {
    for (array, reason) in [
        (numpy_array(&[2, 2], "f4", &VALUES[..12]), "needs 16 bytes, its storage has 12"),
        (numpy_array(&[1 << 40, 1 << 40], "f4", &VALUES), "overflows"),
        (numpy_array(&[1 << 62], "f8", &VALUES), "overflows"),
        (numpy_array(&[-1], "f4", &VALUES), "no tuple of counts"),
        (numpy_array(&[4], "O8", &VALUES), "NumPy's type `O8` is not supported"),
        (numpy_array(&[1], "c16", &VALUES), "NumPy's type `c16` is not supported"),
    ] {
        refused_bytes("array.pkl", &pickle::state_dict("x", &array), reason)?;
        refused_bytes("array.pkl", &pickle::state_dict("x", &array), "tensor `x`")?;
    }
    Ok(())
}

#[test]
fn tensors_that_lie_about_their_storage() -> TestResult {
    let zip = |tensor: &[u8]| pickle::zip(&pickle::state_dict("x", tensor), &[("0", &VALUES)], false);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("good.pth");
    fs::write(&path, zip(&torch_tensor("0", 4, 0, &[2, 2], &[2, 1])))?;
    assert_eq!(read_all(&path)?, 16);
    for (tensor, reason) in [
        (torch_tensor("0", 4, 1, &[2, 2], &[2, 1]), "needs 20 bytes, its storage has 16"),
        (torch_tensor("0", 4, 0, &[2, 2], &[9, 1]), "needs 44 bytes"),
        (torch_tensor("0", 4, i64::MAX, &[2, 2], &[2, 1]), "overflows"),
        (torch_tensor("0", 4, 0, &[i64::MAX, 2], &[2, 1]), "overflows"),
        (torch_tensor("0", 4, 0, &[2, 2], &[i64::MAX, 1]), "overflows"),
        (torch_tensor("0", 4, 0, &[2, 2], &[-2, 1]), "strides are no tuple of counts"),
        (torch_tensor("0", 4, 0, &[1 << 40], &[0]), "expanded from a storage of 16"),
        (torch_tensor("0", 4, 0, &[2, 2], &[1]), "1 strides for shape [2, 2]"),
        (torch_tensor("0", 5, 0, &[2, 2], &[2, 1]), "which are not 5 elements"),
        (torch_tensor("0", i64::MAX, 0, &[2, 2], &[2, 1]), "overflows"),
        (torch_tensor("7", 4, 0, &[2, 2], &[2, 1]), "storage `7` is not in the file"),
    ] {
        refused_bytes("tensor.pth", &zip(&tensor), reason)?;
        refused_bytes("tensor.pth", &zip(&tensor), "tensor `x`")?;
    }
    let legacy = |tensor: &[u8], count, bytes| {
        pickle::legacy(&pickle::state_dict("x", tensor), &[("0", count, bytes)])
    };
    let good = torch_tensor("0", 4, 0, &[2, 2], &[2, 1]);
    fs::write(&path, legacy(&good, 4, &VALUES))?;
    assert_eq!(read_all(&path)?, 16);
    refused_bytes(
        "legacy.pth",
        &legacy(&good, u64::MAX, &VALUES),
        "has 18446744073709551615 elements, its tensors say 4",
    )?;
    refused_bytes("legacy.pth", &legacy(&good, 4, &VALUES[..15]), "16 bytes announced, 15 left")?;
    let huge = torch_tensor("0", 1 << 60, 0, &[2, 2], &[2, 1]);
    refused_bytes("legacy.pth", &legacy(&huge, 1 << 60, &VALUES), "bytes announced")
}

#[test]
fn archives_that_are_bombs_or_none() -> TestResult {
    let tensor = pickle::state_dict("x", &torch_tensor("0", 1 << 28, 0, &[1], &[1]));
    // A gigabyte of zeros in a megabyte: listed, and refused where its announced size is a lie.
    let zeros = pickle::zip(&tensor, &[("0", &vec![0; 4 << 20])], true);
    assert!(zeros.len() < 8 << 10);
    refused_bytes("bomb.pth", &zeros, "which are not 268435456 elements")?;
    let mut lie = pickle::zip(
        &pickle::state_dict("x", &torch_tensor("0", 1 << 20, 0, &[4], &[1])),
        &[("0", &vec![0; 4 << 20])],
        true,
    );
    pickle::replace_all(&mut lie, &(4u32 << 20).to_le_bytes(), &(4u32 << 28).to_le_bytes());
    refused_bytes("lie.pth", &lie, "")?;
    let pickle_bomb = pickle::zip(&vec![b'N'; 300 << 20], &[], true);
    refused_bytes("pickle.pth", &pickle_bomb, "at most 268435456 are read")?;
    refused_bytes("other.pth", &pickle::zip_of(&[("readme.txt", b"hello", false)]), "0 `data.pkl`")?;
    refused_bytes(
        "two.pth",
        &pickle::zip_of(&[("a/data.pkl", b"N.", false), ("b/data.pkl", b"N.", false)]),
        "2 `data.pkl`",
    )?;
    refused_bytes("cut.pth", b"PK\x03\x04", "zip directory")?;
    // One flipped bit in a storage.
    let mut flipped =
        pickle::zip(&pickle::state_dict("x", &torch_tensor("0", 4, 0, &[4], &[1])), &[("0", &VALUES)], false);
    let at = flipped.windows(16).position(|window| window == VALUES).ok_or("stored as it is")?;
    flipped[at] ^= 4;
    refused_bytes("flipped.pth", &flipped, "checksum")
}

#[test]
fn tarballs_that_escape_or_explode() -> TestResult {
    let pack = |name: &str, kind: tar::EntryType, size: u64, bytes: &[u8]| -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        let mut file = header.as_bytes().to_vec();
        file.extend(bytes);
        file.resize(file.len().next_multiple_of(512) + 1024, 0);
        file
    };
    let regular = tar::EntryType::Regular;
    let gzip = |bytes: &[u8]| -> std::io::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes)?;
        encoder.finish()
    };
    refused_bytes("a.tar.gz", &gzip(&pack("../ckpt.index", regular, 3, b"abc"))?, "leads outside")?;
    refused_bytes("b.tar", &pack("/tmp/ckpt.index", regular, 3, b"abc"), "leads outside")?;
    refused_bytes("c.tar", &pack("ckpt.index", tar::EntryType::Symlink, 0, b""), "is a link")?;
    refused_bytes("d.tar", &pack("ckpt.index", regular, 1 << 33, b"abc"), "unpack to more than")?;
    refused_bytes("e.tar", &pack("ckpt.index", regular, 4000, b"abc"), "cut off after")?;
    refused_bytes("f.tar", &pack("readme.md", regular, 3, b"abc"), "holds no checkpoint")?;
    refused_bytes("g.tar.gz", &gzip(&vec![0; 1 << 20])?, "holds no checkpoint")?;
    // 128 MiB of zeros in 128 KiB.
    let bomb = gzip(&pack("ckpt.index", regular, 128 << 20, &vec![0; 128 << 20]))?;
    assert!(bomb.len() < 256 << 10);
    refused_bytes("h.tar.gz", &bomb, "unpack to more than")?;
    let twice =
        [&pack("a/ckpt.index", regular, 3, b"abc")[..1024], &pack("b/ckpt.index", regular, 3, b"abc")]
            .concat();
    refused_bytes("i.tar", &twice, "a second file of the name")
}

#[test]
fn safetensors_that_lie() -> TestResult {
    let file = |header: &str, data: &[u8]| {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    };
    for (header, reason) in [
        (r#"{"x":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}}"#, "safetensors header"),
        (r#"{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,32]}}"#, "safetensors header"),
        (
            r#"{"x":{"dtype":"F32","shape":[4611686018427387904,16],"data_offsets":[0,16]}}"#,
            "safetensors header",
        ),
        (r#"{"x":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#, "safetensors header"),
        (r#"{"x":"#, "safetensors header"),
    ] {
        refused_bytes("x.safetensors", &file(header, &VALUES), reason)?;
    }
    refused_bytes("y.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\xff{}", "is none of")
}

#[test]
fn paths_that_lead_to_no_checkpoint() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    refused(&path("absent"), "no such file or folder, and no");
    refused(folder.path(), "holds no checkpoint");
    fs::write(path("ckpt.data-00000-of-00001"), VALUES)?;
    refused(folder.path(), "but no .index");
    fs::write(path("empty.pth"), b"")?;
    refused(&path("empty.pth"), "is empty");
    fs::write(path("noise.pth"), [7; 99])?;
    refused(&path("noise.pth"), "is none of");
    fs::write(path("keras.h5"), b"\x89HDF\r\n\x1a\n")?;
    refused(&path("keras.h5"), "an HDF5 file");
    refused(folder.path(), "holds 2 checkpoints (empty.pth, noise.pth …), name one");
    fs::write(path("renamed"), table::table(&[(Vec::new(), table::header(1))], Layout::default()))?;
    refused(&path("renamed"), "must end in .index");
    Ok(())
}

/// Cuts a file after every byte: each cut ends in an error, or reads the whole file's tensors where only padding is lost.
#[test]
fn files_cut_anywhere_end_in_an_error() -> TestResult {
    let folder = tempfile::tempdir()?;
    for name in [
        "numpy_protocol0.pkl",
        "numpy_protocol4.pkl",
        "legacy_views.pth",
        "zip_state_dict.pth",
        "zip_deflated.pth",
    ] {
        let whole = fs::read(data(name))?;
        let path = folder.path().join(name);
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length])?;
            let error = read_all(&path).expect_err(&format!("{name} cut to {length}")).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
    let index =
        write_bundle(folder.path(), &[("x", Entry::float(&[2, 2], 0, &VALUES))], &VALUES, Layout::default());
    let whole = fs::read(&index)?;
    for length in 0..whole.len() {
        fs::write(&index, &whole[..length])?;
        assert!(read_all(&index).is_err(), "index cut to {length}");
    }
    Ok(())
}

/// Flips a bit of every byte of a file: nothing panics, and where a checksum covers the bit it is noticed.
#[test]
fn flipped_bits_never_panic() -> TestResult {
    let folder = tempfile::tempdir()?;
    for name in [
        "numpy_python2.pkl",
        "legacy_nested.pth",
        "zip_mixed.pth",
        "zip_deflated.pth",
        "torch_in_pickle_protocol4.pkl",
    ] {
        let mut bytes = fs::read(data(name))?;
        let path = folder.path().join(name);
        for byte in 0..bytes.len() {
            let bit = 1 << (byte * 5 % 8);
            bytes[byte] ^= bit;
            fs::write(&path, &bytes)?;
            if let Err(error) = read_all(&path) {
                assert!(error.to_string().contains(name), "{error}");
            }
            bytes[byte] ^= bit;
        }
    }
    let index =
        write_bundle(folder.path(), &[("x", Entry::float(&[2, 2], 0, &VALUES))], &VALUES, Layout::default());
    let mut bytes = fs::read(&index)?;
    // All but the padding of the footer is under a checksum, or is the place of something that is.
    for bit in 0..(bytes.len() - 48) * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&index, &bytes)?;
        assert!(read_all(&index).is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    Ok(())
}

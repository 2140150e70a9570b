//! Damaged files of every kind. Each ends in one error that names the file and the place in it.

#[allow(dead_code)]
mod support;

use std::fs;
use std::io::Write;

use support::table::{self, Entry, Layout, write_bundle};
use support::{TestResult, VALUES, data, read_all, refused, refused_bytes};

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
    refused(&path("ckpt.data-00000-of-00001"), "name its .index");
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

//! Archives of TensorFlow bundles, whose tensors are read as the archive passes by.

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use kmax_checkpoints::{Checkpoint, DType, Error};

use support::table::{self, Entry, Layout, write_bundle};
use support::{TestResult, VALUES, data};

const INDEX: &str = "ckpt-1.index";
const SHARDS: [&str; 2] = ["ckpt-1.data-00000-of-00002", "ckpt-1.data-00001-of-00002"];

/// An archive of files out of a folder, in this order.
fn tar(folder: &Path, names: &[&str]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in names {
        archive.append_path_with_name(folder.join(name), Path::new("model").join(name))?;
    }
    archive.into_inner()
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The names of the tensors that are no strings.
fn numbers(checkpoint: &Checkpoint) -> Vec<&str> {
    let numbers = checkpoint.tensors().filter(|(_, info)| info.dtype != DType::String);
    numbers.map(|(name, _)| name).collect()
}

/// All of them, as `visit` gives them.
fn visited(checkpoint: &Checkpoint) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut found = BTreeMap::new();
    checkpoint.visit(numbers(checkpoint), |name, tensor| {
        assert_eq!(Some(tensor.shape), checkpoint.info(name).map(|info| info.shape.as_slice()));
        assert_eq!(found.insert(name.to_string(), tensor.bytes.into_owned()), None);
        Ok::<_, Error>(())
    })?;
    Ok(found)
}

#[test]
fn a_packed_bundle_is_as_it_was_before() -> TestResult {
    let folder = tempfile::tempdir()?;
    let loose = Checkpoint::open(data("bundle"))?;
    let expected = visited(&loose)?;
    assert!(!loose.is_streamed() && expected.len() >= 7);
    for names in [[INDEX, SHARDS[0], SHARDS[1]], [SHARDS[1], SHARDS[0], INDEX], [SHARDS[0], INDEX, SHARDS[1]]]
    {
        let bytes = tar(&data("bundle"), &names)?;
        for (file, bytes) in [("model.tar", &bytes), ("model.tar.gz", &gzip(&bytes)?)] {
            let path = folder.path().join(file);
            fs::write(&path, bytes)?;
            let packed = Checkpoint::open(&path)?;
            assert!(packed.is_streamed());
            assert!(packed.tensors().eq(loose.tensors()));
            assert_eq!((packed.files(), packed.format()), (vec![path], loose.format()));
            assert_eq!(visited(&packed)?, expected);
            for name in numbers(&loose) {
                assert_eq!(packed.read(name)?, loose.read(name)?);
            }
            let note = "note/.ATTRIBUTES/VARIABLE_VALUE";
            assert_eq!(packed.read_strings(note)?, loose.read_strings(note)?);
        }
    }
    Ok(())
}

#[test]
fn tensors_come_in_the_order_of_the_archive_and_only_those_asked_for() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.tar");
    fs::write(&path, tar(&data("bundle"), &[SHARDS[1], SHARDS[0], INDEX])?)?;
    let packed = Checkpoint::open(&path)?;
    let order = |asked: &[usize]| -> Result<Vec<String>, Error> {
        let names: Vec<String> =
            asked.iter().map(|i| format!("x{i}/kernel/.ATTRIBUTES/VARIABLE_VALUE")).collect();
        let mut found = Vec::new();
        packed.visit(names.iter().map(String::as_str), |name, _| {
            found.push(name[..2].to_string());
            Ok::<_, Error>(())
        })?;
        Ok(found)
    };
    assert_eq!(order(&[0, 2, 5, 0])?, ["x5", "x0", "x2"]);
    assert_eq!(order(&[])?, Vec::<String>::new());
    for (name, reason) in [("x9", "no tensor `x9`"), ("note/.ATTRIBUTES/VARIABLE_VALUE", "holds strings")] {
        let error = packed.visit([name], |_, _| Ok::<_, Error>(())).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
    // What the caller says ends it.
    let mut count = 0;
    let stopped = packed.visit(numbers(&packed), |name, _| {
        count += 1;
        Err(Error::Missing { file: "here".into(), name: name.into(), nearest: None })
    });
    assert!(stopped.is_err_and(|e| e.to_string().starts_with("here")) && count == 1);
    Ok(())
}

/// Runs itself again where no temporary file can be made.
#[test]
fn nothing_is_unpacked() -> TestResult {
    const ARCHIVE: &str = "KMAX_TEST_ARCHIVE";
    if let Some(path) = std::env::var_os(ARCHIVE) {
        let packed = Checkpoint::open(&path)?;
        assert_eq!(visited(&packed)?, visited(&Checkpoint::open(data("bundle"))?)?);
        // One tensor out of turn needs the folder.
        let error = packed.read(numbers(&packed)[0]).expect_err("no folder").to_string();
        assert!(error.contains("no/such/folder"), "{error}");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.tar.gz");
    fs::write(&path, gzip(&tar(&data("bundle"), &[SHARDS[0], SHARDS[1], INDEX])?)?)?;
    let child = Command::new(std::env::current_exe()?)
        .args(["nothing_is_unpacked", "--exact", "--nocapture"])
        .env(ARCHIVE, &path)
        .envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, folder.path().join("no/such/folder"))))
        .output()?;
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    Ok(())
}

#[test]
fn archives_cut_anywhere_end_in_an_error() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.tar.gz");
    let expected = visited(&Checkpoint::open(data("bundle"))?)?;
    let whole = gzip(&tar(&data("bundle"), &[INDEX, SHARDS[0], SHARDS[1]])?)?;
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length])?;
        match Checkpoint::open(&path).and_then(|packed| visited(&packed)) {
            // Only what follows the last file was lost.
            Ok(found) => assert!(found == expected && length + 40 > whole.len(), "cut to {length}"),
            Err(error) => assert!(error.to_string().contains("model.tar.gz"), "{error}"),
        }
    }
    Ok(())
}

#[test]
fn damage_is_told_with_tensor_and_shard() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.tar");
    let fails = |bytes: &[u8], parts: &[&str]| -> TestResult {
        fs::write(&path, bytes)?;
        let error =
            Checkpoint::open(&path).and_then(|packed| visited(&packed)).expect_err(parts[0]).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}\nexpected: {parts:?}");
        Ok(())
    };
    let whole = tar(&data("bundle"), &[SHARDS[0], INDEX])?;
    fails(&whole, &["model.tar", SHARDS[1]])?;
    let mut damaged = tar(&data("bundle"), &[SHARDS[0], SHARDS[1], INDEX])?;
    // In the middle of the first file.
    damaged[512 + 200] ^= 1;
    fails(&damaged, &["model.tar", SHARDS[0], "tensor `x", "checksum"])?;
    // A shard that is shorter than its tensors.
    fs::copy(data("bundle").join(INDEX), folder.path().join(INDEX))?;
    fs::copy(data("bundle").join(SHARDS[1]), folder.path().join(SHARDS[1]))?;
    fs::write(folder.path().join(SHARDS[0]), [0; 9])?;
    fails(&tar(folder.path(), &[SHARDS[0], SHARDS[1], INDEX])?, &[SHARDS[0], "end beyond the file's 9"])?;
    fs::copy(data("bundle").join(INDEX), folder.path().join("other.index"))?;
    fails(&tar(folder.path(), &[INDEX, "other.index"])?, &["holds 2 checkpoints (ckpt-1.index, other.index"])
}

#[test]
fn what_cannot_be_streamed_is_unpacked() -> TestResult {
    let folder = tempfile::tempdir()?;
    let packed =
        |name: &str, names: &[&str], from: &Path| -> Result<Checkpoint, Box<dyn std::error::Error>> {
            let path = folder.path().join(name);
            fs::write(&path, gzip(&tar(from, names)?)?)?;
            Ok(Checkpoint::open(path)?)
        };
    let torch = packed("torch.tar.gz", &["zip_state_dict.pth", "make.py"], &data(""))?;
    assert!(!torch.is_streamed());
    assert_eq!(visited(&torch)?, visited(&Checkpoint::open(data("zip_state_dict.pth"))?)?);
    // Two tensors with the same bytes.
    let both = [("x", Entry::float(&[4], 0, &VALUES)), ("y", Entry::float(&[2, 2], 0, &VALUES))];
    let names = ["ckpt.index", "ckpt.data-00000-of-00001"];
    write_bundle(folder.path(), &both, &VALUES, Layout::default());
    let shared = packed("shared.tar.gz", &names, folder.path())?;
    assert!(!shared.is_streamed());
    assert_eq!(visited(&shared)?.into_values().collect::<Vec<_>>(), [VALUES, VALUES]);
    // A variable in two slices.
    let halves: Vec<Vec<(u64, u64)>> = vec![vec![(0, 2)], vec![(2, 2)]];
    let whole = Entry { dtype: 1, shape: vec![4], slices: halves, ..Entry::default() };
    let half = |start: u8| -> (Vec<u8>, Vec<u8>) {
        let at = usize::from(start) * 4;
        let key = [b"\x00v\x00\x01\x01\x01".as_slice(), &[0x80 + start, 0x82]].concat();
        (key, Entry::float(&[2], at as u64, &VALUES[at..at + 8]).encode())
    };
    let entries = [(Vec::new(), table::header(1)), half(0), half(2), (b"v".to_vec(), whole.encode())];
    fs::write(folder.path().join(names[0]), table::table(&entries, Layout::default()))?;
    let sliced = packed("sliced.tar.gz", &names, folder.path())?;
    assert!(!sliced.is_streamed());
    assert_eq!(sliced.read("v")?.bytes, VALUES.as_slice());
    Ok(())
}

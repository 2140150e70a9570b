//! Files written by real PyTorch and NumPy (`tests/data/make.py`), against what they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kmax_checkpoints::{Checkpoint, DType, Error, Format};
use serde::Deserialize;
use sha2::{Digest, Sha256};

type TestResult = Result<(), Box<dyn std::error::Error>>;

#[derive(Deserialize)]
struct Expected {
    format: String,
    tensors: BTreeMap<String, ExpectedTensor>,
    skipped: Vec<String>,
}

#[derive(Deserialize)]
struct ExpectedTensor {
    dtype: String,
    shape: Vec<usize>,
    sha256: String,
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn format(name: &str) -> Option<Format> {
    Some(match name {
        "torch" => Format::Torch,
        "torch_legacy" => Format::TorchLegacy,
        "pickle" => Format::Pickle,
        _ => return None,
    })
}

fn long_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "float64",
        DType::F32 => "float32",
        DType::F16 => "float16",
        DType::BF16 => "bfloat16",
        DType::I64 => "int64",
        DType::I32 => "int32",
        DType::I16 => "int16",
        DType::I8 => "int8",
        DType::U16 => "uint16",
        DType::U8 => "uint8",
        DType::Bool => "bool",
        _ => "?",
    }
}

#[test]
fn every_file_holds_what_was_written() -> TestResult {
    let expected: BTreeMap<String, Expected> =
        serde_json::from_slice(&std::fs::read(data("expected.json"))?)?;
    assert!(expected.len() >= 20);
    for (file, expected) in &expected {
        let checkpoint = Checkpoint::open(data(file))?;
        assert_eq!(Some(checkpoint.format()), format(&expected.format), "{file}");
        let names: Vec<&str> = checkpoint.tensors().map(|(name, _)| name).collect();
        assert_eq!(names, expected.tensors.keys().map(String::as_str).collect::<Vec<_>>(), "{file}");
        for (name, expected) in &expected.tensors {
            let tensor = checkpoint.read(name)?;
            assert_eq!(
                (long_name(tensor.dtype), tensor.shape),
                (expected.dtype.as_str(), &*expected.shape),
                "{file} {name}"
            );
            let digest: String =
                Sha256::digest(&tensor.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, expected.sha256, "{file}: {name}");
        }
        let mut skipped: Vec<&str> = checkpoint.skipped().iter().map(|s| s.name.as_str()).collect();
        skipped.sort_unstable();
        assert_eq!(skipped, expected.skipped, "{file}");
    }
    Ok(())
}

#[test]
fn the_files_of_a_checkpoint_are_known() -> TestResult {
    let folder = tempfile::tempdir()?;
    for entry in std::fs::read_dir(data("bundle"))? {
        let file = entry?;
        std::fs::copy(file.path(), folder.path().join(file.file_name()))?;
    }
    for name in ["ckpt-10.data-00000-of-00001", "checkpoint", "notes.txt"] {
        std::fs::write(folder.path().join(name), name)?;
    }
    let expected = ["ckpt-1.index", "ckpt-1.data-00000-of-00002", "ckpt-1.data-00001-of-00002"];
    for path in ["ckpt-1", "ckpt-1.index", ""] {
        let checkpoint = Checkpoint::open(folder.path().join(path))?;
        assert_eq!(checkpoint.files(), expected.map(|name| folder.path().join(name)), "{path}");
    }
    assert_eq!(Checkpoint::open(data("zip_kinds.pth"))?.files(), [data("zip_kinds.pth")]);
    Ok(())
}

#[test]
fn floats_of_every_width_are_read_as_f32() -> TestResult {
    let checkpoint = Checkpoint::open(data("zip_kinds.pth"))?;
    let expected = [3.0f32, 2.63, 2.26, 1.89, 1.52, 1.15];
    for (name, tolerance) in [("float64", 1e-6), ("float32", 1e-6), ("float16", 1e-3), ("bfloat16", 1e-2)] {
        let values = checkpoint.read_f32(&format!("kind.{name}"))?;
        assert_eq!(values.len(), expected.len());
        assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < tolerance), "{name}: {values:?}");
    }
    assert!(matches!(checkpoint.read_f32("kind.int32"), Err(Error::Tensor { .. })));
    assert!(matches!(checkpoint.read_strings("kind.int32"), Err(Error::Tensor { .. })));
    let missing = checkpoint.read("kind.flaot32").map(|_| ()).expect_err("no such tensor").to_string();
    assert!(missing.contains("no tensor `kind.flaot32` (nearest: `kind.float32`)"), "{missing}");
    Ok(())
}

#[test]
fn safetensors_are_read_too() -> TestResult {
    use safetensors::{Dtype, serialize_to_file, tensor::TensorView};
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("model.safetensors");
    let bytes: Vec<u8> = [1.5f32, -2.0, 0.25, 8.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let views = [
        ("weight", TensorView::new(Dtype::F32, vec![2, 2], &bytes)?),
        ("counter", TensorView::new(Dtype::I64, vec![], &bytes[..8])?),
        ("empty", TensorView::new(Dtype::BF16, vec![0, 7], &[])?),
    ];
    serialize_to_file(views, None, &file)?;
    // By its path and as the only checkpoint of a folder.
    for path in [file.as_path(), folder.path()] {
        let checkpoint = Checkpoint::open(path)?;
        assert_eq!((checkpoint.format(), checkpoint.len()), (Format::SafeTensors, 3));
        assert_eq!(checkpoint.files(), [file.as_path()]);
        assert_eq!(checkpoint.read_f32("weight")?, [1.5, -2.0, 0.25, 8.0]);
        assert_eq!(checkpoint.read("counter")?.bytes, &bytes[..8]);
        assert_eq!(
            checkpoint.info("empty").map(|info| (info.dtype, info.shape.as_slice())),
            Some((DType::BF16, &[0, 7][..]))
        );
    }
    Ok(())
}

//! TensorFlow's tensor bundles: genuine ones with known contents, damaged ones, and archives of them.

use std::fs::{self, File};
use std::path::Path;

use kmax_checkpoints::{Checkpoint, DType, Error, Format};
use kmax_goldens::{Synth, golden};
use serde_json::Value;
use sha2::{Digest, Sha256};

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// The part of `expected.json` under `key`.
fn expected(folder: &Path, key: &str) -> Result<Value, Box<dyn std::error::Error>> {
    // Python writes numbers that JSON does not have, each on a line of its own.
    let text = fs::read_to_string(folder.join("expected.json"))?;
    let lines = text.lines().map(|line| match line.trim().trim_end_matches(',') {
        "NaN" | "Infinity" | "-Infinity" => {
            line.replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null")
        }
        _ => line.to_string(),
    });
    let file: Value = serde_json::from_str(&lines.collect::<String>())?;
    Ok(file.get(key).ok_or(format!("expected.json has no {key}"))?.clone())
}

fn dtype(name: &str) -> DType {
    match name {
        "float32" => DType::F32,
        "float64" => DType::F64,
        "float16" => DType::F16,
        "bfloat16" => DType::BF16,
        "int64" => DType::I64,
        "int32" => DType::I32,
        "int16" => DType::I16,
        "int8" => DType::I8,
        "uint8" => DType::U8,
        "bool" => DType::Bool,
        "string" => DType::String,
        other => panic!("a type that expected.json did not have: {other}"),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let value = (0..3).fold(0u32, |value, i| value << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        let digit = |i: usize| char::from(DIGITS[(value >> (18 - 6 * i)) as usize & 63]);
        (0..4).map(move |i| if i <= chunk.len() { digit(i) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Compares one tensor with its description.
fn check(checkpoint: &Checkpoint, name: &str, expected: &Value) -> TestResult {
    let info = checkpoint.info(name).ok_or(format!("no {name}"))?;
    assert_eq!(info.dtype, dtype(expected["dtype"].as_str().ok_or("no dtype")?), "{name}");
    assert_eq!(Value::from(info.shape.clone()), expected["shape"], "{name}");
    if info.dtype == DType::String {
        let strings: Vec<String> = checkpoint.read_strings(name)?.iter().map(|s| base64(s)).collect();
        assert_eq!(Value::from(strings), expected["base64"], "{name}");
        return Ok(());
    }
    let tensor = checkpoint.read(name)?;
    let digest: String = Sha256::digest(&tensor.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(expected["sha256"], digest, "{name}");
    if let (true, Some(values)) = (info.dtype.is_float(), expected.get("values").and_then(Value::as_array)) {
        let read = checkpoint.read_f32(name)?;
        assert_eq!(read.len(), values.len(), "{name}");
        for (read, value) in read.iter().zip(values) {
            // The digest covers the others.
            if let Some(value) = value.as_f64() {
                assert_eq!(*read, value as f32, "{name}");
            }
        }
    }
    Ok(())
}

fn every_tensor_of_every_genuine_bundle() -> TestResult {
    let Some(folder) = golden("tf/checkpoints") else { return Ok(()) };
    let bundles = ["tiny/ckpt-1", "sharded/ckpt-3", "partitioned/ckpt-1", "partitioned_sharded/ckpt-1"];
    for bundle in bundles.into_iter().chain(["keras_adam/ckpt-1", "broken/good/ckpt-1", "multiblock/ckpt-1"])
    {
        let expected = expected(&folder, bundle)?;
        let checkpoint = Checkpoint::open(folder.join(bundle))?;
        assert_eq!(checkpoint.format(), Format::TensorFlow);
        assert_eq!(checkpoint.skipped(), []);
        let tensors = expected["tensors"].as_object().ok_or("no tensors")?;
        if bundle != "multiblock/ckpt-1" {
            let names: Vec<&str> = checkpoint.tensors().map(|(name, _)| name).collect();
            let mut known: Vec<&str> = tensors.keys().map(String::as_str).collect();
            known.sort_unstable();
            assert_eq!(names, known, "{bundle}");
        }
        for (name, expected) in tensors {
            check(&checkpoint, name, expected)?;
        }
    }
    Ok(())
}

fn an_index_of_several_blocks() -> TestResult {
    let Some(folder) = golden("tf/checkpoints") else { return Ok(()) };
    let checkpoint = Checkpoint::open(folder.join("multiblock"))?;
    assert_eq!(checkpoint.len(), 7000);
    for i in 0..7000 {
        let (layer, norm) = (i * 7919 % 10007, i % 13);
        let name =
            format!("layer_with_weights-{layer:05}/bn_{norm}/moving_variance/.ATTRIBUTES/VARIABLE_VALUE");
        let expected = Synth::tensor(&name, &[1 + i % 3], 0.0, 1.0)?.to_vec1::<f32>()?;
        assert_eq!(checkpoint.read_f32(&name)?, expected, "{name}");
    }
    Ok(())
}

/// What TensorFlow reads is read, and what it refuses is refused with an error that names the file.
fn damaged_bundles_are_answered_as_tensorflow_does() -> TestResult {
    let Some(folder) = golden("tf/checkpoints") else { return Ok(()) };
    let broken = expected(&folder, "broken")?;
    let good = expected(&folder, "broken/good/ckpt-1")?;
    let cases = broken.as_object().ok_or("no cases")?;
    assert_eq!(cases.len(), 9);
    for (case, expected) in cases {
        let opened = Checkpoint::open(folder.join("broken").join(case).join("ckpt-1"));
        if expected["tensorflow_open"] != "opens" {
            let error = opened.map(|_| ()).expect_err(case).to_string();
            assert!(error.contains(&format!("broken/{case}/ckpt-1")), "{error}");
            continue;
        }
        let checkpoint = opened?;
        for (name, answer) in expected["tensorflow_read"].as_object().ok_or("no tensors")? {
            let result = match checkpoint.info(name).map(|info| info.dtype) {
                Some(DType::String) => checkpoint.read_strings(name).map(|_| ()),
                _ => checkpoint.read(name).map(|_| ()),
            };
            if answer == "ok" {
                result?;
                check(&checkpoint, name, &good["tensors"][name])?;
            } else {
                let error = result.expect_err(&format!("{case}: {name}"));
                assert!(matches!(error, Error::Tensor { .. } | Error::Io { .. }), "{error:?}");
                assert!(error.to_string().contains(&format!("broken/{case}/ckpt-1.data-0000")), "{error}");
            }
        }
    }
    Ok(())
}

fn a_bundle_is_found_by_prefix_index_folder_and_in_archives() -> TestResult {
    let Some(folder) = golden("tf/checkpoints") else { return Ok(()) };
    let bundle = folder.join("sharded");
    let scratch = tempfile::tempdir()?;
    let (tar, gz) = (scratch.path().join("model.tar"), scratch.path().join("model.tar.gz"));
    let mut builder = tar::Builder::new(File::create(&tar)?);
    builder.append_dir_all("resnet50_kmax", &bundle)?;
    builder.into_inner()?.sync_all()?;
    let mut encoder = flate2::write::GzEncoder::new(File::create(&gz)?, flate2::Compression::fast());
    std::io::copy(&mut File::open(&tar)?, &mut encoder)?;
    encoder.finish()?;
    let expected = expected(&folder, "sharded/ckpt-3")?;
    for path in [bundle.join("ckpt-3"), bundle.join("ckpt-3.index"), bundle.clone(), tar, gz] {
        let checkpoint = Checkpoint::open(&path)?;
        assert_eq!(checkpoint.path(), path);
        for (name, expected) in expected["tensors"].as_object().ok_or("no tensors")? {
            check(&checkpoint, name, expected)?;
        }
    }
    Ok(())
}

kmax_goldens::tests!(
    every_tensor_of_every_genuine_bundle,
    an_index_of_several_blocks,
    damaged_bundles_are_answered_as_tensorflow_does,
    a_bundle_is_found_by_prefix_index_folder_and_in_archives
);

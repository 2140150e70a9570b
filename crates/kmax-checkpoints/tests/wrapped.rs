//! Checkpoints as tools wrap them, written by real PyTorch, safetensors and transformers (`tests/data/make_wrapped.py`).

#[allow(dead_code)]
mod support;

use std::fs;

use kmax_checkpoints::{Checkpoint, DType, Error, Format, WeightSet};

use support::{TestResult, data, refused_bytes};

fn open(name: &str, asked: &str) -> Result<Checkpoint, Error> {
    let Ok(asked) = asked.parse::<WeightSet>();
    Checkpoint::open_set(data("wrapped").join(name), &asked)
}

/// The factor of `tests/data/make_wrapped.py`: 1 for the model, 2 for its average.
fn factor(checkpoint: &Checkpoint, prefix: &str) -> Result<f32, Error> {
    let values = checkpoint.read_f32(&format!("{prefix}head.weight"))?;
    let bias = checkpoint.read_f32(&format!("{prefix}backbone.bias"))?;
    let factor = bias[1];
    assert!(values.iter().enumerate().all(|(i, value)| *value == factor * i as f32), "{values:?}");
    Ok(factor)
}

#[test]
fn the_set_asked_for_is_found() -> TestResult {
    // File, what is asked for, where it lies, whether that is what was asked for, a prefix, and whose values these are.
    for (file, asked, path, is_asked, prefix, expected) in [
        ("pytorch_model.bin", "model", "", true, "", 1.0),
        ("compiled_ddp.pth", "model", "", true, "_orig_mod.module.", 1.0),
        ("lightning.ckpt", "model", "state_dict", true, "model.", 1.0),
        ("lightning.ckpt", "ema", "state_dict", false, "ema.module.", 2.0),
        ("detectron2.pth", "model", "model", true, "", 1.0),
        ("detectron2.pth", "ema", "model", false, "", 1.0),
        ("mmengine.pth", "model", "state_dict", true, "", 1.0),
        ("mmengine.pth", "ema", "ema_state_dict", true, "module.", 2.0),
        ("timm.pth.tar", "model", "state_dict", true, "", 1.0),
        ("timm.pth.tar", "ema", "state_dict_ema", true, "", 2.0),
        ("timm.pth.tar", "state_dict_ema", "state_dict_ema", true, "", 2.0),
        ("timm.pth.tar", "generator", "state_dict", false, "", 1.0),
        ("average_alone.pth", "model", "params_ema", true, "", 2.0),
    ] {
        let checkpoint = open(file, asked)?;
        let wrapping = checkpoint.wrapping();
        assert_eq!((wrapping.path.as_str(), wrapping.is_asked), (path, is_asked), "{file} {asked}");
        assert_eq!(factor(&checkpoint, prefix)?, expected, "{file} {asked}");
    }
    Ok(())
}

#[test]
fn what_lies_beside_the_weights_is_told() -> TestResult {
    let checkpoint = open("timm.pth.tar", "model")?;
    assert_eq!(checkpoint.wrapping().others, ["state_dict_ema"]);
    assert_eq!(checkpoint.wrapping().beside, ["epoch", "arch", "optimizer", "version", "args", "metric"]);
    let checkpoint = open("mmengine.pth", "ema")?;
    assert_eq!(checkpoint.wrapping().others, ["state_dict"]);
    assert_eq!(checkpoint.wrapping().beside, ["meta", "message_hub"]);
    let checkpoint = open("lightning.ckpt", "model")?;
    assert!(checkpoint.wrapping().others.is_empty());
    for key in ["callbacks", "hyper_parameters", "optimizer_states", "epoch"] {
        assert!(checkpoint.wrapping().beside.iter().any(|beside| beside == key), "{key}");
    }
    assert_eq!(open("detectron2.pth", "model")?.format(), Format::TorchLegacy);
    Ok(())
}

#[test]
fn what_is_no_tensor_is_left_out_with_its_reason() -> TestResult {
    let checkpoint = open("beside.pth", "model")?;
    assert_eq!(factor(&checkpoint, "")?, 1.0);
    // A number of NumPy is a tensor without axes.
    assert_eq!(checkpoint.read_f32("step")?, [4.0]);
    let skipped: Vec<_> = checkpoint.skipped().iter().map(|s| (s.name.as_str(), s.reason.as_str())).collect();
    let expected = [
        ("a_function", "is `torch._C._nn.gelu`"),
        ("a_method", "is a text"),
        ("a_type", "is `__main__.Net`"),
        ("words", "NumPy's type `U2` is not supported"),
        ("complex", "the type `torch.ComplexFloatStorage` is not supported"),
        ("float8", "the type `torch.float8_e4m3fn` is not supported"),
        ("path", "is an object of `pathlib.PurePosixPath`"),
    ];
    assert_eq!(skipped, expected);
    let error = open("whole_module.pth", "model").expect_err("no state dict").to_string();
    assert!(error.contains("whole_module/data.pkl, byte 2: refused `__main__.Net`"), "{error}");
    Ok(())
}

#[test]
fn files_with_an_index_are_one_checkpoint() -> TestResult {
    let whole = open("bert.safetensors", "model")?;
    for (folder, index, shard, format) in [
        ("sharded", "model.safetensors.index.json", "model-0000N-of-00002.safetensors", Format::SafeTensors),
        ("sharded_bin", "pytorch_model.bin.index.json", "pytorch_model-0000N-of-00002.bin", Format::Torch),
    ] {
        for name in [folder.to_string(), format!("{folder}/{index}")] {
            let checkpoint = open(&name, "model")?;
            assert!(checkpoint.tensors().eq(whole.tensors()), "{name}");
            assert_eq!((checkpoint.format(), checkpoint.len()), (format, 23));
            for (tensor, info) in whole.tensors() {
                assert_eq!(info.dtype, DType::F32);
                assert_eq!(checkpoint.read(tensor)?, whole.read(tensor)?, "{name} {tensor}");
            }
            let file = |name: &str| data("wrapped").join(folder).join(name);
            let expected = [index.into(), shard.replace('N', "1"), shard.replace('N', "2")];
            assert_eq!(checkpoint.files(), expected.map(|name: String| file(&name)));
        }
    }
    Ok(())
}

#[test]
fn indexes_that_disagree_with_their_files_are_refused() -> TestResult {
    let folder = tempfile::tempdir()?;
    let source = data("wrapped/sharded");
    let (first, second) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
    let index = fs::read_to_string(source.join("model.safetensors.index.json"))?;
    let fails = |index: &str, parts: &[&str]| -> TestResult {
        fs::write(folder.path().join("model.safetensors.index.json"), index)?;
        let error = Checkpoint::open(folder.path()).expect_err(parts[0]).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}\nexpected: {parts:?}");
        Ok(())
    };
    fs::copy(source.join(first), folder.path().join(first))?;
    fails(&index, &["model.safetensors.index.json", second, "not beside it"])?;
    fs::copy(source.join(second), folder.path().join(second))?;
    let pooler = format!("\"pooler.dense.bias\": \"{second}\"");
    assert!(index.contains(&pooler));
    let moved = index.replace(&pooler, &format!("\"pooler.dense.bias\": \"{first}\""));
    fails(&moved, &[first, "tensor `pooler.dense.bias`", "is absent"])?;
    let renamed = index.replace("pooler.dense.bias", "pooler.dense.bios");
    fails(&renamed, &[second, "tensor `pooler.dense.bias`", "is not in"])?;
    let escaped = index.replace(&pooler, &format!("\"pooler.dense.bias\": \"../{second}\""));
    fails(&escaped, &["tensor `pooler.dense.bias`", "no file beside the index"])?;
    // The same tensor in both files.
    fs::copy(source.join(second), folder.path().join(first))?;
    fails(&index, &[first, "lies in two files, this one and `model-00002-of-00002.safetensors`"])?;
    fails("{\"weight_map\": ", &["no index of a checkpoint in several files"])?;
    fs::write(folder.path().join("other.safetensors"), "x")?;
    fails(&index, &["holds 2 checkpoints (model.safetensors.index.json, other.safetensors"])
}

#[test]
fn unknown_classes_cost_no_more_than_their_names() -> TestResult {
    let classes: Vec<u8> = (0..70_000).flat_map(|i| format!("ca\nb{i}\n0").into_bytes()).collect();
    refused_bytes(
        "classes.pkl",
        &[&classes, b"}.".as_slice()].concat(),
        "more than 65536 functions and classes",
    )?;
    // A dictionary in which each `model` is the one before, twice.
    let mut nested = b"\x80\x02}q\0".to_vec();
    for _ in 0..40 {
        nested.extend(b"}(X\x05\0\0\0modelh\0X\x03\0\0\0emah\0uq\0");
    }
    nested.push(b'.');
    refused_bytes("nested.pkl", &nested, "nested.pkl")
}

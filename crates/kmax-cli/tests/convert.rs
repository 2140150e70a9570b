//! `kmax convert`, run as a program.

#[path = "../../kmax-pull/tests/pull/checkpoint.rs"]
mod checkpoint;
mod support;

use checkpoint::{Shapes, VARIANT, checkpoint, port, shapes_of, write};
use safetensors::{Dtype, SafeTensors};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use support::{Run, kmax, names, picture};

const QUERIES: &str = "sem_seg_head.predictor._cluster_centers.weight";

fn convert<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Run {
    kmax(folder, "convert", arguments)
}

/// The arguments, with `--from` that file.
fn from<'a>(file: &'a Path, arguments: &[&'a str]) -> Vec<&'a OsStr> {
    let from = [OsStr::new("--from"), file.as_os_str()];
    from.into_iter().chain(arguments.iter().map(|argument| OsStr::new(*argument))).collect()
}

#[test]
fn a_checkpoint_becomes_a_model_that_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    picture(90, 60).save(folder.path().join("photo.png")).expect("saved");
    let arguments = ["--to", "a b/model", "--variant", VARIANT, "--verify", "photo.png"];
    let run = convert(folder.path(), &from(checkpoint(), &arguments));
    assert_eq!(run.code, 0, "{run:?}");
    let (read, mapped) = (port().len(), port().len() - 1);
    for part in [VARIANT, &format!("{read} tensors read: {mapped} mapped, 1 skipped"), "MB written in"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    assert!(run.out.starts_with("90x60 class logits ") && run.out.lines().count() == 1, "{}", run.out);
    let model = folder.path().join("a b/model");
    assert_eq!(names(&model), ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]);
    let card = fs::read_to_string(model.join("README.md")).expect("a card");
    assert!(card.contains("| port checkpoint.safetensors | `"), "{card}");

    // Again over it, in half precision, which the values had already: the same model, the same fingerprint.
    let half = ["--to", "a b/model", "--variant", VARIANT, "--dtype", "f16", "--verify", "photo.png"];
    let again = convert(folder.path(), &from(checkpoint(), &half));
    assert_eq!((again.code, again.out), (0, run.out));
    let weights = fs::read(model.join("model.safetensors")).expect("weights");
    let weights = SafeTensors::deserialize(&weights).expect("sound");
    assert!(weights.tensors().iter().all(|(_, tensor)| tensor.dtype() == Dtype::F16));
    // What came out needs no conversion.
    for to in ["again", "again.safetensors"] {
        let own = convert(folder.path(), &from(Path::new("a b/model"), &["--to", to]));
        own.fails(3, &["a b/model", "has our names already: its folder is a model"]);
    }
    assert_eq!(names(folder.path()), ["a b", "photo.png"]);
}

#[test]
fn the_weights_asked_for_are_converted_and_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("checkpoint.safetensors");
    // As Lightning and `torch.optim.swa_utils` name them; the average lacks its queries.
    let port = port();
    let model = port.iter().map(|(name, shape)| (format!("model._orig_mod.{name}"), shape.clone()));
    let average = port.iter().filter(|(name, _)| *name != QUERIES);
    let average = average.map(|(name, shape)| (format!("ema.module.{name}"), shape.clone()));
    let rest = [("ema.n_averaged".to_string(), vec![]), ("loss.weight".to_string(), vec![3])];
    let all: Shapes = model.chain(average).chain(rest).collect();
    write(&file, &all, false);
    let run =
        convert(folder.path(), &from(&file, &["--to", "model", "--dtype", "f16", "--variant", VARIANT]));
    assert_eq!(run.code, 0, "{run:?}");
    let read = all.len();
    for part in [
        VARIANT,
        "prefix `model._orig_mod.` taken off; other weights: `ema.module.` (--weights); 2 tensors without it left out",
        &format!("{read} tensors read: {} mapped, {} skipped", port.len() - 1, read - (port.len() - 1)),
    ] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    for set in ["ema", "ema.module.", "module"] {
        convert(folder.path(), &from(&file, &["--to", "average", "--variant", VARIANT, "--weights", set]))
            .fails(3, &["1 missing: `sem_seg_head.predictor._cluster_centers.weight`"]);
    }
    convert(folder.path(), &from(&file, &["--to", "critic", "--weights", "critic"]))
        .fails(3, &["holds no weights `critic`; there are `ema.`, `ema.module.`, `model._orig_mod.`"]);
    assert_eq!(names(folder.path()), ["checkpoint.safetensors", "model"]);
}

#[test]
fn misfits_are_named_and_nothing_is_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("checkpoint.safetensors");
    let mut tensors = port();
    let queries = tensors.remove(QUERIES).expect("queries");
    tensors.insert(QUERIES.replace("centers", "centres"), queries);
    tensors.insert("backbone.stem.conv1.weight".into(), vec![64, 3, 5, 5]);
    write(&file, &tensors, false);
    let parts = [
        "checkpoint.safetensors",
        VARIANT,
        "1 missing: `sem_seg_head.predictor._cluster_centers.weight` (like `sem_seg_head.predictor._cluster_centres.weight`)",
        "1 unused: `sem_seg_head.predictor._cluster_centres.weight`",
        "1 misshapen: `backbone.stem.conv1.weight` is [64, 3, 5, 5]",
    ];
    convert(folder.path(), &from(&file, &["--to", "model"])).fails(3, &parts);
    write(&file, &port(), false);
    let wrong = ["--to", "model", "--variant", "kmax-convnext-tiny-coco.pytorch"];
    convert(folder.path(), &from(&file, &wrong))
        .fails(3, &["is no kmax-convnext-tiny-coco.pytorch", "missing", "unused"]);
    let unknown = ["--to", "model", "--variant", "kmax-resnet-coco"];
    convert(folder.path(), &from(&file, &unknown)).fails(2, &["did you mean kmax-resnet50-coco."]);
    let no_photo = ["--to", "model", "--verify", "none.jpg"];
    convert(folder.path(), &from(&file, &no_photo)).fails(3, &["none.jpg"]);
    assert_eq!(names(folder.path()), ["checkpoint.safetensors"]);
}

#[test]
fn a_checkpoint_that_may_be_of_several_networks_is_not_guessed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("kmax_panoptic_r50_coconut_s.safetensors");
    write(&file, &shapes_of(VARIANT), false);
    let parts = [
        "kmax-resnet50-coco.coconut-s-tf and kmax-resnet50-coco.coconut-s-torch",
        "different networks",
        "--variant",
    ];
    convert(folder.path(), &from(&file, &["--to", "model"])).fails(2, &parts);
    let renamed = folder.path().join("r50.safetensors");
    fs::rename(&file, &renamed).expect("renamed");
    let parts = [VARIANT, "coconut-s-tf", "coconut-s-torch", "coconut-b-tf", "coconut-b-torch"];
    convert(folder.path(), &from(&renamed, &["--to", "model"])).fails(2, &parts);
    let theirs = ["--to", "model", "--variant", "kmax-resnet50-coco.deeplab2"];
    convert(folder.path(), &from(&renamed, &theirs))
        .fails(3, &["is no kmax-resnet50-coco.deeplab2", "has the names of PyTorch", "those of deeplab2"]);
    assert_eq!(names(folder.path()), ["r50.safetensors"]);
    let chosen = ["--to", "model", "--variant", "kmax-resnet50-coco.coconut-b-tf"];
    let run = convert(folder.path(), &from(&renamed, &chosen));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.err.contains("kmax-resnet50-coco.coconut-b-tf, from coconut") && !run.err.contains("note:"),
        "{run:?}"
    );
    let card = fs::read_to_string(folder.path().join("model/README.md")).expect("a card");
    for part in ["license: cc\n", "COCONut", "kmax_panoptic_r50_coconut_b.pth", "commercial"] {
        assert!(card.contains(part), "{part}: {card}");
    }
}

#[test]
fn a_guess_within_a_network_is_stated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("kmax_convnext_large_coconut_s.safetensors");
    write(&file, &shapes_of("kmax-convnext-large-coco.pytorch"), false);
    let run = convert(folder.path(), &from(&file, &["--to", "model", "--dtype", "f16"]));
    assert_eq!(run.code, 0, "{run:?}");
    for part in [
        "kmax-convnext-large-coco.coconut-s, from coconut",
        "kmax-convnext-large-coco.pytorch, kmax-convnext-large-coco.coconut-b",
        "say --variant",
    ] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let config = fs::read_to_string(folder.path().join("model/config.json")).expect("a configuration");
    let config: serde_json::Value = serde_json::from_str(&config).expect("JSON");
    assert_eq!(config["postprocess_config"]["class_threshold_stuff"], 0.2);
}

#[test]
fn broken_files_are_told_in_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    write(&path.join("cut.safetensors"), &port(), false);
    let cut = File::options().write(true).open(path.join("cut.safetensors")).expect("opened");
    cut.set_len(1 << 20).expect("cut");
    fs::write(path.join("empty.pth"), "").expect("written");
    fs::write(path.join("text.pth"), "hello").expect("written");
    fs::write(path.join("evil.pkl"), b"cos\nsystem\n(S'touch evil'\ntR.").expect("written");
    fs::write(path.join("short.tar.gz"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]).expect("written");
    fs::create_dir(path.join("folder")).expect("made");
    let before = names(path);
    for (file, parts) in [
        ("cut.safetensors", &["cut.safetensors"][..]),
        ("empty.pth", &["empty.pth", "is empty"]),
        ("text.pth", &["text.pth", "is none of"]),
        ("evil.pkl", &["evil.pkl", "refused `os.system`"]),
        ("short.tar.gz", &["short.tar.gz"]),
        ("folder", &["folder", "holds no checkpoint"]),
        ("nowhere", &["no such file or folder, and no nowhere.index"]),
    ] {
        convert(path, &from(Path::new(file), &["--to", "model"])).fails(3, parts);
        convert(path, &from(Path::new(file), &["--to", "encoder.safetensors"])).fails(3, parts);
    }
    assert_eq!(names(path), before);
}

#[test]
fn other_things_are_not_overwritten() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    let file = path.join("checkpoint.safetensors");
    write(&file, &port(), false);
    fs::create_dir(path.join("photos")).expect("made");
    fs::write(path.join("photos/diary.txt"), "dear").expect("written");
    fs::write(path.join("note"), "x").expect("written");
    convert(path, &from(&file, &["--to", "photos", "--variant", VARIANT]))
        .fails(5, &["photos", "is no model folder"]);
    convert(path, &from(&file, &["--to", "note", "--variant", VARIANT]))
        .fails(5, &["note", "is no model folder"]);
    convert(path, &from(&file, &["--to", "note/below", "--variant", VARIANT])).fails(5, &["note"]);
    assert_eq!(names(&path.join("photos")), ["diary.txt"]);
    assert_eq!(names(path), ["checkpoint.safetensors", "note", "photos"]);
}

/// torchvision's names of ResNet-50.
fn torchvision() -> Shapes {
    let port = port()
        .into_iter()
        .filter_map(|(name, shape)| Some((name.strip_prefix("backbone.")?.to_string(), shape)));
    let named = port.map(|(name, shape)| {
        let mut name = name
            .replace("stem.", "")
            .replace("shortcut.norm", "downsample.1")
            .replace("shortcut", "downsample.0");
        for stage in 2..=5 {
            name = name.replace(&format!("res{stage}."), &format!("layer{}.", stage - 1));
        }
        for conv in 1..=3 {
            name = name.replace(&format!("conv{conv}.norm."), &format!("bn{conv}."));
        }
        (name, shape)
    });
    named.chain([("fc.weight".into(), vec![1000, 2048]), ("fc.bias".into(), vec![1000])]).collect()
}

#[test]
fn an_encoder_becomes_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    let file = path.join("resnet50.safetensors");
    write(&file, &torchvision(), false);
    let run = convert(path, &from(&file, &["--to", "new/encoder.safetensors"]));
    assert_eq!(run.code, 0, "{run:?}");
    for part in ["ResNet-50, named as by torchvision", "265 tensors mapped, 3 left out"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let encoder = fs::read(path.join("new/encoder.safetensors")).expect("written");
    let encoder = SafeTensors::deserialize(&encoder).expect("sound");
    assert_eq!(encoder.len(), 265);
    assert_eq!(encoder.tensor("backbone.stem.conv1.weight").expect("the stem").shape(), [64, 3, 7, 7]);

    for extra in [&["--dtype", "f16"][..], &["--verify"], &["--variant", VARIANT]] {
        let arguments = [&["--to", "e.safetensors"], extra].concat();
        convert(path, &from(&file, &arguments)).fails(2, &["e.safetensors", "whole models"]);
    }
    convert(path, &from(&file, &["--to", "model"])).fails(3, &["an encoder alone", "FILE.safetensors"]);
    write(&file, &port(), false);
    convert(path, &from(&file, &["--to", "e.safetensors"])).fails(3, &["a whole model", "to a folder"]);
    assert_eq!(names(path), ["new", "resnet50.safetensors"]);
    assert_eq!(names(&path.join("new")), ["encoder.safetensors"]);
}

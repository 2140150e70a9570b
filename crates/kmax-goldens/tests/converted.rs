//! Converted checkpoints reproduce the forward goldens of their own original.
//!
//! Small enough for every run: checkpoints made here, with the originals' names and layouts, in safetensors. Genuine ones,
//! written by TensorFlow and PyTorch, come from `cargo xtask prove-conversion`, which sets `KMAX_CONVERTED` to a folder of
//! converted models, `tf/MANIFEST` and `torch/MANIFEST`.

mod bundle;
mod forward;

use candle_core::{DType, Device, Tensor};
use forward::{Result, check_tf, check_torch, report};
use kmax_convert::{Conversion, WeightSet, encoder};
use kmax_goldens::{Manifest, golden};
use kmax_model::folder::WEIGHTS_FILE;
use kmax_model::{Model, Preset};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Writes the manifest's tensors under their own names, converts, and checks what came out.
fn convert_and_check(kind: &str, manifest: &str, expected: &str) -> Result<()> {
    let Some(goldens) = golden(kind) else { return Ok(()) };
    let work = tempfile::tempdir()?;
    let (from, to) = (work.path().join("checkpoint.safetensors"), work.path().join("model"));
    let manifest_file = goldens.join(format!("manifests/{manifest}.json"));
    let tensors: HashMap<String, Tensor> = Manifest::read(&manifest_file).tensors()?;
    let count = tensors.len();
    candle_core::safetensors::save(&tensors, &from)?;
    drop(tensors);
    let summary =
        Conversion { from: &from, to: &to, variant: None, half: false, weights: &WeightSet::Model }.run()?;
    assert_eq!((summary.variant.as_str(), summary.mapped, summary.skipped), (expected, count, 0));
    assert_eq!(summary.bytes, std::fs::metadata(to.join(WEIGHTS_FILE))?.len());
    assert_eq!(Model::open(&to)?.config(), &Preset::named(expected).ok_or("no preset")?.config());
    let card = std::fs::read_to_string(to.join("README.md"))?;
    assert!(card.contains("license: apache-2.0") && card.contains(&summary.files[0].1), "{card}");
    let checked = if kind == "tf" { check_tf(manifest, &to)? } else { check_torch(manifest, &to)? };
    assert!(checked, "{manifest}: no golden");
    Ok(())
}

fn deeplab2_resnet50_on_coco() -> Result<()> {
    convert_and_check("tf", "coco_resnet50", "kmax-resnet50-coco.deeplab2")
}

fn deeplab2_convnext_tiny_on_cityscapes() -> Result<()> {
    convert_and_check("tf", "cityscapes_convnext_tiny", "kmax-convnext-tiny-cityscapes.deeplab2")
}

fn deeplab2_resnet50_on_ade20k() -> Result<()> {
    convert_and_check("tf", "ade20k_resnet50", "kmax-resnet50-ade20k.deeplab2-641")
}

fn port_resnet50_on_cityscapes() -> Result<()> {
    convert_and_check("torch", "cityscapes_r50", "kmax-resnet50-cityscapes.pytorch")
}

/// The same bytes from the folder of a bundle and from an archive of it, in whose order its tensors are written.
fn an_archive_is_converted_as_its_folder() -> Result<()> {
    let Some(goldens) = golden("tf") else { return Ok(()) };
    let work = tempfile::tempdir()?;
    let path = |name: &str| work.path().join(name);
    let (folder, archive) = (path("bundle"), path("model.tar.gz"));
    let mut tensors = Manifest::read(&goldens.join("manifests/cityscapes_resnet50.json")).tensors()?;
    // Beyond float16, so that one tensor stays as it is.
    let queries = tensors.keys().find(|name| name.contains("cluster_centers")).ok_or("no queries")?.clone();
    let large = tensors.get(&queries).ok_or("no queries")?.affine(0.0, 70_000.0)?;
    tensors.insert(queries, large);
    std::fs::create_dir(&folder)?;
    bundle::write(&folder, &tensors)?;
    drop(tensors);
    let file = std::fs::File::create(&archive)?;
    let mut packed = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::none()));
    packed.append_dir_all("model", &folder)?;
    packed.into_inner()?.finish()?;
    for half in [false, true] {
        let convert = |from: &Path, to: &Path| {
            Conversion { from, to, variant: None, half, weights: &WeightSet::Model }.run()
        };
        let loose = convert(&folder, &path("loose"))?;
        let streamed = convert(&archive, &path("streamed"))?;
        assert_eq!((&streamed.variant, streamed.mapped), (&loose.variant, loose.mapped));
        let [a, b] = ["loose", "streamed"].map(|name| std::fs::read(path(name).join(WEIGHTS_FILE)));
        let (a, b) = (a?, b?);
        // Half the size, but for the one.
        assert!(a == b && (a.len() < 150_000_000) == half, "{} and {} bytes, half {half}", a.len(), b.len());
    }
    Ok(())
}

fn misfits_are_named() -> Result<()> {
    let Some(goldens) = golden("torch") else { return Ok(()) };
    let work = tempfile::tempdir()?;
    let (from, to) = (work.path().join("checkpoint.safetensors"), work.path().join("model"));
    let mut tensors = Manifest::read(&goldens.join("manifests/cityscapes_r50.json")).tensors()?;
    let queries = tensors.remove("sem_seg_head.predictor._cluster_centers.weight").ok_or("no queries")?;
    tensors.insert("sem_seg_head.predictor._cluster_centres.weight".into(), queries);
    let name = "backbone.stem.conv1.weight";
    tensors.insert(name.into(), Tensor::zeros((64, 3, 5, 5), DType::F32, &Device::Cpu)?);
    candle_core::safetensors::save(&tensors, &from)?;
    let convert =
        |variant| Conversion { from: &from, to: &to, variant, half: false, weights: &WeightSet::Model }.run();
    let message = convert(None).expect_err("misfits").to_string();
    for part in [
        "kmax-resnet50-cityscapes.pytorch",
        "1 missing: `sem_seg_head.predictor._cluster_centers.weight` (like `sem_seg_head.predictor._cluster_centres.weight`)",
        "1 unused: `sem_seg_head.predictor._cluster_centres.weight` (like `sem_seg_head.predictor._cluster_centers.weight`)",
        "1 misshapen: `backbone.stem.conv1.weight`",
        "[64, 3, 5, 5]",
        "[64, 3, 7, 7]",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let message = convert(Some("kmax-resnet-coco")).expect_err("no variant").to_string();
    assert!(message.contains("did you mean kmax-resnet50-coco"), "{message}");
    let message = convert(Some("kmax-convnext-tiny-coco.pytorch")).expect_err("another").to_string();
    assert!(message.contains("missing") && message.contains(" more"), "{message}");
    assert!(!to.exists() && std::fs::read_dir(work.path())?.count() == 1, "nothing is left");
    Ok(())
}

fn encoders_of_deeplab2() -> Result<()> {
    let Some(goldens) = golden("tf") else { return Ok(()) };
    let work = tempfile::tempdir()?;
    let (from, to) = (work.path().join("checkpoint.safetensors"), work.path().join("encoder.safetensors"));
    for (manifest, backbone) in [
        ("imagenet_resnet50", "ResNet-50"),
        ("imagenet_resnet50_model_garden", "ResNet-50"),
        ("imagenet_axial_resnet50", "MaX-S"),
        ("imagenet_axial_resnet50_model_garden", "MaX-S"),
        ("imagenet_convnext_tiny", "ConvNeXt-T"),
    ] {
        let mut tensors =
            Manifest::read(&goldens.join(format!("manifests/backbones/{manifest}.json"))).tensors()?;
        let count = tensors.len();
        let head = format!("classifier/kernel{}", kmax_convert::names::deeplab2::SUFFIX);
        tensors.insert(head, Tensor::zeros((8, 10), DType::F32, &Device::Cpu)?);
        candle_core::safetensors::save(&tensors, &from)?;
        let summary = encoder(&from, &to, &WeightSet::Model)?;
        assert_eq!((summary.backbone, summary.mapped, summary.left_out), (backbone, count, 1), "{manifest}");
        assert_eq!(candle_core::safetensors::load(&to, &Device::Cpu)?.len(), count, "{manifest}");
        // Without one of them it is no encoder.
        let name = tensors.keys().find(|name| name.contains("kernel") && !name.starts_with("classifier"));
        let name = name.ok_or("no kernel")?.clone();
        tensors.remove(&name);
        candle_core::safetensors::save(&tensors, &from)?;
        assert!(
            encoder(&from, &to, &WeightSet::Model).is_err_and(|e| e.to_string().contains(backbone)),
            "{manifest}"
        );
    }
    Ok(())
}

/// Models converted from genuine checkpoints.
fn genuine_checkpoints() -> Result<()> {
    let Some(converted) = std::env::var_os("KMAX_CONVERTED").map(PathBuf::from) else {
        kmax_goldens::skip("KMAX_CONVERTED is not set (see `cargo xtask prove-conversion`)");
        return Ok(());
    };
    for (kind, check) in [("tf", check_tf as fn(&str, &Path) -> Result<bool>), ("torch", check_torch)] {
        for entry in std::fs::read_dir(converted.join(kind)).into_iter().flatten() {
            let entry = entry?;
            let manifest = entry.file_name().into_string().map_err(|name| format!("{name:?}"))?;
            if !check(&manifest, &entry.path())? {
                // No golden: that it opens must do.
                Model::open(&entry.path())?;
                report(&format!("converted {kind}/{manifest}"), "opens", "opens");
            }
        }
    }
    Ok(())
}

kmax_goldens::tests!(
    deeplab2_resnet50_on_coco,
    deeplab2_convnext_tiny_on_cityscapes,
    deeplab2_resnet50_on_ade20k,
    port_resnet50_on_cityscapes,
    an_archive_is_converted_as_its_folder,
    misfits_are_named,
    encoders_of_deeplab2,
    genuine_checkpoints
);

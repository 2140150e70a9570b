//! ImageNet checkpoints: their names and shapes give exactly the parameters that our backbones ask for.

use kmax_backbones::{BackboneConfig, ConvNeXtSize, build};
use kmax_convert::names::naming::{Meaning, Naming};
use kmax_goldens::{Manifest, golden};
use kmax_nn::Params;
use std::collections::BTreeMap;
use std::error::Error;

type Shapes = BTreeMap<String, Vec<usize>>;

fn wanted(config: &BackboneConfig) -> Result<Shapes, Box<dyn Error>> {
    let params = Params::probe();
    build(config, &params.pp("backbone"))?;
    Ok(params.shapes())
}

/// The checkpoint's tensors under our names, by the family that its names are taken for.
fn mapped(what: &str, expected: Naming, tensors: &[(&str, &[usize])]) -> Result<Shapes, Box<dyn Error>> {
    let naming = Naming::guess(tensors.iter().map(|(name, _)| *name));
    assert_eq!(naming, Some(expected), "{what}");
    let mut shapes = Shapes::new();
    for (name, shape) in tensors {
        match expected.meaning(name) {
            Meaning::Parameter { name: ours, layout } => {
                let shape = match layout {
                    Some(layout) => {
                        layout.shape(shape).ok_or(format!("{what}: {name} has shape {shape:?}"))?
                    }
                    None => shape.to_vec(),
                };
                assert_eq!(shapes.insert(ours, shape), None, "{what}: {name} is the second of its name");
            }
            Meaning::Aside => {}
            Meaning::Unknown => return Err(format!("{what}: {name} is unknown").into()),
        }
    }
    Ok(shapes)
}

fn deeplab2_and_keras_backbones() -> Result<(), Box<dyn Error>> {
    let Some(folder) = golden("tf/manifests/backbones") else { return Ok(()) };
    let (resnet, max_s) = (BackboneConfig::resnet50_deeplab2(), BackboneConfig::max_s());
    let convnext = |size| BackboneConfig::convnext(size, 0.0);
    for (manifest, config) in [
        ("imagenet_resnet50", &resnet),
        ("imagenet_resnet50_model_garden", &resnet),
        ("imagenet_axial_resnet50", &max_s),
        ("imagenet_axial_resnet50_model_garden", &max_s),
        ("imagenet_convnext_tiny", &convnext(ConvNeXtSize::Tiny)),
        ("imagenet_convnext_small", &convnext(ConvNeXtSize::Small)),
        ("imagenet_convnext_base", &convnext(ConvNeXtSize::Base)),
        ("imagenet_convnext_large", &convnext(ConvNeXtSize::Large)),
    ] {
        let rows = Manifest::read(&folder.join(format!("{manifest}.json"))).0;
        let tensors: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.shape.as_slice())).collect();
        assert_eq!(mapped(manifest, Naming::Deeplab2, &tensors)?, wanted(config)?, "{manifest}");
    }
    Ok(())
}

/// Names and shapes as torchvision 0.x and timm print them (`{name: list(tensor.shape)}` of the state dict).
fn torchvision_and_timm_backbones() -> Result<(), Box<dyn Error>> {
    let lists: BTreeMap<String, Shapes> = serde_json::from_str(include_str!("data/imagenet_names.json"))?;
    for (what, naming, config) in [
        ("torchvision resnet50", Naming::Torchvision, BackboneConfig::resnet50_pytorch()),
        ("timm convnext_tiny", Naming::TimmConvNeXt, BackboneConfig::convnext(ConvNeXtSize::Tiny, 0.0)),
    ] {
        let list = lists.get(what).ok_or(format!("no {what}"))?;
        let tensors: Vec<_> = list.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
        assert_eq!(mapped(what, naming, &tensors)?, wanted(&config)?, "{what}");
    }
    Ok(())
}

/// The port's backbones without their prefix are detectron2's ResNet and facebookresearch's ConvNeXt.
fn detectron2_and_facebook_backbones() -> Result<(), Box<dyn Error>> {
    let Some(folder) = golden("torch/manifests") else { return Ok(()) };
    for (manifest, config) in [
        ("coco_r50", BackboneConfig::resnet50_pytorch()),
        ("coco_convnext_tiny", BackboneConfig::convnext(ConvNeXtSize::Tiny, 0.0)),
        ("coco_convnext_large", BackboneConfig::convnext(ConvNeXtSize::Large, 0.0)),
    ] {
        let rows = Manifest::read(&folder.join(format!("{manifest}.json"))).0;
        let inner = |name: &'_ str| name.strip_prefix("backbone.").map(str::to_string);
        let rows: Vec<_> =
            rows.iter().filter_map(|row| Some((inner(&row.name)?, row.shape.as_slice()))).collect();
        let tensors: Vec<_> = rows.iter().map(|(name, shape)| (name.as_str(), *shape)).collect();
        assert_eq!(mapped(manifest, Naming::PytorchBackbone, &tensors)?, wanted(&config)?, "{manifest}");
    }
    Ok(())
}

kmax_goldens::tests!(
    deeplab2_and_keras_backbones,
    torchvision_and_timm_backbones,
    detectron2_and_facebook_backbones
);

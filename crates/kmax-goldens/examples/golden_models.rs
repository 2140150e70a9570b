//! Writes model folders with the synthetic weights of the forward goldens, for programs that compare other engines with them.
//!
//! `cargo run --release -p kmax-goldens --example golden_models -- OUT [NAME...]`, with the shared folder beside the checkout. A name is
//! `torch/MANIFEST` or `tf/MANIFEST`.

#[path = "../tests/common/mod.rs"]
mod common;

use candle_core::DType;
use common::{Result, deeplab2_weights, port_weights, preset};
use kmax_goldens::{Manifest, golden};
use kmax_model::{ModelCard, folder};
use std::path::Path;

/// Where the weights come from, and whose network they are.
const MODELS: [(&str, &str); 9] = [
    ("torch/coco_r50", "kmax-resnet50-coco.pytorch"),
    ("torch/coco_convnext_tiny", "kmax-convnext-tiny-coco.pytorch"),
    ("torch/cityscapes_r50", "kmax-resnet50-cityscapes.pytorch"),
    ("tf/coco_resnet50", "kmax-resnet50-coco.deeplab2"),
    ("tf/coco_convnext_tiny", "kmax-convnext-tiny-coco.deeplab2"),
    ("tf/coco_axial_resnet50", "kmax-maxs-coco.deeplab2"),
    ("tf/cityscapes_resnet50", "kmax-resnet50-cityscapes.deeplab2"),
    ("tf/cityscapes_convnext_tiny", "kmax-convnext-tiny-cityscapes.deeplab2"),
    ("tf/ade20k_resnet50", "kmax-resnet50-ade20k.deeplab2-641"),
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("expected: OUT [NAME...]")?;
    let wanted: Vec<String> = arguments.collect();
    for (source, name) in MODELS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == source) {
            continue;
        }
        let (family, manifest) = source.split_once('/').ok_or("a family")?;
        let Some(goldens) = golden(family) else { return Err("no shared folder".into()) };
        let rows = Manifest::read(&goldens.join(format!("manifests/{manifest}.json")));
        let weights = match family {
            "torch" => port_weights(&rows)?,
            _ => deeplab2_weights(&rows, None)?,
        };
        let card = ModelCard { name: name.into(), license: "other".into(), sections: Vec::new() };
        let folder = Path::new(&out).join(source);
        std::fs::create_dir_all(folder.parent().ok_or("a parent")?)?;
        folder::save(&folder, &preset(name)?, weights, DType::F32, &card)?;
        println!("{source} {name}");
    }
    Ok(())
}

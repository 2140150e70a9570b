//! The tensors of every preset against every preset, by names and shapes alone.

use super::Variant;
use crate::contents::{Contents, Parameter};
use crate::error::{Error, Result};
use crate::names::naming::{Meaning, Naming};
use crate::reference;
use kmax_model::Preset;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Presets whose tensors are the same, though not always the network; every other preset has tensors of its own.
const SAME: [&[&str]; 5] = [
    &["kmax-convnext-large-coco.deeplab2", "kmax-convnext-large-coco.deeplab2-unlabeled"],
    &["kmax-resnet50-ade20k.deeplab2-641", "kmax-resnet50-ade20k.deeplab2-1281"],
    &["kmax-convnext-large-ade20k.deeplab2-641", "kmax-convnext-large-ade20k.deeplab2-1281"],
    &[
        "kmax-convnext-large-coco.pytorch",
        "kmax-convnext-large-coco.coconut-s",
        "kmax-convnext-large-coco.coconut-b",
        "kmax-convnext-large-coco.coconut-l",
    ],
    &RESNETS,
];

/// Three networks of the same tensors.
const RESNETS: [&str; 5] = [
    "kmax-resnet50-coco.pytorch",
    "kmax-resnet50-coco.coconut-s-tf",
    "kmax-resnet50-coco.coconut-s-torch",
    "kmax-resnet50-coco.coconut-b-tf",
    "kmax-resnet50-coco.coconut-b-torch",
];

fn names_like(name: &str) -> BTreeSet<&str> {
    let same = SAME.iter().find(|same| same.contains(&name));
    same.map_or(BTreeSet::from([name]), |same| same.iter().copied().collect())
}

/// What a checkpoint of the preset holds, under the names of its authors; without weights.
fn manifest(variant: &Variant) -> Contents {
    let naming = reference::naming_of(variant.preset).expect("a published preset");
    let parameter = |(ours, shape): (&String, &Vec<usize>)| {
        let name = reference::name_of(naming, ours, &variant.config).expect("a name there");
        let Meaning::Parameter { name: back, layout } = naming.meaning(&name) else {
            panic!("{name} means nothing")
        };
        assert_eq!(back, *ours, "{name}");
        (back, Parameter { name, shape: shape.clone(), layout, ours: Some(shape.clone()) })
    };
    let parameters: BTreeMap<_, _> = variant.known.iter().map(parameter).collect();
    let theirs = || parameters.values().map(|parameter| parameter.name.as_str());
    assert_eq!(Naming::guess(theirs()), Some(naming));
    assert_eq!(theirs().collect::<BTreeSet<_>>().len(), parameters.len());
    Contents { naming, parameters, unknown: Vec::new(), skipped: 0 }
}

/// Every published preset with its manifest.
fn manifests() -> Result<Vec<(String, Contents)>> {
    let published = Preset::all().into_iter().filter(|preset| reference::naming_of(*preset).is_some());
    published.map(|preset| Ok((preset.name(), manifest(&Variant::of(preset)?)))).collect()
}

#[test]
fn a_variant_takes_its_own_tensors_and_no_others() -> Result<()> {
    let manifests = manifests()?;
    assert_eq!(manifests.len(), 33);
    let file = Path::new("model.pth");
    let mut taken = 0;
    for preset in Preset::all() {
        let (variant, name) = (Variant::of(preset)?, preset.name());
        for (of, contents) in &manifests {
            let checked = variant.check(contents, file);
            if names_like(&name).contains(of.as_str()) {
                checked?;
                taken += 1;
                continue;
            }
            let message = checked.expect_err(&format!("{of} as {name}")).to_string();
            let told = ["missing: `", "unused: `", "misshapen: `", "has the names of"];
            assert!(message.starts_with(&format!("model.pth: is no {name}: ")), "{message}");
            assert!(told.iter().any(|part| message.contains(part)), "{of}: {message}");
        }
    }
    // 18 presets alone, three pairs, one group of four, one of five.
    assert_eq!(taken, 18 + 3 * 4 + 16 + 25);
    Ok(())
}

#[test]
fn a_guess_is_right_or_states_its_alternatives_or_is_none() -> Result<()> {
    for (of, mut contents) in manifests()? {
        // Weights that will not be trained may come without the auxiliary head.
        for whole in [true, false] {
            if !whole {
                contents.parameters.retain(|name, _| !name.starts_with("semantic_head."));
            }
            let same = names_like(&of);
            match Variant::guess(&contents, Path::new("model.pth")) {
                Ok(variant) => {
                    assert!(!RESNETS.contains(&of.as_str()), "{of}: guessed {}", variant.preset.name());
                    let name = variant.preset.name();
                    let stated: BTreeSet<_> =
                        variant.alike.iter().chain([&name]).map(String::as_str).collect();
                    assert_eq!(stated, same, "{of}");
                    assert_eq!(variant.alike.len() + 1, same.len(), "{of}");
                    variant.check(&contents, Path::new("model.pth"))?;
                }
                Err(Error::Ambiguous { candidates, .. }) => {
                    assert_eq!(candidates, RESNETS, "{of}");
                    assert!(RESNETS.contains(&of.as_str()), "{of}");
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[test]
fn the_files_name_decides_within_a_network_only() -> Result<()> {
    let contents = |name: &str| Ok::<_, Error>(manifest(&Variant::named(name)?));
    let large = contents("kmax-convnext-large-coco.pytorch")?;
    for (file, expected) in [
        ("kmax_convnext_large_coconut_s.pth", "coconut-s"),
        ("COCONut-B/model_final.pth", "coconut-b"),
        ("kmax_panoptic_convnext_large_coconut_l.pth", "coconut-l"),
        ("coconuts_large.pth", "pytorch"),
        ("kmax_convnext_large.pth", "pytorch"),
    ] {
        let variant = Variant::guess(&large, Path::new(file))?;
        assert_eq!(variant.preset.name(), format!("kmax-convnext-large-coco.{expected}"), "{file}");
        assert_eq!(variant.alike.len(), 3, "{file}");
    }
    let ade = contents("kmax-resnet50-ade20k.deeplab2-641")?;
    for (file, expected) in
        [("kmax_resnet50_res1281_ade20k_train/ckpt-100000", "deeplab2-1281"), ("ckpt-1", "deeplab2-641")]
    {
        let variant = Variant::guess(&ade, Path::new(file))?;
        assert_eq!(variant.preset.name(), format!("kmax-resnet50-ade20k.{expected}"), "{file}");
    }
    let resnet = contents(RESNETS[0])?;
    let message = |file: &str| match Variant::guess(&resnet, Path::new(file)) {
        Err(error) => error.to_string(),
        Ok(variant) => panic!("{file}: guessed {}", variant.preset.name()),
    };
    assert_eq!(
        message("kmax_panoptic_r50_coconut_b.pth"),
        "kmax_panoptic_r50_coconut_b.pth: has the tensors of kmax-resnet50-coco.coconut-b-tf and \
         kmax-resnet50-coco.coconut-b-torch, which are different networks: say which it is with --variant"
    );
    assert!(RESNETS.iter().all(|name| message("kmax_r50.pth").contains(name)));
    let short = Variant::named("kmax-resnet50-coco.coconut-s").err().map(|error| error.to_string());
    let both = "did you mean kmax-resnet50-coco.coconut-s-tf or kmax-resnet50-coco.coconut-s-torch?";
    assert!(short.as_ref().is_some_and(|message| message.ends_with(both)), "{short:?}");
    Ok(())
}

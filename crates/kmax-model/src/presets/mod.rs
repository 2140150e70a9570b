//! Configurations by name: every published variant of the reference implementations, and our own small model.

mod encoders;
mod people;
mod published;
mod releases;

use crate::config::Config;
pub use encoders::Encoder;
pub use published::{Published, Reference};
pub use releases::{LICENSE, Place, Release};

/// A configuration with a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Preset {
    /// A variant of a reference implementation.
    Published(Published),
    /// `kmax-people`: people and what they wear, trained by this project.
    People,
}

impl Preset {
    /// All of them: deeplab2's 17, PyTorch's 9, COCONut's 7, and our own.
    pub fn all() -> Vec<Self> {
        Published::all().map(Self::Published).chain([Self::People]).collect()
    }

    /// The preset of that name or alias: `kmax-resnet50-coco.deeplab2`, `kmax-convnext-large-coco.deeplab2-unlabeled`,
    /// `kmax-convnext-large-ade20k.deeplab2-1281`, `kmax-resnet50-coco.pytorch`, or `kmax-people`.
    ///
    /// A name without a tag, `kmax-resnet50-coco`, means deeplab2's, on ADE20K that of the smaller input.
    pub fn named(name: &str) -> Option<Self> {
        let all = Self::all();
        let by_name = all.iter().find(|preset| preset.name() == name);
        by_name.or_else(|| all.iter().find(|preset| preset.aliases().iter().any(|a| a == name))).copied()
    }

    /// Names that go on where `name` ends, `-641` and `-1281` or `-tf` and `-torch`: it may mean any of them.
    pub fn continuations(name: &str) -> Vec<String> {
        let names = Self::all().into_iter().map(|preset| preset.name());
        names.filter(|long| long.strip_prefix(name).is_some_and(|end| end.starts_with('-'))).collect()
    }

    /// Its name: architecture, dataset, and behind a point where the weights come from.
    pub fn name(&self) -> String {
        match self {
            Self::Published(variant) => variant.name(),
            Self::People => "kmax-people".into(),
        }
    }

    /// Further names that find it: those of older versions, and names without a tag.
    pub fn aliases(&self) -> Vec<String> {
        match self {
            Self::Published(variant) => variant.aliases(),
            Self::People => Vec::new(),
        }
    }

    /// Its configuration.
    pub fn config(&self) -> Config {
        match self {
            Self::Published(variant) => variant.config(),
            Self::People => people::config(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_preset_is_valid_and_has_a_name_of_its_own() -> crate::error::Result<()> {
        let all = Preset::all();
        assert_eq!(all.len(), 17 + 9 + 7 + 1);
        for preset in &all {
            preset.config().validate()?;
            assert_eq!(Preset::named(&preset.name()), Some(*preset));
        }
        let names: BTreeSet<_> = all.iter().map(Preset::name).collect();
        assert_eq!(names.len(), all.len());
        let aliases: Vec<_> = all.iter().flat_map(Preset::aliases).collect();
        assert!(aliases.iter().all(|alias| !names.contains(alias)));
        assert_eq!(aliases.iter().collect::<BTreeSet<_>>().len(), aliases.len());
        for name in [
            "kmax-resnet50-coco.deeplab2",
            "kmax-maxs-cityscapes.deeplab2",
            "kmax-convnext-large-coco.deeplab2-unlabeled",
            "kmax-convnext-large-ade20k.deeplab2-1281",
            "kmax-convnext-base-coco.pytorch",
            "kmax-convnext-large-coco.coconut-l",
            "kmax-resnet50-coco.coconut-s-tf",
            "kmax-resnet50-coco.coconut-s-torch",
        ] {
            assert!(names.contains(name), "{name}");
        }
        Ok(())
    }

    #[test]
    fn releases_lie_where_their_authors_put_them() {
        let place = |name: &str| match Preset::named(name) {
            Some(Preset::Published(variant)) => Some((variant.release().place(), variant.release().url())),
            _ => None,
        };
        let archive =
            "https://storage.googleapis.com/gresearch/tf-deeplab/checkpoint/kmax_maxs_gelu_coco_train.tar.gz";
        assert_eq!(place("kmax-maxs-coco.deeplab2"), Some((Place::Direct(archive), archive.into())));
        let id = "1YB_5dct0U7ys2KTJNjDIqXLSZneWTyr-";
        let page = format!("https://drive.google.com/file/d/{id}/view");
        assert_eq!(place("kmax-resnet50-coco.pytorch"), Some((Place::Drive { id }, page)));
        let (repo, file) = ("xdeng77/kmaxdeeplab_panoptic", "kmax_convnext_large_coconut_s.pth");
        let page = format!("https://huggingface.co/{repo}/blob/main/{file}");
        assert_eq!(place("kmax-convnext-large-coco.coconut-s"), Some((Place::Hub { repo, file }, page)));
    }

    #[test]
    fn older_names_find_what_they_meant() {
        for (old, new) in [
            ("kmax-resnet50-coco", "kmax-resnet50-coco.deeplab2"),
            ("kmax-convnext-large-coco", "kmax-convnext-large-coco.deeplab2"),
            ("kmax-resnet50-ade20k", "kmax-resnet50-ade20k.deeplab2-641"),
            ("kmax-resnet50-ade20k-1281", "kmax-resnet50-ade20k.deeplab2-1281"),
            ("kmax-convnext-large-ade20k-port", "kmax-convnext-large-ade20k.pytorch"),
        ] {
            assert_eq!(Preset::named(old).map(|preset| preset.name()).as_deref(), Some(new));
        }
        assert_eq!(Preset::named("kmax-resnet50-coco.other"), None);
        let of = |name| Preset::continuations(name);
        let name = "kmax-resnet50-coco.coconut-b";
        assert_eq!(
            (Preset::named(name), of(name)),
            (None, vec![format!("{name}-tf"), format!("{name}-torch")])
        );
        assert!(of("kmax-resnet50-coco.coco").is_empty() && of("kmax-people").is_empty());
    }

    #[test]
    fn coconut_differs_from_pytorch_where_its_code_does() {
        let config = |name: &str| Preset::named(name).map(|preset| preset.config());
        let [ours, tf, torch] = ["pytorch", "coconut-s-tf", "coconut-s-torch"]
            .map(|tag| config(&format!("kmax-resnet50-coco.{tag}")).expect("a preset"));
        assert_eq!(
            (ours.postprocess.class_threshold_stuff, tf.postprocess.class_threshold_stuff),
            (0.5, 0.2)
        );
        assert_eq!((ours.preprocess.size, tf.preprocess.size), ([1281; 2], [641; 2]));
        assert_eq!((&ours.categories, ours.class_order), (&tf.categories, tf.class_order));
        // One of its ResNets has deeplab2's layers, the other one detectron2's norms; nothing else differs.
        let json = |config: &Config| serde_json::to_value(&config.network.backbone).expect("JSON");
        let differing = |a: &Config, b: &Config| -> Vec<String> {
            let (a, b) = (json(a), json(b));
            let fields = a.as_object().expect("an object").keys();
            fields.filter(|field| a[*field] != b[*field]).cloned().collect()
        };
        assert_eq!(differing(&ours, &tf), ["max_pool", "features"]);
        assert_eq!(differing(&ours, &torch), ["norm_eps", "norm_momentum"]);
        let with = |mut config: Config| {
            config.network.backbone = ours.network.backbone.clone();
            config.network
        };
        assert_eq!((with(tf), with(torch)), (ours.network.clone(), ours.network.clone()));
        let [ours, theirs] = ["pytorch", "coconut-s"]
            .map(|tag| config(&format!("kmax-convnext-large-coco.{tag}")).expect("a preset"));
        assert_eq!(ours.network, theirs.network);
    }

    #[test]
    fn cityscapes_reads_the_stem_where_the_reference_implementations_do() {
        let stride = |name: &str| Preset::named(name).map(|preset| preset.config().network.mask_stride());
        assert_eq!(stride("kmax-resnet50-cityscapes.deeplab2"), Some(2));
        assert_eq!(stride("kmax-maxs-cityscapes.deeplab2"), Some(2));
        assert_eq!(stride("kmax-convnext-tiny-cityscapes.deeplab2"), Some(4));
        assert_eq!(stride("kmax-resnet50-cityscapes.pytorch"), Some(4));
        assert_eq!(stride("kmax-resnet50-coco.deeplab2"), Some(4));
    }
}

//! Configurations by name: every published variant of both originals, and our own small model.

mod people;
mod published;

use crate::Config;
pub use published::{Dataset, Published};

/// A configuration with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// A variant of one of the originals.
    Published(Published),
    /// `kmax-people`: people and what they wear, trained by this project.
    People,
}

impl Preset {
    /// All of them: deeplab2's 16 configurations, the port's 9, and our own.
    pub fn all() -> Vec<Self> {
        Published::all().into_iter().map(Self::Published).chain([Self::People]).collect()
    }

    /// The preset of that name: `kmax-resnet50-coco`, `kmax-maxs-cityscapes`, `kmax-convnext-large-ade20k-1281`, the
    /// PyTorch port's with `-port` behind, or `kmax-people`.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|preset| preset.name() == name)
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::Published(variant) => variant.name(),
            Self::People => "kmax-people".into(),
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
    fn every_preset_is_valid_and_has_a_name_of_its_own() -> crate::Result<()> {
        let all = Preset::all();
        assert_eq!(all.len(), 16 + 9 + 1);
        for preset in &all {
            preset.config().validate()?;
            assert_eq!(Preset::named(&preset.name()), Some(*preset));
        }
        let names: BTreeSet<_> = all.iter().map(Preset::name).collect();
        assert_eq!(names.len(), all.len());
        for name in [
            "kmax-resnet50-coco",
            "kmax-maxs-cityscapes",
            "kmax-convnext-large-ade20k-1281",
            "kmax-convnext-base-coco-port",
        ] {
            assert!(names.contains(name), "{name}");
        }
        Ok(())
    }

    #[test]
    fn cityscapes_reads_the_stem_where_the_originals_do() {
        let stride = |name: &str| Preset::named(name).map(|preset| preset.config().network.mask_stride());
        assert_eq!(stride("kmax-resnet50-cityscapes"), Some(2));
        assert_eq!(stride("kmax-maxs-cityscapes"), Some(2));
        assert_eq!(stride("kmax-convnext-tiny-cityscapes"), Some(4));
        assert_eq!(stride("kmax-resnet50-cityscapes-port"), Some(4));
        assert_eq!(stride("kmax-resnet50-coco"), Some(4));
    }
}
